"""One training step under the microscope, in numbers, formulas and code."""

from mlp.ui import backprop

backprop.page()
