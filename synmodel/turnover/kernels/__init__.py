"""Compiled loops of the simulators; they import numpy, numba, math and the compiled draws alone."""
