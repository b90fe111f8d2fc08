"""All measurements, one after the other: `python -m benchmarks`"""

from benchmarks import accuracy, inspect, live, steps

for part in (steps, live, inspect, accuracy):
    part.main()
    print()
