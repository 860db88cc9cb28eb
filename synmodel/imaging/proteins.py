r"""Western blots of synaptic proteins: fold changes with the noise of animals and of blots.

Of each animal the same sample is blotted several times, and each blot is taken over its loading control::

    signal = (1 + G_k X_P(t)) e^(s_a u - s_a^2 / 2) e^(s_b v - s_b^2 / 2)         s^2 = ln(1 + cv^2)

X_P is the excess of the protein state of the Drive, G_k the gain of a protein, u normal per animal and protein, v per
blot; both factors have mean 1. The mean of n_b blots of an animal therefore has, relative to its square, the variance
cv_a^2 + (1 + cv_a^2) cv_b^2 / n_b. Tissue ends an experiment, so each time has animals of its own.

References
----------
Li et al. 2010, doi:10.1126/science.1190287: PSD-95, synapsin I and GluA1 in synaptoneurosomes; fold changes not seen.
"""

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

from synmodel.core.errors import SimulationError
from synmodel.core.randomness import stream_key, uniform_array
from synmodel.core.schema import IMMUNOBLOT, conform, stamped
from synmodel.imaging.course import fold_at

__all__ = ["Blotting", "blot", "expected_folds", "fold_change"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Blotting:
    """Proteins and noise of a series of blots.

    Parameters
    ----------
    gains : tuple of (str, float)
        Names of proteins and G_k.
    cv_animal, cv_replicate : float
        Variation between animals, and of one blot of a sample.

    Raises
    ------
    SimulationError
        For a negative number.
    """

    gains: tuple[tuple[str, float], ...]
    cv_animal: float
    cv_replicate: float

    def __post_init__(self) -> None:
        if not self.gains or min(self.cv_animal, self.cv_replicate, *(gain for _, gain in self.gains)) < 0:
            message = (
                f"blotting has gains {self.gains}, cv_animal {self.cv_animal:g}, cv_replicate {self.cv_replicate:g}; "
                "name a protein, and give numbers of 0 or more"
            )
            raise SimulationError(message)

    @property
    def proteins(self) -> tuple[str, ...]:
        """Names of the proteins."""
        return tuple(name for name, _ in self.gains)

    def relative_variance(self, blots: int) -> float:
        """Variance of the mean of an animal's blots, over its squared expectation."""
        return self.cv_animal**2 + (1.0 + self.cv_animal**2) * self.cv_replicate**2 / blots


def expected_folds(drive: xr.Dataset, assay: Blotting, days: Array) -> Array:
    """(n_time, n_protein) exact mean signals, relative to no drug."""
    gains = np.array([gain for _, gain in assay.gains])
    folds: Array = 1.0 + (fold_at(drive, "protein", days) - 1.0)[:, None] * gains
    return folds


def blot(
    drive: xr.Dataset,
    assay: Blotting,
    days: Array,
    *,
    animals: int,
    blots: int,
    replicates: int,
    seed: int,
    arm: str = "",
) -> xr.Dataset:
    """Blots of an experiment.

    Equation and evidence: :doc:`/model/imaging`.

    Parameters
    ----------
    drive : Dataset
        A Drive with ``protein``.
    assay : Blotting
        Proteins and noise.
    days : (n_time,) array_like
        Times at which tissue is taken [day].
    animals, blots : int
        Animals per time and blots of each.
    replicates : int
        Number of times that the whole experiment is repeated.
    seed : int
        Of all draws.
    arm : str
        Arms of the same name share their draws; those of an experiment have names of their own.

    Returns
    -------
    Dataset
        ``signal`` (replicate, time, animal, blot, protein).
    """
    if min(animals, blots, replicates) < 1:
        message = f"blot got {animals} animals, {blots} blots, {replicates} replicates; each is 1 or more"
        raise SimulationError(message)
    days = np.atleast_1d(np.asarray(days, float))
    replicate = np.arange(replicates)[:, None, None, None, None]
    time = np.arange(len(days))[None, :, None, None, None]
    animal = np.arange(animals)[None, None, :, None, None]
    protein = np.arange(len(assay.gains))
    each = np.arange(blots)[None, None, None, :, None] * len(protein) + protein
    signal = (
        expected_folds(drive, assay, days)[None, :, None, None, :]
        * _noise(assay.cv_animal, stream_key(seed, f"blot animal {arm}"), replicate, time, animal, protein)
        * _noise(assay.cv_replicate, stream_key(seed, f"blot {arm}"), replicate, time, animal, each)
    )
    dataset = xr.Dataset(
        {"signal": (("replicate", "time", "animal", "blot", "protein"), signal)},
        {"replicate": np.arange(replicates), "time": days, "protein": list(assay.proteins)},
    )
    return stamped(dataset, IMMUNOBLOT)


def _noise(cv: float, key: NDArray[np.uint64], *counters: NDArray[np.int64]) -> Array:
    """Log-normal factors of mean 1."""
    sd = np.sqrt(np.log1p(cv**2))
    factor: Array = np.exp(sd * ndtri(uniform_array(key, *counters)) - sd**2 / 2)
    return factor


def fold_change(treated: xr.Dataset, control: xr.Dataset, *, level: float = 0.95) -> xr.Dataset:
    """Fold change of an experiment: Welch's t on the logarithms of the animals' means.

    Parameters
    ----------
    treated, control : Dataset
        Immunoblots of both arms, of equal times and proteins.
    level : float
        Of the interval.

    Returns
    -------
    Dataset
        ``fold``, ``low`` and ``high`` on (replicate, time, protein); the interval leaves out 1 where the change is
        significant at 1 - ``level``, two-sided.
    """
    means = [_log_means(each) for each in (treated, control)]
    if min(each.sizes["animal"] for each in means) < 2:
        message = "an arm has one animal; a fold change with an interval needs two or more in each"
        raise SimulationError(message)
    centre = means[0].mean("animal") - means[1].mean("animal")
    parts = [each.var("animal", ddof=1) / each.sizes["animal"] for each in means]
    degrees = [each.sizes["animal"] - 1 for each in means]
    variance = parts[0] + parts[1]
    freedom = variance**2 / (parts[0] ** 2 / degrees[0] + parts[1] ** 2 / degrees[1])
    half = xr.apply_ufunc(stdtrit, freedom, 0.5 + level / 2) * variance**0.5
    logs = xr.Dataset({"fold": centre, "low": centre - half, "high": centre + half})
    return logs.map(np.exp)


def _log_means(blots: xr.Dataset) -> xr.DataArray:
    """(replicate, time, animal, protein) logarithm of the mean of an animal's blots."""
    means = conform(blots, IMMUNOBLOT)["signal"].mean("blot")
    return means.copy(data=np.log(means.to_numpy()))
