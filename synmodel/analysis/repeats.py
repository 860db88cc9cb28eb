"""Repeats: how often a study of a given size would find what one scenario does against another.

Both arms are simulated with draws of their own, as separate groups of animals, and compared as a paper would:
by Welch's interval over mice (:func:`synmodel.imaging.between_arms`).
"""

from pathlib import Path

import numpy as np
import xarray as xr

from synmodel.core.progress import Progress
from synmodel.core.randomness import stream_key
from synmodel.imaging import between_arms, summarise
from synmodel.inference.summaries.estimate import LEVEL
from synmodel.library.parameters import ParameterSet
from synmodel.scenario import Scenario
from synmodel.simulation import simulate

__all__ = ["repeats_that_find"]


def repeats_that_find(
    treated: str | Path | Scenario,
    control: str | Path | Scenario,
    parameters: ParameterSet | None = None,
    *,
    replicates: int,
    seed: int,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Share of repeats of a study whose 95 % interval of the difference over mice excludes 0.

    Parameters
    ----------
    treated, control : str, Path or Scenario
        Both arms, with the same sessions.
    parameters : ParameterSet, optional
        Default: those of the library.
    replicates : int
        Number of repeats.
    seed : int
        Of the treated arm; that of the control is derived from it.

    Returns
    -------
    Dataset
        On ``point`` (``quantity``, ``start_day``, ``end_day``): ``difference``, its mean over repeats; ``more`` and
        ``fewer``, the shares that find a rise and a fall; ``more_low`` and ``more_high``, the exact 95 % interval of
        the first from the number of repeats.
    """
    from scipy.stats import binomtest  # on use: it takes a while to load

    another = int(stream_key(seed, "separate control")[0])
    arms = [
        summarise(simulate(arm, parameters, replicates=replicates, seed=own, progress=progress))
        for arm, own in ((treated, seed), (control, another))
    ]
    seen = between_arms(*arms)
    more = seen["low"] > 0
    ends = np.array([binomtest(int(n), replicates).proportion_ci(LEVEL) for n in more.sum("replicate").to_numpy()])
    return xr.Dataset(
        {
            "difference": seen["difference"].mean("replicate"),
            "more": more.mean("replicate"),
            "more_low": ("point", ends[:, 0]),
            "more_high": ("point", ends[:, 1]),
            "fewer": (seen["high"] < 0).mean("replicate"),
        }
    )
