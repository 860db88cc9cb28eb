"""Arms of experiments as a fit sees them: doses, sessions, records of dendrites, and cohorts of new spines.

Arms are known by their doses in the library of studies; an arm of another study by its name: ``drug``,
``antagonist+drug`` or a vehicle's, one dose on day 0.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from synmodel import library
from synmodel.core.errors import FitError, did_you_mean
from synmodel.core.schema import OBSERVATIONS, conform
from synmodel.data import Arm, load_study
from synmodel.inference.likelihood.blocks import Block, LengthLaw, evidence_of_blocks
from synmodel.inference.likelihood.courses import Courses
from synmodel.inference.likelihood.evidence import Evidence, together
from synmodel.inference.likelihood.observations import blocks_of_tables, dendrite_tables
from synmodel.inference.likelihood.records import Records
from synmodel.inference.likelihood.tracked import Tracked, evidence_of_tracked, tracked_rows

__all__ = [
    "VEHICLES",
    "ArmData",
    "Cohort",
    "DendriteData",
    "Dendrites",
    "Several",
    "Shown",
    "arms_of",
    "doses_of",
    "labels_of",
]

Array = NDArray[np.float64]

VEHICLES = ("saline", "vehicle", "control", "unknown")
"""Names of arms without a drug, in studies that the library does not know; unknown where a table names no arms."""

NOMINAL_LENGTH_UM = 40.0
"""Taken for each dendrite of an arm of which no length is known."""

Several = xr.Dataset | Sequence[xr.Dataset]
"""Observations of one file, or of several."""


@dataclass(frozen=True, eq=False)
class DendriteData:
    """What is known of dendrites beside their Observations.

    Attributes
    ----------
    observations : Dataset, or several
        Observations (:data:`synmodel.core.schema.OBSERVATIONS`).
    presence : sequence of Dataset
        Presence records (:data:`synmodel.core.schema.PRESENCE`) of their dendrites, known by their labels.
    regimens : mapping
        What arms were given, by name (:func:`synmodel.data.regimens_of`), where the library does not know them.
    """

    observations: Several
    presence: Sequence[xr.Dataset] = ()
    regimens: Mapping[str, Arm] = field(default_factory=dict)


Dendrites = Several | DendriteData
"""Observations, with or without what else is known."""


class Cohort(NamedTuple):
    """Spines of an arm that were new at one session, and how many of them were there at a later one."""

    start_day: float
    end_day: float
    n_new: int
    n_present: int


class Shown(NamedTuple):
    """Gains and losses of an arm's records as predictive checks show them.

    Of a record of fractions one of its explanations; fractions are the same in all of them.

    Attributes
    ----------
    n : (record,) ndarray of int
        Spines at the first session of the record.
    first : (record,) ndarray of int
        That session.
    inside : (record, interval) ndarray of bool
        Intervals of the record.
    known : (record, interval) ndarray of bool
        Where gains and losses between neighbouring sessions are known.
    before, gained, lost : (record, interval) ndarray
        Spines at the start, and what became of them.
    length_um : (record,) ndarray
        Length of the dendrite.
    mouse : (record,) ndarray of int
        Mouse, an index into the arm's mice.
    """

    n: NDArray[np.int64]
    first: NDArray[np.int64]
    inside: NDArray[np.bool_]
    known: NDArray[np.bool_]
    before: Array
    gained: Array
    lost: Array
    length_um: Array
    mouse: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class ArmData:
    """The dendrites of one arm.

    Attributes
    ----------
    doses : tuple of (compound, day)
    regimen : Arm or None
        Doses with amount and route, and genotype; None where they are not known.
    sessions : (n_session,) ndarray
        [day].
    blocks : tuple of Block
        Records of dendrites, see :func:`synmodel.inference.likelihood.log_likelihood`.
    tracked : Tracked or None
        Dendrites whose spines are known one by one; the likelihood takes these records, and not those of their counts.
    mouse : (dendrite,) ndarray of int
        Index into ``mice``; -1 for a dendrite without a record.
    mice : tuple of str
        ``study/arm/mouse``.
    cohorts : tuple of Cohort
        New spines followed, where a table of them is given; the fit does not use them, its checks do.
    """

    study: str
    arm: str
    doses: tuple[tuple[str, float], ...]
    sessions: Array
    blocks: tuple[Block, ...]
    mouse: NDArray[np.int64]
    mice: tuple[str, ...]
    tracked: Tracked | None = None
    regimen: Arm | None = None
    cohorts: tuple[Cohort, ...] = ()

    @property
    def genotype(self) -> str:
        """Of the animals; wild-type where nothing else is known."""
        return "wild-type" if self.regimen is None else self.regimen.genotype

    @property
    def n_dendrites(self) -> int:
        """Dendrites with a record."""
        return int((self.mouse >= 0).sum())

    @property
    def n_intervals(self) -> int:
        """Intervals of records."""
        by_spine = 0 if self.tracked is None else self.tracked.n_intervals
        return by_spine + sum(block.n_intervals for block in self.counted)

    @cached_property
    def counted(self) -> tuple[Block, ...]:
        """Blocks of the dendrites of which no history of single spines is known."""
        if self.tracked is None:
            return self.blocks
        others = [block.without(self.tracked.dendrite) for block in self.blocks]
        return tuple(block for block in others if len(block.record))

    def evidence(self, courses: Courses, law: LengthLaw | None) -> tuple[Evidence, NDArray[np.int64]]:
        """What all records say, and the mouse of each."""
        return self._evidence(self.counted, courses, law)

    def _evidence(
        self, counted: tuple[Block, ...], courses: Courses, law: LengthLaw | None
    ) -> tuple[Evidence, NDArray[np.int64]]:
        pieces, dendrite = list[Evidence](), list[NDArray[np.int64]]()
        if counted:
            evidence, of = evidence_of_blocks(counted, courses, law)
            pieces, dendrite = [evidence], [of]
        if self.tracked is not None:
            pieces.append(evidence_of_tracked(self.tracked, courses))
            dendrite.append(self.tracked.dendrite)
        return together(pieces), self.mouse[np.concatenate(dendrite)]

    @cached_property
    def complete(self) -> tuple[Block, ...]:
        """Records of which every gain and loss is known."""
        return self._by_completeness[0]

    @cached_property
    def _by_completeness(self) -> tuple[tuple[Block, ...], tuple[Block, ...]]:
        whole, open_ = (
            zip(*(block.by_completeness() for block in self.counted), strict=True) if self.counted else ((), ())
        )
        return tuple(b for b in whole if len(b.record)), tuple(b for b in open_ if len(b.record))

    @property
    def has_open(self) -> bool:
        """Whether something of an arm's records is not known, or they are histories of single spines."""
        return self.tracked is not None or bool(self._by_completeness[1])

    def evidence_of_open(self, courses: Courses, law: LengthLaw | None) -> tuple[Evidence, NDArray[np.int64]]:
        """What all other records than the complete ones say, and the mouse of each."""
        return self._evidence(self._by_completeness[1], courses, law)

    def arrays(self) -> list[NDArray[np.generic]]:
        """All that the likelihood depends on."""
        by_spine = [] if self.tracked is None else self.tracked.arrays()
        return [self.sessions, self.mouse, *by_spine, *(each for block in self.counted for each in block.arrays())]

    @cached_property
    def of_fractions(self) -> bool:
        """Whether spines of some dendrite were not counted."""
        return any(block.lengths is not None for block in self.blocks)

    @property
    def nominal_length(self) -> bool:
        """Whether all dendrites were taken as of one nominal length."""
        scales = [block.scale for block in self.blocks if block.lengths is None]
        scales += [] if self.tracked is None else [self.tracked.scale]
        unknown = self.study not in library.names("studies")
        return bool(unknown and scales and np.all(np.concatenate(scales) == NOMINAL_LENGTH_UM))

    @cached_property
    def starts_later(self) -> bool:
        """Whether a record starts after the first session."""
        late = self.tracked is not None and bool(self.tracked.records.first_imaged.any())
        return late or any(bool(block.keep[block.runs.first].any()) for block in self.blocks)

    @cached_property
    def shown(self) -> Shown:
        """What predictive checks show of the arm."""
        several = [_shown(block, self.mouse, len(self.sessions) - 1) for block in self.blocks]
        return Shown(*(np.concatenate(each) for each in zip(*several, strict=True)))


