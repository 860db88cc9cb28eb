r"""PET of the synaptic vesicle protein 2A: distribution volumes of subjects, scans and regions.

::

    V_T = v (n + (1 - n) D_k) + error        D = 1 + c (sqrt(r) g_subject + sqrt(1 - r) g_region)
    D_k = fold_k D + rescue_k max(0, 1 - D)

v is the mean volume, n the share that is not bound to SV2A, D the density of synapses relative to its mean, c its true
variation, r the correlation between regions; g and the errors are normal, the error of one scan has the standard
deviation v s / sqrt(2) with s that of the change between two scans. fold_k is what a drug does to everybody (from the
spines of the model: SV2A is presynaptic, so that one synapse per spine is a stated assumption), rescue_k the share of
a subject's deficit that it restores: an effect that depends on the baseline.

With one region, baseline and follow-up without effect are bivariate normal with correlation (reliability)

    rho = b^2 / (b^2 + s^2 / 2),        b = c (1 - n)

so subjects chosen for a low baseline rise at the next scan by (1 - rho) times what they lie below the mean, with no
effect at all: regression to the mean (:func:`expected_rise`, exact for any number of subjects).

References
----------
Finnema et al. 2018, J Cereb Blood Flow Metab. Tuncel et al. 2021, doi:10.1177/0271678X20964248 (test-retest). Holmes
et al. 2022, doi:10.1038/s41380-022-01465-2 (ketamine).
"""

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.special import bdtr, ndtr, ndtri

from synmodel.core.errors import SimulationError
from synmodel.core.randomness import stream_key, uniform_array
from synmodel.core.schema import PET_SCANS, stamped
from synmodel.core.settings import by_fields

