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
from synmodel.core.randomness.philox import count_present
from synmodel.core.schema import OBSERVATIONS, SPINES, arrays_of, conform, stamped
from synmodel.core.threads import on_threads
from synmodel.imaging.scoring_kernel import score

__all__ = ["Images", "Scoring", "labelled", "observe", "reported", "scored"]

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


@dataclass(frozen=True, eq=False)
class Images:
    """Of which dendrites images are taken, and when.

    Attributes
    ----------
    sessions : (n_session,) ndarray
        Days of imaging [day].
    replicates : (n_replicate,) ndarray
        Numbers of the replicates, consecutive.
    animals, dendrites : int
        Animals per replicate and dendrites per animal.
    length_um : float
        True length of every dendrite [um].
    seed : int
        Draws are keyed by dendrite and session, so two scenarios share them.
    reference_day : float
        New spines are followed from the first session after this day.
    """

    sessions: NDArray[np.float64]
    replicates: NDArray[np.int64]
    animals: int
    dendrites: int
    length_um: float
    seed: int
    reference_day: float = 0.0

    @property
    def n_dendrite(self) -> int:
        """Dendrites of a replicate."""
        return self.animals * self.dendrites

    @property
    def n_row(self) -> int:
        """Dendrites of all replicates."""
        return len(self.replicates) * self.n_dendrite

    @property
    def reference(self) -> int:
        """Number of the session whose new spines are followed; 0 where there is none."""
        after = int(np.searchsorted(self.sessions, self.reference_day, side="right"))
        return after if after < len(self.sessions) else 0


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
    rows = arrays_of(spines, SPINES)
    images = Images(rows["time"], replicates, animals, dendrites, length_um, seed=seed, reference_day=reference_day)
    return labelled(reported(images, scoring, *scored(images, scoring, rows)))


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


def reported(
    images: Images, scoring: Scoring, tallies: NDArray[np.int64], sums: NDArray[np.float64] | None = None
) -> dict[str, NDArray[Any]]:
    """What is reported of dendrites whose spines were scored: false spines are added, lengths are measured.

    Parameters
    ----------
    images : Images
        Of which dendrites.
    scoring : Scoring
        False spines and the error of lengths.
    tallies : (5, n_row, n_session) ndarray
        As of :func:`synmodel.imaging.scoring_kernel.score`, by replicate and dendrite.
    sums : (n_row, n_session) ndarray, optional
        Of head widths of the spines that were scored [um].

    Returns
    -------
    dict
        Arrays by the names of :data:`synmodel.core.schema.OBSERVATIONS`, with ``replicate`` and ``session``; those of
        variables have a leading dim of replicates.
    """
    reference = images.reference
    false = _false_spines(scoring, images)

    def nested(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return values.reshape(len(images.replicates), images.animals, images.dendrites, -1)

    true_count, gained, lost, seen, followed = tallies.astype(float)
    found = {
        "spine_count": nested(true_count + false),
        "gained": nested(gained[:, 1:] + false[:, 1:]),
        "lost": nested(lost[:, 1:] + false[:, :-1]),
        "length_um": nested(_lengths(scoring, images)),
    }
    if sums is not None:
        with np.errstate(invalid="ignore"):
            found["head_width"] = nested(sums / true_count)
    if reference > 0:
        # False spines are new at the reference session and never seen again.
        for name, numbers in (("new_spines_seen", seen), ("new_spines_followed", followed)):
            numbers[:, :reference] = np.nan
            numbers[:, reference] += false[:, reference]
            found[name] = nested(numbers)
    return {**found, "replicate": images.replicates, "session": images.sessions}


def scored(
    images: Images,
    scoring: Scoring,
    spines: Arrays,
    present_widths: NDArray[np.float64] | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.float64] | None]:
    """Which spines are seen when, as numbers of each dendrite.

    Parameters
    ----------
    images : Images
        Of which dendrites.
    scoring : Scoring
        Its ``miss`` has one entry per class.
    spines : mapping
        Histories of their spines, arrays by the names of :data:`synmodel.core.schema.SPINES`.
    present_widths : ndarray, optional
        Head widths of the sessions at which each spine is there, one spine after the other [um], for spines that are
        ordered by dendrite and have no ``head_width``.

    Returns
    -------
    tuple
        Tallies (5, n_row, n_session), as of :func:`synmodel.imaging.scoring_kernel.score`, and sums of head widths
        (n_row, n_session), None where there are none.

    Raises
    ------
    SimulationError
        If there is a class of spines without a probability to be missed.
    """
    highest = spines["spine_class"].max(initial=-1)
    if highest >= len(scoring.miss):
        message = (
            f"scoring.miss is {scoring.miss}, and there are spines of class {highest}, counted from 0; "
            "give a probability for each class"
        )
        raise SimulationError(message)
    row = (spines["replicate"] - images.replicates[0]) * images.n_dendrite + spines["dendrite"]
    order = slice(None) if (row[1:] >= row[:-1]).all() else np.argsort(row, kind="stable")

    def sorted_by_dendrite(name: str) -> NDArray[Any]:
        # Writable, as for arrays that are not the loop would be compiled a second time.
        return np.require(spines[name][order], requirements=["C", "W"])

    classes = sorted_by_dendrite("spine_class")
    widths = np.empty(0) if present_widths is None else present_widths
    if "head_width" in spines:
        widths = sorted_by_dendrite("head_width")[classes >= 0]
    who = tuple(sorted_by_dendrite(name) for name in ("replicate", "dendrite", "spine_key"))
    first = np.searchsorted(row[order], np.arange(images.n_row + 1))
    tallies, sums = np.zeros((5, images.n_row, classes.shape[1]), np.int64), np.zeros((images.n_row, classes.shape[1]))
    seen = 1.0 - np.asarray(scoring.miss, float)
    key = stream_key(images.seed, "detection")
    number = np.empty(images.n_row, np.int64)
    on_threads(count_present, images.n_row, classes.reshape(-1), classes.shape[1], first, number)
    place = np.cumsum(number) - number
    places, out = (first, place), (tallies, sums)
    on_threads(score, images.n_row, (key, *who), (classes, widths), seen, images.reference, places, out)
    return tallies, sums if "head_width" in spines or present_widths is not None else None


def _false_spines(scoring: Scoring, images: Images) -> NDArray[np.float64]:
    """(n_row, n_session) Poisson numbers of false spines."""
    mean = scoring.false_positive_per_um * images.length_um
    if mean == 0:
        return np.zeros((images.n_row, len(images.sessions)))
    u = _by_dendrite("false spines", images)
    return np.ceil(np.maximum(pdtrik(u, mean), 0.0))


def _lengths(scoring: Scoring, images: Images) -> NDArray[np.float64]:
    """(n_row, n_session) measured lengths [um], of mean ``length_um``."""
    if scoring.length_cv == 0:
        return np.full((images.n_row, len(images.sessions)), images.length_um)
    sd = np.sqrt(np.log1p(scoring.length_cv**2))
    noise = ndtri(_by_dendrite("length", images))
    lengths: NDArray[np.float64] = images.length_um * np.exp(sd * noise - sd**2 / 2)
    return lengths


def _by_dendrite(stream: str, images: Images) -> NDArray[np.float64]:
    """(n_row, n_session) uniforms of a stream."""
    key, n_session = stream_key(images.seed, stream), len(images.sessions)
    u = uniform_array(
        key, images.replicates[:, None, None], np.arange(images.n_dendrite)[:, None], 0, np.arange(n_session)
    )
    return u.reshape(-1, n_session)