def _shown(block: Block, mouse: NDArray[np.int64], n_interval: int) -> Shown:
    # The middle one of the explanations of every record.
    numbers = np.bincount(block.record)
    chosen = np.cumsum(numbers) - numbers + (numbers - 1) // 2
    runs = block.runs.take(chosen)
    change = np.where((runs.gained >= 0) & (runs.lost >= 0), runs.gained - runs.lost, 0)
    before = runs.n[:, None] + np.cumsum(change, axis=1) - change
    # After an open interval the number is known again where it was recorded.
    if runs.at_end is not None:
        ends = np.where(runs.at_end[:, :-1] >= 0, runs.at_end[:, :-1], -1)
        later = np.arange(1, runs.gained.shape[1]) > runs.first[:, None]
        before[:, 1:] = np.where(later, ends, before[:, 1:])
    known = runs.inside & (runs.gained >= 0) & (runs.lost >= 0) & (before > 0)
    known &= np.diff(block.keep) == 1
    tables = [np.zeros((len(chosen), n_interval), kind) for kind in (bool, float, float, float)]
    for table, values in zip(tables, (known, before, runs.gained, runs.lost), strict=True):
        table[:, block.keep[1:] - 1] = values
    first, stop, interval = block.keep[runs.first], block.keep[runs.stop], np.arange(n_interval)
    inside = (interval >= first[:, None]) & (interval < stop[:, None])
    own = block.scale[chosen], mouse[block.dendrite]
    return Shown(runs.n, first, inside, tables[0], tables[1], tables[2], tables[3], *own)


