r"""What the evidence of the library says of a scenario: the expected density against what was measured.

::

    spine density    d = (1 + E_drug) / (1 + E_vehicle) - 1     E from synmodel.simulation.expectation
    SV2A PET         p = (1 - n) (fold - 1)                     fold from synmodel.simulation.assays.density_folds

Both are exact means, no simulation; n is the share of the PET signal that is not bound to SV2A
(:mod:`synmodel.imaging.pet`), and one synapse per spine is assumed. With x the published mean and h half of its 95 %
interval, and l to u the 95 % interval of the prediction p over draws of the parameters (l = p = u without draws), the
model contradicts the evidence if 0 lies outside the interval of the difference p - x::

    from  p - x - sqrt((p - l)^2 + h^2)    to  p - x + sqrt((u - p)^2 + h^2)

References
----------
Zou and Donner 2008, doi:10.1002/sim.3095 (interval of a difference from two intervals).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot, inf

import numpy as np

from synmodel.imaging.pet import signal_change
from synmodel.library.evidence import Check, all_checks
from synmodel.library.parameters import ParameterSet
from synmodel.pharmacology import drug_doses
from synmodel.scenario import Dose, Scenario
from synmodel.simulation import expectation
from synmodel.simulation.assays import density_folds, scanner_of

__all__ = ["Checked", "Contradiction", "checks_of", "contradictions", "day_of", "predicted_change"]

_QUANTITIES = {"sv2a_pet": "SV2A PET signal", "spine_density": "spine density"}
_LEVELS = (0.025, 0.975)
_BEFORE_DAY = 1.0  # a session this long before the first dose, where a scenario has none: spines are not yet driven
_SAME_TIME_DAY = 1e-6


@dataclass(frozen=True)
class Checked:
    """A scenario beside one piece of evidence whose conditions it meets.

    Attributes
    ----------
    check, title, quantity : str
        Name and title of the evidence; what is compared, in words.
    day, hours : float
        When in the scenario, and how long after its first dose.
    predicted : float
        Expected change against the vehicle control [%].
    low, high : float
        Ends of its 95 % interval over draws of the parameters; both ``predicted`` without draws.
    observed : float or None
        Published mean change [%]; None where the number was not found.
    half_width : float or None
        Half of its 95 % interval [%].
    difference, allowed : float or None
        Predicted minus observed, and how far they may lie apart on that side [%].
    words : str
        What the source says, or what of it was not found.
    caution : str
        What of the published numbers is assumed; empty if nothing.
    source, seen : str
        Where it is from, and how that was seen.
    """

    check: str
    title: str
    quantity: str
    day: float
    hours: float
    predicted: float
    low: float
    high: float
    observed: float | None
    half_width: float | None
    difference: float | None
    allowed: float | None
    words: str
    caution: str
    source: str
    seen: str

    @property
    def line(self) -> str:
        """One line for a reader, with the numbers."""
        model = f"{self.quantity} {self._model()} in the model {self.hours:.3g} h after the first dose"
        if self.observed is None:
            return f"not checked: {model}; {self.words} ({self.source})"
        return f"agrees with what was measured: {model}, {self._data()} ({self.source})"

    def _model(self) -> str:
        interval = f" ({self.low:+.2g} to {self.high:+.2g})" if self.low < self.high else ""
        return f"{self.predicted:+.2g} %{interval}"

    def _data(self) -> str:
        caution = f"; {self.caution}" if self.caution else ""
        observed = f"{self.observed:+.2g}" if self.observed else "0"
        return f"{observed} ± {self.half_width:.2g} % measured (95 %{caution})"


@dataclass(frozen=True)
class Contradiction(Checked):
    """A scenario whose prediction lies beyond the combined uncertainty from what was measured."""

    @property
    def line(self) -> str:
        """One line for a reader, with the numbers."""
        assert self.difference is not None  # only a number contradicts
        return (
            f"CONTRADICTED BY DATA: {self.quantity} {self._model()} in the model "
            f"{self.hours:.3g} h after the first dose, "
            f"{self._data()}: {abs(self.difference):.2g} apart where {self.allowed:.2g} is allowed; {self.source}"
        )


def contradictions(
    plan: Scenario,
    parameters: ParameterSet | None = None,
    *,
    draws: Sequence[ParameterSet] | None = None,
    checks: Sequence[Check] | None = None,
) -> list[Contradiction]:
    """The evidence that contradicts what the model says of a scenario; arguments as in :func:`checks_of`."""
    found = checks_of(plan, parameters, draws=draws, checks=checks)
    return [each for each in found if isinstance(each, Contradiction)]


def checks_of(
    plan: Scenario,
    parameters: ParameterSet | None = None,
    *,
    draws: Sequence[ParameterSet] | None = None,
    checks: Sequence[Check] | None = None,
) -> list[Checked]:
    """All evidence whose conditions a scenario meets, beside what the model says.

    Parameters
    ----------
    plan : Scenario
        What is simulated.
    parameters : ParameterSet, optional
        Default: those of the library, with the scenario's replacements.
    draws : sequence of ParameterSet, optional
        Of the posterior: from them comes the 95 % interval of the prediction.
    checks : sequence of Check, optional
        Default: those of the library.

    Returns
    -------
    list of Checked
        A :class:`Contradiction` for each that contradicts.
    """
    found = []
    for check in all_checks() if checks is None else checks:
        day = day_of(check, plan)
        if day is not None:
            predicted = predicted_change(check, plan, day, parameters)
            spread = [predicted_change(check, plan, day, draw) for draw in draws or ()]
            low, high = map(float, np.quantile(spread, _LEVELS)) if spread else (predicted, predicted)
            found.append(_compared(check, plan, day, predicted, (min(low, predicted), max(high, predicted))))
    return found


def day_of(check: Check, plan: Scenario) -> float | None:
    """Day of a scenario that a check speaks of; None if the scenario does not meet its conditions."""
    asked, subject = check.conditions, plan.subject
    states = {spell.name for spell in plan.spells}
    if subject.species != asked.species or subject.genotype != "wild-type":
        return None
    if states != ({asked.state} if asked.state else set()):
        return None
    given = sorted(
        ((day, dose) for dose in drug_doses(plan.regimen.doses) for day in dose.days), key=lambda each: each[0]
    )
    if not given:
        return None
    first, sessions = given[0][0], plan.schedule.sessions
    day = min(max(first + check.hours.at / 24, sessions[0]), sessions[-1])
    if not check.hours.earliest <= 24 * (day - first) <= check.hours.latest:
        return None
    before = [each for each in given if each[0] < day - _SAME_TIME_DAY]
    apart = np.diff([start for start, _ in before])
    met = (
        len(before) == asked.doses
        and all(_is_dose(check, dose, subject.body_weight_kg) for _, dose in before)
        and np.allclose(apart, asked.every_days, rtol=asked.tolerance, atol=0)
    )
    return day if met else None


def _is_dose(check: Check, dose: Dose, weight_kg: float) -> bool:
    """Whether a dose is one of the check, within its tolerance."""
    asked = check.conditions

    def is_near(given: float, wanted: float | None) -> bool:
        return wanted is None or abs(given - wanted) <= asked.tolerance * wanted

    wanted = asked.amount
    if wanted is not None and asked.unit == "mg":
        wanted = wanted / weight_kg
    return (
        dose.compound == asked.compound
        and (asked.route is None or dose.route == asked.route)
        and is_near(dose.mg_per_kg(weight_kg), wanted)
        and is_near(dose.duration_min, asked.duration_min)
    )


def predicted_change(check: Check, plan: Scenario, day: float, parameters: ParameterSet | None = None) -> float:
    """Expected change [%] of what a check is about on a day of a scenario, against the same subject without doses."""
    first = min(start for dose in drug_doses(plan.regimen.doses) for start in dose.days)
    start = min(plan.schedule.sessions[0], first - _BEFORE_DAY)
    drug = plan.updated(schedule={"sessions": [start, day]})
    vehicle = drug.updated(regimen=drug.regimen.model_copy(update={"doses": ()}).model_dump(exclude_none=True))
    if check.quantity == "spine_density":
        with_drug, without = (1 + expectation(each, parameters).density_change[-1] for each in (drug, vehicle))
        return 100 * float(with_drug / without - 1)
    with_drug, without = (density_folds(each, [24 * day], parameters)[0] for each in (drug, vehicle))
    return 100 * signal_change(scanner_of(plan, parameters), float(with_drug / without))


def _compared(check: Check, plan: Scenario, day: float, predicted: float, ends: tuple[float, float]) -> Checked:
    low, high = ends
    first = min(start for dose in drug_doses(plan.regimen.doses) for start in dose.days)
    observed = difference = allowed = half_width = None
    if check.change is not None:
        observed, half_width = check.change.value, check.half_width
        difference = predicted - observed
        # The side of the prediction that looks towards the published mean.
        allowed = hypot(predicted - low if difference > 0 else high - predicted, half_width)
    assumed = check.subjects is not None and check.subjects.status == "assumed"
    kind = Contradiction if abs(difference or 0.0) > (inf if allowed is None else allowed) else Checked
    return kind(
        check=check.name,
        title=check.title,
        quantity=_QUANTITIES[check.quantity],
        day=day,
        hours=24 * (day - first),
        predicted=predicted,
        low=low,
        high=high,
        observed=observed,
        half_width=half_width,
        difference=difference,
        allowed=allowed,
        words=check.not_found or check.observed,
        caution=f"{check.subjects.value:g} subjects assumed" if assumed and check.subjects else "",
        source=check.source,
        seen=check.seen,
    )
