"""All measurements, one after the other: `python -m benchmarks`"""

from benchmarks import live, steps

steps.main()
print()
live.main()
