"""From spines that are there to spines that are scored.

At each session a spine of class c is scored with probability 1 - miss_c, independently of other sessions; per um
of dendrite phi false spines are scored, each in one session only; the measured length has a log-normal error.
A miss followed by a detection is scored as a loss and then a gain: this "flicker" is part of every published
formation and elimination fraction.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.special import ndtri, pdtrik

from synmodel.core.errors import SimulationError
from synmodel.core.randomness import stream_key, uniform_array
from synmodel.core.schema import OBSERVATIONS, SPINES, conform, stamped
from synmodel.imaging.scoring_kernel import score

__all__ = ["Scoring", "labelled", "observe", "scored"]


Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Scoring:
    """How a study scores its images.

    Parameters
    ----------
    miss : (n_class,) tuple of float
        Probability that a spine of each class is overlooked in a session.
    false_positive_per_um : float
        False spines per um of dendrite and session.
    length_cv : float
        Coefficient of variation of the measured length.

    Raises
    ------
    SimulationError
        For probabilities outside [0, 1) or negative numbers.
    """

    miss: tuple[float, ...]
    false_positive_per_um: float = 0.0
    length_cv: float = 0.0

    def __post_init__(self) -> None:
        if any(not 0 <= miss < 1 for miss in self.miss):
            message = f"scoring.miss is {self.miss}; each is a probability from 0 to below 1"
            raise SimulationError(message)
        if not (self.false_positive_per_um >= 0 and self.length_cv >= 0):
            message = (
                f"scoring.false_positive_per_um is {self.false_positive_per_um}, length_cv {self.length_cv}; "
                "both are 0 or more"
            )
            raise SimulationError(message)


def observe(
    spines: xr.Dataset,
    scoring: Scoring,
    *,
    replicates: NDArray[np.int64],
    animals: int,
    dendrites: int,
    length_um: float,
    seed: int,
    reference_day: float = 0.0,
) -> xr.Dataset:
    """Score the spines of a block of replicates.

    Parameters
    ----------
    spines : Dataset
        Histories (:data:`synmodel.core.schema.SPINES`) of all dendrites, ``animals * dendrites`` per replicate.
    scoring : Scoring
        Its ``miss`` has one entry per class.
    replicates : (n_replicate,) ndarray
        Numbers of the replicates, consecutive.
    animals, dendrites : int
        Animals per replicate and dendrites per animal.
    length_um : float
        True length of every dendrite [um].
    seed : int
        Draws are keyed by spine and session, so two scenarios share them.
    reference_day : float
        New spines are followed from the first session after this day.

    Returns
    -------
    Dataset
        Observations with a leading ``replicate`` dim.

    Raises
    ------
    SimulationError
        If there is a class of spines without a probability to be missed.
    """
    conform(spines, SPINES)
    variables = spines.variables
    arrays = {name: variables[name].to_numpy() for name in SPINES.entries if name in variables}
    return labelled(
        scored(
            arrays,
            scoring,
            replicates=replicates,
            animals=animals,
            dendrites=dendrites,
            length_um=length_um,
            seed=seed,
            reference_day=reference_day,
        )
    )


def labelled(observations: Arrays) -> xr.Dataset:
    """What :func:`scored` gives, as Observations with a leading ``replicate`` dim."""
    content = {
        name: (("replicate", *quantity.dims), observations[name])
        for name, quantity in OBSERVATIONS.variables.items()
        if name in observations
    }
    sessions = observations["session"]
    coords = {
        "replicate": observations["replicate"],
        "session": sessions,
        "start_day": ("interval", sessions[:-1]),
        "end_day": ("interval", sessions[1:]),
    }
    return stamped(xr.Dataset(content, coords), OBSERVATIONS)


def scored(
    spines: Arrays,
    scoring: Scoring,
    *,
    replicates: NDArray[np.int64],
    animals: int,
    dendrites: int,
    length_um: float,
    seed: int,
    reference_day: float = 0.0,
) -> dict[str, NDArray[Any]]:
    """The array layer of :func:`observe`: of arrays by the names of SPINES, arrays by those of OBSERVATIONS."""
    sessions = spines["time"]
    n_session, n_dendrite = len(sessions), animals * dendrites
    replicate, dendrite = spines["replicate"], spines["dendrite"]
    row = (replicate - replicates[0]) * n_dendrite + dendrite
    shape = (len(replicates), animals, dendrites)
    n_row = len(replicates) * n_dendrite
    classes = spines["spine_class"]
    if classes.max(initial=-1) >= len(scoring.miss):
        message = (
            f"scoring.miss is {scoring.miss}, and there are spines of class {classes.max()}, counted from 0; "
            "give a probability for each class"
        )
        raise SimulationError(message)
    reference = int(np.searchsorted(sessions, reference_day, side="right"))
    reference = reference if reference < n_session else 0
    tallies, sums = _scored(spines, scoring, row, n_row, reference, seed)
    false = _false_spines(scoring, replicates, n_dendrite, length_um, n_session, seed)

    def nested(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return values.reshape(*shape, -1)

    true_count, gained, lost, seen, followed = tallies.astype(float)
    found = {
        "spine_count": nested(true_count + false),
        "gained": nested(gained[:, 1:] + false[:, 1:]),
        "lost": nested(lost[:, 1:] + false[:, :-1]),
        "length_um": nested(_lengths(scoring, replicates, n_dendrite, length_um, n_session, seed)),
    }
    if "head_width" in spines:
        with np.errstate(invalid="ignore"):
            found["head_width"] = nested(sums / true_count)
    if reference > 0:
        # False spines are new at the reference session and never seen again.
        for name, numbers in (("new_spines_seen", seen), ("new_spines_followed", followed)):
            numbers[:, :reference] = np.nan
            numbers[:, reference] += false[:, reference]
            found[name] = nested(numbers)
    return {**found, "replicate": replicates, "session": sessions}


def _scored(
    spines: Arrays, scoring: Scoring, row: NDArray[np.int64], n_row: int, reference: int, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Tallies (5, n_row, n_session) of what is seen, and sums of head widths (n_row, n_session)."""
    order = slice(None) if (row[1:] >= row[:-1]).all() else np.argsort(row, kind="stable")

    def sorted_by_dendrite(name: str) -> NDArray[Any]:
        # Writable, as for arrays that are not the loop would be compiled a second time.
        return np.require(spines[name][order], requirements=["C", "W"])

    classes = sorted_by_dendrite("spine_class")
    widths = sorted_by_dendrite("head_width") if "head_width" in spines else np.empty((0, classes.shape[1]))
    who = tuple(sorted_by_dendrite(name) for name in ("replicate", "dendrite", "spine_key"))
    first = np.searchsorted(row[order], np.arange(n_row + 1))
    tallies, sums = np.zeros((5, n_row, classes.shape[1]), np.int64), np.zeros((n_row, classes.shape[1]))
    seen = 1.0 - np.asarray(scoring.miss, float)
    score(stream_key(seed, "detection"), who, (classes, widths), seen, reference, first, tallies, sums)
    return tallies, sums


