"""The two arms of a planned study: what is done to their mice, and what their dendrites then show at any days.

Both arms have the tissue of one study. The treated arm has the drive of its doses, or stated effects on day 0 over the
drive of its control. Days are chosen later: the course of each arm is computed once over all candidate days, and any
sessions among them are joined from it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from synmodel.analysis.planning.effects import StatedEffect, stated_drive
from synmodel.analysis.planning.moments import ArmMoments, arm_moments
from synmodel.core.errors import DesignError
from synmodel.library.parameters import ParameterSet
from synmodel.scenario import Scenario
from synmodel.simulation import Setup
from synmodel.simulation.tissue import Tissue
from synmodel.turnover import Propagation

__all__ = ["ArmCourse", "Arms"]

Array = NDArray[np.float64]


@lru_cache(maxsize=8)
def _setup(plan: Scenario) -> Setup:
    """Kept, as draws of a posterior share the kinetics of a plan."""
    return Setup(plan)


@dataclass(frozen=True, eq=False)
class ArmCourse:
    """Spines of one arm over candidate days."""

    tissue: Tissue
    steps: Propagation
    days: Array
    density: float
    length_um: float
    _known: dict[tuple[float, ...], ArmMoments] = field(default_factory=dict, repr=False)

    def moments(self, sessions: Sequence[float]) -> ArmMoments:
        """Moments of the fractions between some of the days, kept for the next time."""
        key = tuple(sessions)
        if key not in self._known:
            steps = self.steps.joined(np.searchsorted(self.days, key))
            self._known[key] = arm_moments(self.tissue, steps, self.density, self.length_um)
        return self._known[key]


@dataclass(frozen=True, eq=False)
class Arms:
    """A treated arm and its control.

    Attributes
    ----------
    treated, control : Scenario
        Of one study.
    effects : tuple of StatedEffect
        In place of what the model expects of the doses of ``treated``; empty for the model's own.
    parameters : ParameterSet, optional
        Default: those of the library. Replacements of the scenarios hold in any case.
    """

    treated: Scenario
    control: Scenario
    effects: tuple[StatedEffect, ...] = ()
    parameters: ParameterSet | None = None
    _courses: dict[tuple[float, ...], tuple[ArmCourse, ArmCourse]] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if self.treated.baseline != self.control.baseline:
            message = (
                f"the baseline of {self.treated.name} is {self.treated.baseline}, that of {self.control.name} "
                f"{self.control.baseline}; arms of one study share it: give a control of {self.treated.baseline}"
            )
            raise DesignError(message)

    def at(self, parameters: ParameterSet) -> "Arms":
        """The same arms with other parameters."""
        return replace(self, parameters=parameters, _courses={})

    @cached_property
    def dose_day(self) -> float:
        """Day of the first dose of the treated arm; 0 for stated effects."""
        days = [day for dose in self.treated.regimen.doses for day in dose.days]
        return 0.0 if self.effects or not days else min(days)

    def planned(self, sessions: Sequence[float], mice: int, dendrites: int) -> tuple[Scenario, Scenario]:
        """Both scenarios with other sessions and cohorts."""
        first, second = (
            plan.updated(
                schedule={"sessions": tuple(float(day) for day in sessions)},
                cohort=plan.cohort.model_dump() | {"animals": mice, "dendrites_per_animal": dendrites},
            )
            for plan in (self.treated, self.control)
        )
        return first, second

    def drives(self, days: Sequence[float]) -> tuple[xr.Dataset, xr.Dataset]:
        """Drives of both arms over days."""
        treated, control = self.planned(days, 1, 1)
        of_control = _setup(control).at(self.parameters).drive
        if self.effects:
            return stated_drive(of_control, self.effects, float(days[-1])), of_control
        return _setup(treated).at(self.parameters).drive, of_control

    def courses(self, days: Sequence[float]) -> tuple[ArmCourse, ArmCourse]:
        """Courses of both arms over candidate days, kept for the next time."""
        key = tuple(float(day) for day in days)
        if key not in self._courses:
            first, second = (
                self._course(plan, drive, np.array(key))
                for plan, drive in zip((self.treated, self.control), self.drives(key), strict=True)
            )
            self._courses[key] = first, second
        return self._courses[key]

    def _course(self, plan: Scenario, drive: xr.Dataset, days: Array) -> ArmCourse:
        ready = Setup(plan, drive).at(self.parameters)
        return ArmCourse(ready.tissue, ready.steps(days), days, ready.setup.density_per_um, ready.setup.length_um)
