"""How the effect of a scenario grows with its dose: exact expectations at factors on all its doses of drugs.

Every dose is followed at the same draws of the posterior, so the curve is surer than the bands at two doses look.
"""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from synmodel.analysis.intervals import scenario_draws
from synmodel.core.errors import ScenarioError
from synmodel.core.progress import Progress
from synmodel.inference.summaries.estimate import Estimate
from synmodel.inference.summaries.joint import load_posterior
from synmodel.library.parameters import ParameterSet
from synmodel.pharmacology import drug_doses
from synmodel.scenario import Dose, Scenario
from synmodel.simulation import is_possible
from synmodel.simulation.courses import course_function

__all__ = ["FACTORS", "dose_response"]

FACTORS = (0.03, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)
"""Factors on the doses of a scenario, by default."""
_STEPS = 40


def dose_response(
    plan: Scenario,
    *,
    factors: Sequence[float] = FACTORS,
    draws: int = 100,
    seed: int = 1,
    posterior: Estimate | None = None,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Extra spines, formation and elimination of a scenario at multiples of its doses.

    Parameters
    ----------
    plan : Scenario
        With a drug; its antagonists and other doses are scaled with it.
    factors : sequence of float
        On every dose of a drug, rising.
    draws : int
        Of the posterior, in a new laboratory (none of the fitted studies); 0 for none.
    seed : int
        Of the draws.
    posterior : Estimate, optional
        In place of the one of the library.
    progress : callable, optional
        Called with (factors done, factors).

    Returns
    -------
    Dataset
        On (draw, factor), draw -1 the estimate: ``formation_peak``, the largest fold of formation;
        ``elimination_lowest``, the smallest of elimination; ``extra_spines`` on the last session, per spine at the
        first; and ``amount`` of the first dose, on factor.

    Raises
    ------
    ScenarioError
        If no drug is given, or spines interact.

    Examples
    --------
    >>> import synmodel
    >>> week = synmodel.load_scenario("psilocybin-mouse").updated(schedule={"sessions": [-1, 1, 7]})
    >>> found = dose_response(week, factors=[0.1, 1, 10], draws=0)
    >>> (100 * found["extra_spines"]).sel(draw=-1).round(1).values.tolist()
    [3.9, 9.2, 13.2]
    """
    doses = drug_doses(plan.regimen.doses)
    if not doses:
        message = f"scenario {plan.name!r} gives no drug, so there is no dose to change; add one under regimen.doses"
        raise ScenarioError(message)
    plan.turnover.demand_exact()
    sets: list[ParameterSet | None] = [None]
    if draws and plan.drive == "mechanistic":
        sets += scenario_draws(load_posterior() if posterior is None else posterior, draws, seed)
    kept = [k - 1 for k, each in enumerate(sets) if each is None or is_possible(plan, each)]
    sessions = plan.schedule.sessions
    days = np.unique(np.concatenate([sessions, np.linspace(sessions[0], sessions[-1], _STEPS), _near(doses, sessions)]))
    vehicle = course_function(plan.updated(regimen={"doses": []}), days)
    without = np.array([vehicle(sets[k + 1]).density[-1] for k in kept])
    found = {
        name: np.empty((len(kept), len(factors))) for name in ("formation_peak", "elimination_lowest", "extra_spines")
    }
    for column, factor in enumerate(factors):
        course = course_function(_scaled(plan, factor), days)
        for row, k in enumerate(kept):
            each = course(sets[k + 1])
            found["formation_peak"][row, column] = each.formation_fold.max()
            found["elimination_lowest"][row, column] = each.elimination_fold.min()
            found["extra_spines"][row, column] = each.density[-1] - without[row]
        if progress is not None:
            progress(column + 1, len(factors))
    names = {
        "formation_peak": "formation at its peak, fold over baseline",
        "elimination_lowest": "elimination at its lowest, fold over baseline",
        "extra_spines": "extra spines on the last session, per spine at the first",
    }
    return xr.Dataset(
        {key: (("draw", "factor"), values, {"units": "1", "long_name": names[key]}) for key, values in found.items()},
        {
            "draw": kept,
            "factor": ("factor", list(factors), {"units": "1", "long_name": "factor on every dose of a drug"}),
            "amount": ("factor", [doses[0].amount * each for each in factors],
                       {"units": doses[0].unit, "long_name": f"dose of {doses[0].compound}"}),
        },
        {"scenario": plan.name, "compound": doses[0].compound, "last_day": sessions[-1]},
    )  # fmt: skip


def _near(doses: Sequence[Dose], sessions: Sequence[float]) -> np.ndarray:
    """Days on which formation and elimination turn fast: the hours after every dose."""
    after = np.concatenate(
        [[day + hour / 24 for hour in (0.5, 1, 2, 4, 8, 16, 30)] for dose in doses for day in dose.days]
    )
    return after[(after > sessions[0]) & (after < sessions[-1])]


def _scaled(plan: Scenario, factor: float) -> Scenario:
    doses = [
        {**dose.model_dump(mode="json"), "amount": dose.amount * factor} if dose in drug_doses([dose]) else
        dose.model_dump(mode="json")
        for dose in plan.regimen.doses
    ]  # fmt: skip
    return plan.updated(regimen={**plan.regimen.model_dump(mode="json"), "doses": doses})
