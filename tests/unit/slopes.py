"""Central differences with an extrapolation, beside which exact slopes are held."""

import numpy as np

RELATIVE = 1e-6
"""Of the largest slope of an array."""
STEP = 1e-3
"""Of a parameter of a fit, in its own coordinate."""
PLANTED = 1.05
"""Factor of a slope that must be caught."""


def rise(function, step):
    """Slope at 0 of an array that depends on one number: exact for polynomials of degree 4."""
    ends = [np.asarray(function(k * step), float) for k in (-2, -1, 1, 2)]
    return (ends[0] - 8 * ends[1] + 8 * ends[2] - ends[3]) / (12 * step)


def along(function, vector, at, step):
    """Slope of a function of a vector along one of its entries."""

    def there(h):
        moved = vector.copy()
        moved[at] += h
        return function(moved)

    return rise(there, step)


def error(found, expected):
    """Largest distance over the largest slope."""
    largest = np.abs(expected).max(initial=0.0)
    return np.abs(np.asarray(found) - expected).max(initial=0.0) / (largest or 1.0)


def check(found, expected):
    """Slopes are those of the differences, and one that is 5 % off is told."""
    assert np.all(np.isfinite(found))
    assert error(found, expected) < RELATIVE
    if np.any(expected):
        wrong = np.array(found, float)
        at = np.unravel_index(np.abs(expected).argmax(), np.shape(expected))
        wrong[at] *= PLANTED
        assert error(wrong, expected) > RELATIVE
