"""What a study costs, in the currency of the laboratory, and how many hours it takes at the microscope and the screen.

::

    hours = mice * sessions * (hours per session + dendrites * hours per dendrite)
    cost  = mice * cost per mouse + hours * cost per hour
"""

import math
from dataclasses import dataclass, fields, replace
from typing import NamedTuple

from synmodel.analysis.planning.assumptions import cost_assumptions
from synmodel.core.errors import DesignError

__all__ = ["Bill", "Costs"]


class Bill(NamedTuple):
    """Cost and hours of a study of two arms."""

    cost: float
    hours: float


@dataclass(frozen=True)
class Costs:
    """What each part costs; None is the assumption of the library.

    Parameters
    ----------
    cost_per_mouse, cost_per_hour : float, optional
        In one currency.
    hours_per_session : float, optional
        For one mouse, whatever is imaged.
    hours_per_dendrite : float, optional
        For one dendrite at one session, imaging and scoring.

    Raises
    ------
    DesignError
        If one is negative or not finite.
    """

    cost_per_mouse: float | None = None
    cost_per_hour: float | None = None
    hours_per_session: float | None = None
    hours_per_dendrite: float | None = None

    def __post_init__(self) -> None:
        for name, value in self.given.items():
            if not (math.isfinite(value) and value >= 0):
                message = f"--{name.replace('_', '-')} is {value:g}; give a number of 0 or more"
                raise DesignError(message)

    @property
    def given(self) -> dict[str, float]:
        """Those that are not assumed."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: value for name, value in values.items() if value is not None}

    @property
    def complete(self) -> "Costs":
        """All of them, those that are not given as the library assumes."""
        return replace(self, **(cost_assumptions() | self.given))

    def bill(self, mice_per_arm: int, dendrites_per_mouse: int, sessions: int) -> Bill:
        """What a study of two arms costs."""
        each = cost_assumptions() | self.given
        mice = 2 * mice_per_arm
        hours = mice * sessions * (each["hours_per_session"] + dendrites_per_mouse * each["hours_per_dendrite"])
        return Bill(mice * each["cost_per_mouse"] + hours * each["cost_per_hour"], hours)