def arms_of(data: Dendrites) -> list[ArmData]:
    """Split data into arms.

    Parameters
    ----------
    data : Dataset, or several, or DendriteData
        Observations (:data:`synmodel.core.schema.OBSERVATIONS`) with coordinates ``arm`` and, if there are several,
        ``study`` and ``mouse`` on ``animal``. Tracked counts of an arm stand in one of them alone; new spines
        followed may stand in another.

    Raises
    ------
    FitError
        If no dendrite has a record of two sessions, or an arm stands in two of them.
    """
    data = data if isinstance(data, DendriteData) else DendriteData(data)
    several = [data.observations] if isinstance(data.observations, xr.Dataset) else list(data.observations)
    arms = [_with_regimen(arm, data.regimens) for each in several for arm in _arms_of_one(each, data.presence)]
    if not arms:
        message = (
            "observations has no two sessions of a dendrite whose counts, gains, losses or fractions are known: "
            "`synmodel data check FILE` says what is wrong in which row"
        )
        raise FitError(message)
    for unknown in set(data.regimens) - {arm.arm for arm in arms}:
        message = (
            f"--arm names {unknown!r}, which is no arm of the table; {did_you_mean(unknown, [a.arm for a in arms])}"
        )
        raise FitError(message)
    names = [(arm.study, arm.arm) for arm in arms]
    for name in names:
        if names.count(name) > 1:
            message = f"arm {name[1]} of study {name[0]} stands in several of the tables; give it in one, or rename it"
            raise FitError(message)
    cohorts = [named for each in several for named in _cohorts(each)]
    with_cohorts = [
        replace(arm, cohorts=tuple(cohort for name, cohort in cohorts if name == (arm.study, arm.arm))) for arm in arms
    ]
    return sorted(with_cohorts, key=lambda arm: (arm.study, arm.arm))


def _with_regimen(arm: ArmData, regimens: Mapping[str, Arm]) -> ArmData:
    """The arm with its doses: as given, from the library, or none if its name is that of a vehicle."""
    regimen = regimens.get(arm.arm)
    if regimen is None and arm.study in library.names("studies"):
        known = load_study(arm.study)
        regimen = known.arm(arm.arm) if arm.arm in [each.name for each in known.arms] else None
    if regimen is None:
        return replace(arm, regimen=None if arm.doses else Arm(name=arm.arm))
    doses = tuple((dose.compound, day) for dose in regimen.doses for day in dose.days)
    return replace(arm, regimen=regimen, doses=doses)


def _arms_of_one(observations: xr.Dataset, presence: Sequence[xr.Dataset]) -> list[ArmData]:
    conform(observations, OBSERVATIONS)
    if "replicate" in observations.dims:
        message = "observations has a dim replicate; fit one experiment at a time: observations.isel(replicate=0)"
        raise FitError(message)
    n = observations.sizes["animal"]
    study = labels_of(observations, "study", "study", n)
    arm = labels_of(observations, "arm", "control", n)
    mouse = labels_of(observations, "mouse", None, n)
    arms: list[ArmData] = []
    for name, which in sorted(set(zip(study, arm, strict=True))):
        rows = np.flatnonzero((study == name) & (arm == which))
        arms.extend(_arm(observations.isel(animal=rows), name, which, mouse[rows], presence))
    return arms


def _cohorts(observations: xr.Dataset) -> Iterator[tuple[tuple[str, str], Cohort]]:
    """Study, arm and cohort of the new spines that a table follows, over the dendrites known at both sessions."""
    if "new_spines_seen" not in observations:
        return
    n = observations.sizes["animal"]
    study, arm = labels_of(observations, "study", "study", n), labels_of(observations, "arm", "control", n)
    seen = observations["new_spines_seen"].transpose("animal", "dendrite", "session").to_numpy()
    days = observations["session"].to_numpy().astype(float)
    for name, which in sorted(set(zip(study, arm, strict=True))):
        own = seen[(study == name) & (arm == which)].reshape(-1, len(days))
        known = np.flatnonzero(np.isfinite(own).any(axis=0))
        for later in known[1:]:
            both = np.isfinite(own[:, known[0]]) & np.isfinite(own[:, later])
            n_new, n_present = (int(own[both, at].sum()) for at in (known[0], later))
            if n_new > 0:
                yield (name, which), Cohort(float(days[known[0]]), float(days[later]), n_new, n_present)


