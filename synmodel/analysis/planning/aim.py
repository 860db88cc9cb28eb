"""What a planned study should find, how it will be analysed, and what may be done for it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from synmodel.analysis.planning.cost import Costs
from synmodel.analysis.planning.days import checked_candidates
from synmodel.analysis.planning.effects import QUANTITIES, StatedEffect, parse_effect
from synmodel.analysis.planning.moments import MOST_SESSIONS
from synmodel.analysis.planning.outcome import DendriteOutcome, Measure
from synmodel.analysis.planning.power import ANALYSES, FEWEST_MICE, Analysis
from synmodel.core.errors import DesignError, did_you_mean

__all__ = ["CANDIDATE_DAYS", "MEASURES", "Aim", "Limits"]

MEASURES: tuple[Measure, ...] = ("level", "change")
CANDIDATE_DAYS = (-7.0, -5.0, -3.0, -1.0, 1.0, 2.0, 3.0, 4.0, 5.0, 7.0, 10.0, 14.0, 21.0, 28.0, 34.0)
"""Days on which sessions may lie unless others are given [day]."""
FEWEST_SESSIONS = 3
_POWERS = (0.05, 1.0)
_LASTS = 7.0  # days; formation of the embedded studies is up for some days (docs/fit.md)
_STUDIES = (100, 100_000)
_MOST_MICE, _MOST_DENDRITES = 1000, 500


@dataclass(frozen=True)
class Aim:
    """What the study should find, and how it will be analysed.

    Parameters
    ----------
    effects : str or sequence of str
        Such as ``formation=1.3``: folds of the rate after a dose on day 0; empty for what the model, under its
        posterior, expects of the doses of the drug arm.
    power : float
        To be reached, above 0.05 and below 1.
    analysis : {"welch", "mixed", "likelihood"}
        Welch's t over the means of mice; a mixed model over dendrites; the exact likelihood of counts.
    measure : {"level", "change"}, optional
        What is taken of a dendrite (:mod:`synmodel.analysis.planning.outcome`); None for the one that needs less.
    lasts, decay : float, optional
        How long stated effects last, and the time constant with which they fall [day]; default: 7 days, or for ever if
        a decay is given.
    until : float, optional
        Last day that counts as the effect; default: how long the effects last, 7 days where they have no end.
    studies : int
        Number of simulated studies by which the choice is checked.

    Raises
    ------
    DesignError
        One line for what cannot be.

    Examples
    --------
    >>> from synmodel.analysis.planning import Aim
    >>> aim = Aim(["formation=2", "elimination=0.7"], power=0.9)  # both have to be found
    >>> aim.analysis, aim.power
    ('welch', 0.9)
    """

    effects: str | Sequence[str] = ()
    power: float = 0.8
    analysis: Analysis = "welch"
    measure: Measure | None = None
    lasts: float | None = None
    decay: float | None = None
    until: float | None = None
    studies: int = 400

    def __post_init__(self) -> None:
        if isinstance(self.effects, str):
            object.__setattr__(self, "effects", (self.effects,))
        if not _POWERS[0] < self.power < _POWERS[1]:
            message = f"--power is {self.power:g}; give a probability above 0.05 and below 1, for instance 0.8"
            raise DesignError(message)
        for name, known in (("analysis", ANALYSES), ("measure", (*MEASURES, None))):
            given = getattr(self, name)
            if given not in known:
                message = f"--{name} is {given!r}; {did_you_mean(str(given), [each for each in known if each])}"
                raise DesignError(message)
        if self.until is not None and not self.until > 0:
            message = f"--until is {self.until:g}; give the last day that counts as the effect, above 0"
            raise DesignError(message)
        if not _STUDIES[0] <= self.studies <= _STUDIES[1]:
            message = f"--studies is {self.studies}; give {_STUDIES[0]} to {_STUDIES[1]} simulated studies"
            raise DesignError(message)
        stated = self.stated
        if (self.lasts is not None or self.decay is not None) and not stated:
            message = "--lasts and --decay say how long a stated effect lasts; give --effect as well"
            raise DesignError(message)
        if self.analysis == "likelihood" and not stated:
            message = "--analysis likelihood tests one stated fold; give --effect, such as formation=1.3"
            raise DesignError(message)
        if len({each.quantity for each in stated}) < len(stated):
            message = f"--effect names {stated[0].quantity} twice; give each quantity once"
            raise DesignError(message)

    @property
    def stated(self) -> tuple[StatedEffect, ...]:
        """The stated effects."""
        decay = math.inf if self.decay is None else self.decay
        lasts = (math.inf if self.decay is not None else _LASTS) if self.lasts is None else self.lasts
        return tuple(parse_effect(each, lasts=lasts, decay=decay) for each in self.effects)

    @property
    def quantities(self) -> tuple[str, ...]:
        """What is tested: the quantities of the stated effects, else formation."""
        return tuple(each.quantity for each in self.stated) or QUANTITIES[:1]

    def outcomes(self, dose_day: float, measure: Measure) -> list[DendriteOutcome]:
        """What is taken of a dendrite, one outcome for each quantity."""
        until = self.until
        if until is None:
            lasts = [each.lasts for each in self.stated if math.isfinite(each.lasts)]
            until = dose_day + max(lasts, default=_LASTS)
        return [DendriteOutcome(quantity, measure, dose_day, until) for quantity in self.quantities]

    @property
    def measures(self) -> tuple[Measure, ...]:
        """Those that may be used; the likelihood uses all counts, and a level stands for it."""
        if self.analysis == "likelihood":
            return MEASURES[:1]
        return MEASURES if self.measure is None else (self.measure,)


@dataclass(frozen=True)
class Limits:
    """What may be done.

    Parameters
    ----------
    sessions : int, optional
        Number of sessions; None for any from 3 up to those of the scenario.
    days : sequence of float, optional
        The sessions themselves, so that none are searched.
    candidate_days : sequence of float
        On which sessions may lie.
    before : int
        Fewest sessions before the dose.
    dendrites : sequence of int
        Numbers of dendrites per mouse that are tried.
    most_mice : int
        Per arm.
    costs : Costs
        What each part costs.
    budget : float, optional
        Highest cost of the study.

    Raises
    ------
    DesignError
        One line for what cannot be.
    """

    sessions: int | None = None
    days: Sequence[float] | None = None
    candidate_days: Sequence[float] = CANDIDATE_DAYS
    before: int = 2
    dendrites: Sequence[int] = (8, 13, 20, 30, 40)
    most_mice: int = 100
    costs: Costs = field(default_factory=Costs)
    budget: float | None = None

    def __post_init__(self) -> None:
        if self.sessions is not None and not FEWEST_SESSIONS <= self.sessions <= MOST_SESSIONS:
            message = f"--sessions is {self.sessions}; give {FEWEST_SESSIONS} to {MOST_SESSIONS}"
            raise DesignError(message)
        if self.days is not None and not FEWEST_SESSIONS <= len(set(self.days)) <= MOST_SESSIONS:
            message = f"--days gives {len(set(self.days))} days; give {FEWEST_SESSIONS} to {MOST_SESSIONS}"
            raise DesignError(message)
        if self.days is not None and self.sessions is not None:
            message = "--days says when sessions are and --sessions how many to search for; give one of the two"
            raise DesignError(message)
        if not 1 <= self.before < MOST_SESSIONS:
            message = (
                f"--before is {self.before}; at least 1 session comes before the dose, and less than {MOST_SESSIONS}"
            )
            raise DesignError(message)
        if not self.dendrites or not all(1 <= each <= _MOST_DENDRITES for each in self.dendrites):
            message = f"--dendrites is {list(self.dendrites)}; give numbers of 1 to {_MOST_DENDRITES}"
            raise DesignError(message)
        if not FEWEST_MICE <= self.most_mice <= _MOST_MICE:
            message = f"--most-mice is {self.most_mice}; give {FEWEST_MICE} to {_MOST_MICE} per arm"
            raise DesignError(message)
        if self.budget is not None and not self.budget > 0:
            message = f"--budget is {self.budget:g}; give a cost above 0"
            raise DesignError(message)

    def pool(self, dose_day: float) -> tuple[float, ...]:
        """Candidate days, checked."""
        return checked_candidates(self.candidate_days if self.days is None else self.days, dose_day, self.before)

    def allows(self, days: Sequence[float], dose_day: float) -> bool:
        """Whether sessions have enough before the dose, and one after it."""
        return sum(day <= dose_day for day in days) >= self.before and days[-1] > dose_day
