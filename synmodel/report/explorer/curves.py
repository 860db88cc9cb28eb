"""From two scenarios to all that is shown of them: exact expectations at the estimate and at draws of the posterior.

What does not change is kept: each scenario is followed apart, draw by draw, so that a move of a slider of B computes
nothing of A, and more draws go on where fewer ended. Draws and their order are those of :func:`synmodel.compare` with
the same seed, and so are all numbers.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, TypeVar

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from synmodel import library
from synmodel.analysis.contrasts import Compared, compared
from synmodel.analysis.following import Followed, Row, follower, track_of
from synmodel.analysis.intervals import scenario_draws
from synmodel.analysis.lineup import Entry, lineup_of
from synmodel.core.errors import SimulationError
from synmodel.inference.summaries.estimate import Estimate
from synmodel.inference.summaries.joint import load_posterior
from synmodel.library.parameters import ParameterSet, default_parameters
from synmodel.pharmacology import drug_doses
from synmodel.report.explorer.states import MOST_DRAWS, State
from synmodel.scenario import Scenario
from synmodel.simulation.checking import Checked, checks_of
from synmodel.simulation.courses import shared_days
from synmodel.simulation.mechanism import mechanism_function

__all__ = ["MECHANISM", "SEED", "AbandonedError", "Explorer", "Shown"]

MECHANISM = (
    "free_concentration", "nmda_block_interneuron", "nmda_block_pyramidal", "agonism_5ht2a",
    "agonism_5ht2a_intracellular", "trkb_bound", "target_activation", "target_block", "bdnf", "trkb", "mtorc1",
    "formation_fold", "elimination_fold",
)  # fmt: skip
"""What is shown of a mechanism."""

SEED = 1
"""Of the draws: the default of `synmodel compare`."""
_MOST_KEPT, _MOST_MECHANISMS = 32, 16  # with 100 draws each some 200 MB at most
_AROUND_DAYS, _MOST_TIMES = 2.0, 1200  # all times of the grid so long after the first dose, and about so many in all
Made = TypeVar("Made")


class AbandonedError(Exception):
    """Nobody waits for the result any more; what was computed so far is kept."""


class _Rows(Generic[Made]):
    """What a function makes of each parameter set in turn, as far as it was asked for; None where it is impossible."""

    def __init__(self, function: Callable[[ParameterSet | None, bool], Made]) -> None:
        self._function, self._rows, self._lock = function, list[Made | None](), threading.Lock()

    def upto(self, sets: "list[ParameterSet | None]", stop: threading.Event | None = None) -> list[Made | None]:
        """Rows of all sets, the first of which is the estimate; a fault of the estimate is raised."""
        with self._lock:  # the functions remember what they made, and are no work for two at once
            for number, parameters in enumerate(sets[len(self._rows) :], start=len(self._rows)):
                if stop is not None and stop.is_set():
                    raise AbandonedError
                try:
                    self._rows.append(self._function(parameters, number > 0))
                except SimulationError:
                    if number == 0:
                        raise
                    self._rows.append(None)  # more nascent spines than spines: not a possible dendrite
            return self._rows[: len(sets)]


class _Kept(Generic[Made]):
    """The latest results by key."""

    def __init__(self, most: int) -> None:
        self._most, self._made, self._lock = most, OrderedDict[Hashable, Made](), threading.Lock()

    def get(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """The result of a key, remembered or new."""
        with self._lock:
            if key in self._made:
                self._made.move_to_end(key)
                return self._made[key]
        made = make()
        with self._lock:
            found = self._made.setdefault(key, made)  # another thread may have been first
            while len(self._made) > self._most:
                self._made.popitem(last=False)
            return found


@dataclass(frozen=True, eq=False)
class Shown:
    """Two scenarios as they are shown.

    Attributes
    ----------
    state : State
        Of which they are.
    compared : Compared
        As :func:`synmodel.compare` has it: statistics, courses, effects, contrasts, notes.
    followed : Followed
        Behind it, with the vehicle of each scenario.
    mechanisms : tuple of two Dataset
        For each scenario what is shown of :func:`synmodel.simulation.mechanism_of`, on ``draw`` (-1 is the estimate)
        and on its times, of those long after the first dose some.
    is_checked : bool
        Whether the evidence of the library was looked at, which takes draws.
    """

    state: State
    compared: Compared
    followed: Followed
    mechanisms: tuple[xr.Dataset, xr.Dataset]
    is_checked: bool

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The two scenarios, and their labels."""
        return self.compared.lineup.entries