def labels_of(observations: xr.Dataset, name: str, default: str | None, n: int) -> NDArray[np.str_]:
    """(n,) labels of animals; without that coordinate the default, or numbers from 1."""
    if name in observations.coords:
        return observations[name].to_numpy().astype(str)
    return np.array([default or str(i + 1) for i in range(n)])


def _arm(
    own: xr.Dataset, study: str, arm: str, mouse: NDArray[np.str_], presence: Sequence[xr.Dataset]
) -> Iterator[ArmData]:
    tables = dendrite_tables(own)
    lengths = cache(lambda: _lengths(tables.length_um, study, arm))
    blocks = blocks_of_tables(tables, lengths, _median(tables.density_per_um))
    names = np.repeat(mouse, own.sizes["dendrite"])
    tracked = _tracked(own, (study, arm), names, presence, lengths)
    if not blocks and tracked is None:
        return
    records = [block.dendrite for block in blocks] + ([tracked.dendrite] if tracked is not None else [])
    with_record = np.unique(np.concatenate(records))
    mice, of_dendrite = np.unique(names[with_record], return_inverse=True)
    numbers = np.full(len(names), -1, np.int64)
    numbers[with_record] = of_dendrite
    yield ArmData(
        study=study,
        arm=arm,
        doses=doses_of(study, arm),
        sessions=own["session"].to_numpy().astype(float),
        blocks=tuple(blocks),
        mouse=numbers,
        mice=tuple(f"{study}/{arm}/{name}" for name in mice),
        tracked=tracked,
    )


def _tracked(
    own: xr.Dataset,
    which: tuple[str, str],
    names: NDArray[np.str_],
    presence: Sequence[xr.Dataset],
    lengths: Callable[[], Array],
) -> Tracked | None:
    """Dendrites of an arm whose spines stand in a presence record with the sessions of the observations."""
    labels = own["dendrite_label"].to_numpy().astype(str).ravel() if "dendrite_label" in own.coords else None
    sessions = own["session"].to_numpy().astype(float)
    for each in presence:
        if labels is None or not np.array_equal(each["session"].to_numpy().astype(float), sessions):
            continue
        where = {pair: k for k, pair in enumerate(zip(names.tolist(), labels.tolist(), strict=True)) if pair[1]}
        mine = (each["study"].to_numpy().astype(str) == which[0]) & (each["arm"].to_numpy().astype(str) == which[1])
        pairs = zip(
            each["mouse"].to_numpy().astype(str).tolist(),
            each["dendrite_label"].to_numpy().astype(str).tolist(),
            strict=True,
        )
        of = np.array([where.get(pair, -1) if here else -1 for pair, here in zip(pairs, mine.tolist(), strict=True)])
        # A flag may have made a dendrite unknown in the observations: then it is so here.
        known = np.isfinite(own["spine_count"].to_numpy().reshape(len(names), -1)).any(axis=1)
        rows = np.flatnonzero((of >= 0) & known[of])
        if len(rows) == 0:
            continue
        dendrite, number = np.unique(of[rows], return_inverse=True)
        present, owner = tracked_rows(each["present"].to_numpy()[rows].astype(np.int8), number.astype(np.int64))
        return Tracked(Records(present, owner, len(dendrite)), dendrite.astype(np.int64), lengths()[dendrite])
    return None


def _median(density_per_um: Array) -> float:
    """Of all known densities; 1 where there is none, so that lengths are in spines."""
    known = density_per_um[density_per_um > 0]
    return float(np.median(known)) if len(known) else 1.0


def _lengths(length_um: Array, study: str, arm: str) -> Array:
    """(dendrite,) mean length over sessions; where none is known, that of the study's dendrites or a nominal one."""
    known = np.isfinite(length_um) & (length_um > 0)
    with np.errstate(invalid="ignore"):
        mean: Array = np.where(known, length_um, 0.0).sum(axis=1) / known.sum(axis=1)
    if np.isfinite(mean).any():
        return np.where(np.isfinite(mean), mean, np.nanmean(mean))
    if study in library.names("studies"):
        return np.full(len(mean), load_study(study).dendrite_length.to("um"))
    logging.getLogger("synmodel").info(
        "%s, arm %s: no dendrite has a length; %g um is taken for each, so formation per um is in these units",
        study, arm, NOMINAL_LENGTH_UM,
    )  # fmt: skip
    return np.full(len(mean), NOMINAL_LENGTH_UM)


def doses_of(study: str, arm: str) -> tuple[tuple[str, float], ...]:
    """(compound, day) of the doses of an arm, from the library or from the arm's name."""
    if study in library.names("studies"):
        known = load_study(study)
        if arm in [each.name for each in known.arms]:
            return tuple((dose.compound, day) for dose in known.arm(arm).doses for day in dose.days)
    parts = [part.strip().lower() for part in arm.split("+")]
    return tuple((part, 0.0) for part in parts if part and part not in VEHICLES)
