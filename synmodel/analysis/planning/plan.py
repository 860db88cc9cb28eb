"""Plan the next imaging study: days, dendrites and mice, for a power, at the lowest cost.

::

    two scenarios, an effect  ->  moments of both arms  ->  sets of days  ->  fewest mice of every option  ->  cheapest
                              ->  simulated studies of it, analysed  ->  power and type-I error with their errors

The choice is made without simulation, and then checked by simulation. Where the check lies clearly below the power that
was asked for, mice are added until it does not.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from synmodel.analysis.intervals import scenario_draws
from synmodel.analysis.planning.aim import Aim, Limits
from synmodel.analysis.planning.analysis import CheckedPower, checked_power
from synmodel.analysis.planning.arms import Arms
from synmodel.analysis.planning.assumptions import Spread, spread_parameters, spreads_of
from synmodel.analysis.planning.days import Days, best_days
from synmodel.analysis.planning.information import Information, information_of
from synmodel.analysis.planning.moments import MOST_SESSIONS
from synmodel.analysis.planning.options import Grid, Option, day_sets, grid_of
from synmodel.analysis.planning.outcome import DendriteOutcome
from synmodel.analysis.planning.power import contrast_of, fewest_mice, least_power
from synmodel.core.errors import DesignError
from synmodel.core.progress import Steps, stage
from synmodel.core.randomness import checked_seed
from synmodel.inference.conventional.mixed_models import INSTALL, available
from synmodel.inference.summaries.estimate import Estimate
from synmodel.inference.summaries.joint import load_posterior
from synmodel.library.parameters import default_parameters
from synmodel.pharmacology import drug_doses
from synmodel.scenario import Scenario, load

__all__ = ["Design", "Precision", "design"]

Array = NDArray[np.float64]
_DRAWS = 40
_ADDED = 0.05
_ROUNDS = 6


@dataclass(frozen=True, eq=False)
class Precision:
    """What days tell of each effect: standard deviations on the logarithmic scale, before and after the study.

    Attributes
    ----------
    effects : list of str
    prior : (n_effect,) ndarray
    searched, published : tuple of float
        The days that tell most, and those of the scenario: of equal number, unless the days are given.
    sd_searched, sd_published : (n_effect,) ndarray
    """

    effects: list[str]
    prior: Array
    searched: Days
    published: Days
    sd_searched: Array
    sd_published: Array

    @property
    def share(self) -> float:
        """Width of intervals at the searched days over that at the scenario's, geometric mean over the effects."""
        return float(np.exp(np.mean(np.log(self.sd_searched / self.sd_published))))


@dataclass(frozen=True, eq=False)
class Design:
    """A planned study.

    Attributes
    ----------
    aim, limits
        What was asked for.
    arms : Arms
        Both arms, at the estimate.
    draws : list of Arms
        The same at draws of the posterior, if the effect is the model's.
    chosen : Option
        The study that is recommended.
    grid : Grid
        All options.
    checked : CheckedPower
        What simulated studies of it find.
    precision : Precision
        What the best days would tell, beside those of the scenario.
    spread : mapping
        How much formation differs, as the data of the study say.
    sensitivity : list of (str, float, int or None)
        What is changed, to what value, and how many mice per arm the same days and dendrites then need.
    seed : int
        Of the simulated studies.
    """

    aim: Aim
    limits: Limits
    arms: Arms
    draws: list[Arms]
    chosen: Option
    grid: Grid
    checked: CheckedPower
    precision: Precision
    spread: dict[str, Spread]
    sensitivity: list[tuple[str, float, int | None]]
    seed: int

    @property
    def outcomes(self) -> list[DendriteOutcome]:
        """What is taken of a dendrite."""
        return self.aim.outcomes(self.arms.dose_day, self.chosen.measure)

    def scenarios(self) -> tuple[Scenario, Scenario]:
        """The two arms of the recommended study, which :func:`synmodel.simulate` runs as they are."""
        return self.arms.planned(self.chosen.days.sessions, self.chosen.mice, self.chosen.dendrites)


def design(
    scenario: str | Scenario,
    control: str | Scenario,
    *,
    aim: Aim | None = None,
    limits: Limits | None = None,
    seed: int = 1,
    posterior: Estimate | None = None,
    progress: Steps | None = None,
) -> Design:
    """Plan a study of a drug arm and its control.

    Parameters
    ----------
    scenario, control : str or Scenario
        Names in the library, TOML files, or objects; of one baseline.
    aim : Aim, optional
        What the study should find and how it is analysed; default: the model's own effect on formation, power 0.8,
        Welch's t.
    limits : Limits, optional
        What may be done, and what it costs.
    seed : int
        Of the simulated studies and of the draws of the posterior.
    posterior : Estimate, optional
        Default: that of the library.
    progress : callable, optional
        Called with (what, done, of).

    Returns
    -------
    synmodel.analysis.planning.Design
        The recommended study (``chosen``), what simulated studies of it find (``checked``), and all other options.

    Raises
    ------
    SynmodelError
        One line for what cannot be, or a power that no allowed study reaches.

    Examples
    --------
    >>> import synmodel
    >>> from synmodel.analysis.planning import Aim, Limits
    >>> aim, limits = Aim("formation=2", studies=100), Limits(days=(-3, -1, 1, 3, 7), dendrites=(13,))
    >>> plan = synmodel.design("psilocybin-mouse", "saline-mouse", aim=aim, limits=limits)
    >>> plan.chosen.mice, round(float(plan.chosen.power), 2)  # mice per arm
    (8, 0.82)
    """
    aim, limits = aim or Aim(), limits or Limits()
    checked_seed(seed)
    if aim.analysis == "mixed" and not available():
        raise DesignError(INSTALL)
    arms = _arms(load(scenario), load(control), aim)
    source = None if aim.stated else (posterior or load_posterior())
    draws = [arms] if source is None else [arms.at(each) for each in scenario_draws(source, _DRAWS, seed)]
    cohort = arms.treated.cohort
    information = information_of(
        arms, source, _pool(arms, limits), mice=cohort.animals, dendrites=cohort.dendrites_per_animal, seed=seed
    )
    sets = day_sets(arms, aim, limits, information, stage(progress, "days"))
    grid = grid_of(draws, aim, limits, sets, information, stage(progress, "options"))
    precision = _precision(arms, limits, information)
    chosen, checked = _confirmed(draws, grid, aim, limits, seed, progress)
    needed = _sensitivity(draws, chosen, aim, limits)
    spread = dict(spreads_of(arms.treated.baseline))
    return Design(aim, limits, arms, draws, chosen, grid, checked, precision, spread, needed, seed)


