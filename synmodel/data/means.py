"""What means over spines say of the number of spines.

A microscope program measures single spines in steps, of 0.00242 um for instance, so a mean over N spines times N is
a whole number of steps. Were the true number another N' > N, each such product would be a whole number of steps by
chance alone, with probability 1/2 at most. A mean that is itself a whole number of steps says nothing.

Wrong tool for means that were rounded: their products are no whole steps, and the result is that nothing is said.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtrc

__all__ = ["step_of", "tell"]

_DECIMALS = (2, 3, 4, 5, 6)
_FACTORS = (2, 3, 5, 7, 11, 13)
_SHARE = 0.5
_SHARE_KEPT = 0.9
_SLACK = 1e-4
CHANCE = 0.02
"""Probability with which chance alone may make so many products whole.

Not smaller, as a slip of the pen in one mean leaves 11 of 12 whole for the true number.
"""


def _whole(values: NDArray[np.float64], step: float | NDArray[np.float64]) -> NDArray[np.bool_]:
    in_steps = values / step
    return np.abs(in_steps - np.round(in_steps)) < _SLACK


def step_of(sums: NDArray[np.float64]) -> float:
    """Step of which most sums are whole multiples; NaN if there is none.

    Examples
    --------
    >>> import numpy as np
    >>> round(step_of(0.00022 * np.array([41230, 39001, 50007, 31313])), 8)
    0.00022
    """
    for decimals in _DECIMALS:
        step = 10.0**-decimals
        whole = sums[_whole(sums, step)]
        if sums.size and whole.size > _SHARE * sums.size:
            for factor in _FACTORS:
                while _whole(whole, step * factor).mean() >= _SHARE_KEPT:
                    step *= factor
            return step
    return np.nan


def tell(means: NDArray[np.float64], count: NDArray[np.int64], steps: NDArray[np.float64]) -> bool | None:
    """What means over spines say of supposed numbers of spines.

    Parameters
    ----------
    means : array, shape (session, quantity)
        Means over spines; NaN where there is none.
    count : array, shape (session,)
        Supposed numbers of spines.
    steps : array, shape (quantity,)
        Steps of single measurements; NaN where there are none.

    Returns
    -------
    bool or None
        True where more of the products are whole than chance would have it, and not so already for a fraction of the
        spines; False where no more than half are, although there are means enough to tell; None otherwise.
    """
    telling = np.isfinite(means / steps) & ~_whole(means, steps)
    whole = _whole(means * count[:, None], steps)[telling]
    if 0.5**whole.size >= CHANCE:
        return None
    if bdtrc(whole.sum() - 1, whole.size, 0.5) < CHANCE:
        return not any(_fewer_do(means, count, steps, telling, prime) for prime in _FACTORS)
    return False if whole.mean() <= 0.5 else None


def _fewer_do(
    means: NDArray[np.float64],
    count: NDArray[np.int64],
    steps: NDArray[np.float64],
    telling: NDArray[np.bool_],
    prime: int,
) -> bool:
    """Whether one of ``prime`` of the spines makes the products whole far more often than one time in ``prime``."""
    divisible = telling & (count % prime == 0)[:, None]
    whole = _whole(means * (count / prime)[:, None], steps)[divisible]
    return bool(bdtrc(whole.sum() - 1, whole.size, 1 / prime) < CHANCE) if whole.size else False