__all__ = ["Sample", "Scanner", "expected_rise", "scan", "signal_change"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Scanner:
    """What subjects and scans are like without drug.

    Parameters
    ----------
    volume : float
        Mean V_T [mL/cm3].
    nondisplaceable_share : float
        Share of V_T that is not bound to SV2A, 0 to below 1.
    spread_cv : float
        True variation of V_T between subjects.
    retest_sd : float
        Standard deviation of the change between two scans, relative to V_T.
    region_correlation : float
        Between regions of a subject, of density and of error.

    Raises
    ------
    SimulationError
        For a number outside its range.
    """

    volume: float
    nondisplaceable_share: float
    spread_cv: float
    retest_sd: float
    region_correlation: float = 1.0

    def __post_init__(self) -> None:
        sound = (
            self.volume > 0
            and 0 <= self.nondisplaceable_share < 1
            and self.spread_cv >= 0
            and self.retest_sd >= 0
            and 0 <= self.region_correlation <= 1
        )
        if not sound:
            message = (
                f"{self} is not possible; volume is above 0, shares are 0 to below 1, variations 0 or more, a "
                "correlation 0 to 1"
            )
            raise SimulationError(message)

    @property
    def reliability(self) -> float:
        """rho, the correlation of two scans of a region without an effect."""
        total = self.spread_cv**2 + self.retest_sd**2 / 2
        return self.spread_cv**2 / total if total > 0 else 1.0

    @property
    def measured_cv(self) -> float:
        """Variation of one measured V_T between subjects."""
        return float(np.hypot(self.spread_cv, self.retest_sd / np.sqrt(2)))


@dataclass(frozen=True)
class Sample:
    """How many scans there are.

    Parameters
    ----------
    subjects : int
        Of each replicate.
    replicates : int
        Number of times that the whole trial is repeated.
    regions : int
        Of each subject.

    Raises
    ------
    SimulationError
        For less than one of them.
    """

    subjects: int
    replicates: int
    regions: int = 1

    def __post_init__(self) -> None:
        if min(self.subjects, self.regions, self.replicates) < 1:
            message = (
                f"scan got {self.subjects} subjects, {self.regions} regions, {self.replicates} replicates; each is 1 "
                "or more"
            )
            raise SimulationError(message)


@by_fields(size=Sample)
def scan(
    scanner: Scanner,
    days: Array,
    *,
    fold: Array | float = 1.0,
    rescue: Array | float = 0.0,
    size: Sample,
    seed: int,
    arm: str = "",
) -> xr.Dataset:
    """Scans of a trial.

    Equation and evidence: :doc:`/model/imaging`.

    Parameters
    ----------
    scanner : Scanner
        Subjects and errors.
    days : (n_scan,) array_like
        Times of the scans [day].
    fold, rescue : (n_scan,) array_like or float
        Density at each scan relative to no drug, and the restored share of a deficit.
    size : Sample
        Subjects and regions; its fields may be given by keywords of their own.
    seed : int
        Of all draws.
    arm : str
        Groups of the same name share their draws; those of a trial have names of their own.

    Returns
    -------
    Dataset
        ``volume`` and ``true_volume`` (replicate, subject, scan, region) [mL/cm3].
    """
    days = np.atleast_1d(np.asarray(days, float))
    folds, restored = (np.broadcast_to(np.asarray(each, float), days.shape)[:, None] for each in (fold, rescue))
    share, at = scanner.nondisplaceable_share, (size.replicates, size.subjects, len(days), size.regions)
    shape = (np.arange(size.replicates)[:, None, None, None], np.arange(size.subjects)[:, None, None])

    def normal(what: str, n_scan: int) -> Array:
        """Normal numbers with the correlation between regions, (replicate, subject, n_scan, region)."""
        scans = np.arange(n_scan)[:, None]
        r = scanner.region_correlation
        common = ndtri(uniform_array(stream_key(seed, f"pet {what} {arm}"), *shape, scans, 0))
        own = ndtri(uniform_array(stream_key(seed, f"pet {what} {arm}"), *shape, scans, 1 + np.arange(size.regions)))
        drawn: Array = np.sqrt(r) * common + np.sqrt(1.0 - r) * own
        return drawn

    density = 1.0 + scanner.spread_cv / (1.0 - share) * normal("density", 1)
    density = density * folds + restored * np.maximum(0.0, 1.0 - density)
    true = np.broadcast_to(scanner.volume * (share + (1.0 - share) * density), at)
    error = scanner.volume * scanner.retest_sd / np.sqrt(2.0) * normal("error", len(days))
    dims = ("replicate", "subject", "scan", "region")
    dataset = xr.Dataset(
        {"volume": (dims, true + error), "true_volume": (dims, true)},
        {"replicate": np.arange(size.replicates), "time": ("scan", days)},
    )
    return stamped(dataset, PET_SCANS)


def expected_rise(scanner: Scanner, subjects: int, lowest: int) -> float:
    """Mean change, relative to mean V_T, of the subjects with the lowest baselines when there is no effect at all.

    Exact: (1 - rho) times the standard deviation of a measured V_T times the mean of the ``lowest`` smallest of
    ``subjects`` standard normal numbers, -(n/k) int z phi(z) P(Bin(n - 1, Phi(z)) < k) dz.

    Equation and evidence: :doc:`/model/imaging`.
    """
    z = np.linspace(-12.0, 12.0, 20_001)
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    below = bdtr(lowest - 1, subjects - 1, np.clip(ndtr(z), 0.0, 1.0)) if subjects > 1 else np.ones_like(z)
    mean = subjects / lowest * np.trapezoid(z * density * below, z)
    return float(-(1.0 - scanner.reliability) * scanner.measured_cv * mean)


def signal_change(scanner: Scanner, fold: float) -> float:
    """Mean change of V_T relative to V_T where the density of synapses is ``fold`` times that without drug.

    The first line of the module with D = 1 before: V_T / v - 1 = (1 - n) (fold - 1).
    """
    return (1.0 - scanner.nondisplaceable_share) * (fold - 1.0)