class Explorer:
    """Two scenarios followed from dose to spines, again and again.

    Parameters
    ----------
    posterior : Estimate, optional
        In place of the one of the library, whose estimate the parameters of the library are.
    """

    def __init__(self, posterior: Estimate | None = None) -> None:
        self._given = posterior
        self._followed: _Kept[_Rows[Row]] = _Kept(_MOST_KEPT)
        self._mechanisms: _Kept[_Rows[xr.Dataset]] = _Kept(_MOST_MECHANISMS)
        self._checks: _Kept[list[Checked]] = _Kept(_MOST_KEPT)

    @cached_property
    def parameters(self) -> ParameterSet:
        """The estimate."""
        return default_parameters() if self._given is None else self._given.typical()

    def show(self, state: State, *, with_checks: bool = False, stop: threading.Event | None = None) -> Shown:
        """All that is shown of a state.

        Parameters
        ----------
        with_checks : bool
            Also compare with the evidence of the library, at all draws.
        stop : Event, optional
            When it is set, work ends after the draw at hand.

        Raises
        ------
        AbandonedError
            If it was.
        SynmodelError
            With one line, if a scenario cannot be followed.
        """
        lineup = lineup_of(state.plans)
        estimate = None if self._given is None else self.parameters
        mechanistic = any(plan.drive == "mechanistic" for plan in state.plans)
        draws = self._draws[: state.draws] if mechanistic and state.draws else []
        sets: list[ParameterSet | None] = [estimate, *draws]
        members = {each.content: each for entry in lineup.entries for each in (lineup.reference(entry), entry)}
        days = shared_days(each.plan for each in members.values())
        rows = {content: self._rows_of(each, days).upto(sets, stop) for content, each in members.items()}
        kept = [k for k in range(len(sets)) if all(each[k] is not None for each in rows.values())]
        tracks = {
            content: track_of(each.plan, [row for k in kept if (row := rows[content][k]) is not None], len(days))
            for content, each in members.items()
        }
        followed = Followed(lineup, days, [k - 1 for k in kept], tracks)
        checked = {each.label: self._checks_of(each, estimate, draws) if with_checks else [] for each in lineup.entries}
        one, other = (self._mechanism_of(plan, sets, kept, stop) for plan in state.plans)
        made = compared(followed, checked, asked=len(draws))
        return Shown(state, made, followed, (one, other), with_checks)

    @cached_property
    def _draws(self) -> list[ParameterSet]:
        """All draws; those of a smaller number are the first of them."""
        return scenario_draws(load_posterior() if self._given is None else self._given, MOST_DRAWS, SEED)

    def _rows_of(self, entry: Entry, days: NDArray[np.float64]) -> _Rows[Row]:
        key = (library.in_use(), entry.content, days.tobytes())
        return self._followed.get(key, lambda: _Rows(follower(entry, days)))

    def _mechanism_of(
        self, plan: Scenario, sets: list[ParameterSet | None], kept: list[int], stop: threading.Event | None
    ) -> xr.Dataset:
        """Mechanism of one scenario on ``draw``; a phenomenological one has the estimate alone."""
        key = (library.in_use(), plan.model_copy(update={"name": "-", "title": ""}).digest())
        rows = self._mechanisms.get(key, lambda: _Rows(_mechanism(plan)))
        wanted = kept if plan.drive == "mechanistic" else [0]
        made = rows.upto(sets if plan.drive == "mechanistic" else sets[:1], stop)
        pieces = [piece for k in wanted if (piece := made[k]) is not None]
        first = pieces[0]
        content = {
            name: (("draw", *first[name].dims), np.stack([each[name].to_numpy() for each in pieces]), first[name].attrs)
            for name in first.data_vars
        }
        return xr.Dataset(content, {"draw": [k - 1 for k in wanted], **first.coords})

    def _checks_of(self, entry: Entry, estimate: ParameterSet | None, draws: list[ParameterSet]) -> list[Checked]:
        used = draws if entry.plan.drive == "mechanistic" else []
        key = (library.in_use(), entry.content, len(used))
        return self._checks.get(key, lambda: checks_of(entry.plan, estimate, draws=used))


def _mechanism(plan: Scenario) -> Callable[[ParameterSet | None, bool], xr.Dataset]:
    """What is shown of the mechanism of a scenario."""
    function = mechanism_function(plan)
    starts = [day for dose in drug_doses(plan.regimen.doses) for day in dose.days]

    def shown(parameters: ParameterSet | None, _: bool) -> xr.Dataset:
        made = function(parameters)
        times = made["time"].to_numpy()
        near = np.abs(times - min(starts, default=0.0)) <= _AROUND_DAYS
        far = np.flatnonzero(~near)
        some = far[:: max(1, -(-len(far) // _MOST_TIMES))]
        # The time before a dose too: else a curve would seem to rise before it.
        corners = [
            place + k for place in np.searchsorted(times, starts) for k in (-1, 0) if 0 <= place + k < len(times)
        ]
        at = np.union1d(np.flatnonzero(near), [*some, *corners, len(times) - 1]).astype(int)
        return made[[name for name in MECHANISM if name in made]].isel(time=at)

    return shown