def _false_spines(
    scoring: Scoring, replicates: NDArray[np.int64], n_dendrite: int, length_um: float, n_session: int, seed: int
) -> NDArray[np.float64]:
    """(n_row, n_session) Poisson numbers of false spines."""
    mean = scoring.false_positive_per_um * length_um
    if mean == 0:
        return np.zeros((len(replicates) * n_dendrite, n_session))
    u = _by_dendrite(stream_key(seed, "false spines"), replicates, n_dendrite, n_session)
    return np.ceil(np.maximum(pdtrik(u, mean), 0.0))


def _lengths(
    scoring: Scoring, replicates: NDArray[np.int64], n_dendrite: int, length_um: float, n_session: int, seed: int
) -> NDArray[np.float64]:
    """(n_row, n_session) measured lengths [um], of mean ``length_um``."""
    if scoring.length_cv == 0:
        return np.full((len(replicates) * n_dendrite, n_session), length_um)
    sd = np.sqrt(np.log1p(scoring.length_cv**2))
    noise = ndtri(_by_dendrite(stream_key(seed, "length"), replicates, n_dendrite, n_session))
    lengths: NDArray[np.float64] = length_um * np.exp(sd * noise - sd**2 / 2)
    return lengths


def _by_dendrite(
    key: NDArray[np.uint64], replicates: NDArray[np.int64], n_dendrite: int, n_session: int
) -> NDArray[np.float64]:
    u = uniform_array(key, replicates[:, None, None], np.arange(n_dendrite)[:, None], 0, np.arange(n_session))
    return u.reshape(-1, n_session)