def _arms(treated: Scenario, control: Scenario, aim: Aim) -> Arms:
    """Both arms, with the spread of formation that the data of their study say unless a scenario sets its own."""
    if drug_doses(control.regimen.doses):
        names = ", ".join(dict.fromkeys(dose.compound for dose in drug_doses(control.regimen.doses)))
        own = {dose.compound for dose in drug_doses(treated.regimen.doses)}
        if own <= {dose.compound for dose in drug_doses(control.regimen.doses)} and not aim.stated:
            message = f"{control.name} gives {names}, all that {treated.name} gives; give a control without the drug"
            raise DesignError(message)
    elif not aim.stated and not drug_doses(treated.regimen.doses):
        message = f"{treated.name} gives no drug, so there is no effect to find; give a drug arm, or --effect"
        raise DesignError(message)
    spread = spread_parameters(treated.baseline)
    for plan in (treated, control):
        if len(plan.schedule.sessions) > MOST_SESSIONS:
            message = f"{plan.name} has {len(plan.schedule.sessions)} sessions; plans take up to {MOST_SESSIONS}"
            raise DesignError(message)
    first, second = (
        plan.updated(parameters={**spread, **plan.parameters}) if spread else plan for plan in (treated, control)
    )
    return Arms(first, second, aim.stated)


def _pool(arms: Arms, limits: Limits) -> Days:
    """All days of which courses are needed: candidates, and those of the scenario."""
    return tuple(sorted({*limits.pool(arms.dose_day), *arms.treated.schedule.sessions}))


def _confirmed(
    draws: Sequence[Arms], grid: Grid, aim: Aim, limits: Limits, seed: int, progress: Steps | None
) -> tuple[Option, CheckedPower]:
    """The cheapest option, with more mice if simulated studies of it find clearly less than they should."""
    chosen = grid.cheapest(limits.budget, aim.power)
    outcomes = aim.outcomes(draws[0].dose_day, chosen.measure)
    power = grid.powers[chosen.days.sessions, chosen.measure, chosen.dendrites]
    for _ in range(_ROUNDS):
        checked = checked_power(
            draws, chosen, outcomes, aim.analysis, studies=aim.studies, seed=seed, progress=progress
        )
        if checked.least.high >= aim.power or chosen.mice >= limits.most_mice:
            break
        mice = min(limits.most_mice, chosen.mice + max(1, round(_ADDED * chosen.mice)))
        bill = limits.costs.bill(mice, chosen.dendrites, len(chosen.days.sessions))
        chosen = replace(chosen, mice=mice, power=power(mice), bill=bill)
    if checked.least.high < aim.power:
        message = (
            f"power {aim.power:g} is not reached: {chosen.mice} mice per arm, {chosen.dendrites} dendrites per mouse "
            f"find the effect in {100 * checked.least.estimate:.0f} % of simulated studies; allow more (--most-mice, "
            "--dendrites)"
        )
        raise DesignError(message)
    return chosen, checked


def _precision(arms: Arms, limits: Limits, information: Information) -> Precision:
    """The days that tell most, beside those of the scenario, of equal number as far as there are as many candidates."""
    own, pool = arms.treated.schedule.sessions, limits.pool(arms.dose_day)
    searched = pool
    if limits.days is None:
        searched, _ = best_days(
            information.criterion, pool, min(len(own), len(pool)),
            allowed=lambda days: limits.allows(days, arms.dose_day), starts=[own],
        )  # fmt: skip
    return Precision(
        information.effects, information.prior_sd, searched, own, information.sd(searched), information.sd(own)
    )


def _sensitivity(
    draws: Sequence[Arms], chosen: Option, aim: Aim, limits: Limits
) -> list[tuple[str, float, int | None]]:
    """Mice per arm of the chosen days and dendrites, at the ends of what the data say of how much mice differ."""
    if aim.analysis == "likelihood":
        return []
    study = draws[0].treated.baseline
    name = f"{study}.formation_cv_animal"
    known, assumed = spreads_of(study), default_parameters().value(name)
    ends = [("mice differ less", known["mouse"].low), ("mice differ more", known["mouse"].high)] if known else []
    rows = []
    for text, value in [*ends, ("mice differ as the library's study parameters assume", assumed)]:
        changed = [_with(arms, name, value) for arms in draws]
        contrasts = [
            contrast_of(changed, chosen.days.sessions, chosen.days.sessions, each)
            for each in aim.outcomes(draws[0].dose_day, chosen.measure)
        ]
        power = least_power(contrasts, chosen.dendrites, aim.analysis)
        rows.append((text, value, fewest_mice(power, aim.power, limits.most_mice)))
    return rows


def _with(arms: Arms, name: str, value: float) -> Arms:
    treated, control = (
        plan.updated(parameters={**plan.parameters, name: value}) for plan in (arms.treated, arms.control)
    )
    return replace(arms, treated=treated, control=control, _courses={})
