"""Where an arm by itself shows the opposite of what the joint fit says of its drug.

One mechanism is fitted to all studies, so what is said of a drug may rest on the studies of another. A reader who looks
at the arm alone must not have to find that out.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from synmodel.analysis.comparison import Contrast
from synmodel.analysis.embedded import embedded_arm, embedded_comparison
from synmodel.core.plain import Json
from synmodel.inference.summaries.estimate import Estimate
from synmodel.pharmacology import acting_doses

__all__ = ["against_own_arms"]

Array = NDArray[np.float64]
_EFFECTS = (
    ("formation_peak_fold", "formation", "formation_fraction", "gained", ""),
    (
        "elimination_lowest_fold",
        "elimination",
        "elimination_fraction",
        "lost",
        "More spines are formed and may be lost again, and ",
    ),
)
"""Contrast of an effect, its name, the published fraction that shows it, the word for that, and what else moves it."""


def against_own_arms(fit: Estimate, contrasts: Mapping[str, Mapping[str, Contrast]]) -> list[Json]:
    """Effects that the fit is sure of, and that the drug's own arm shows the other way round, beside its control.

    Parameters
    ----------
    fit : Estimate
        Joint fit, with what it expects of every arm.
    contrasts : mapping
        Drug -> name of a contrast -> Contrast, of the drugs that the library compares.

    Returns
    -------
    list of dict
        ``drug``, ``effect``, ``fold`` (estimate, low, high), published means ``before`` the dose, and after it
        ``observed`` and ``fitted`` (arm, control), ``z``: how many standard errors (unit of the fit, correlated means)
        the arm is off its fit, and ``line``, which says it.
    """
    found = []
    controls = {(panel.study, panel.arm): panel.control for panel in embedded_comparison().panels}
    for drug, table in contrasts.items():
        arm = embedded_arm(drug)
        control = controls.get((arm.study, arm.arm))
        if control is None or arm.study not in fit.problem.studies:
            continue
        for name, effect, quantity, word, besides in _EFFECTS:
            fold = table[name]
            if fold.low <= 1.0 <= fold.high:
                continue
            (mine_before, mine, mine_fitted, z), (others_before, others, others_fitted, _) = (
                _around_dose(fit, arm.study, each, quantity, arm.arm) for each in (arm.arm, control)
            )
            if (mine > others) == (fold.estimate > 1.0):
                continue
            more, before = "more" if mine > others else "fewer", None
            earlier = ""
            if mine_before is not None and others_before is not None:
                before = [mine_before, others_before]
                earlier = f"before it {_percent(mine_before)} and {_percent(others_before)}; "
            line = (
                f"{drug}: {effect} is said to change to {fold.estimate:.2g} of baseline ({fold.low:.2g} to "
                f"{fold.high:.2g}), but its arm in {arm.study} {word} {more} spines after the dose than its control: "
                f"{_percent(mine)} against {_percent(others)} per interval ({earlier}"
                f"fitted after it {_percent(mine_fitted)} and {_percent(others_fitted)}; "
                f"the arm is {abs(z):.1f} standard errors off). {besides}{'arms' if besides else 'Arms'} may differ "
                "before the drug; the change itself rests on what the drugs share"
            )
            found.append({
                "drug": drug, "effect": effect, "fold": [fold.estimate, fold.low, fold.high],
                "before": before, "observed": [mine, others],
                "fitted": [mine_fitted, others_fitted], "z": z, "line": line,
            })  # fmt: skip
    return found


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _around_dose(
    fit: Estimate, study: str, arm: str, quantity: str, dosed: str
) -> tuple[float | None, float, float, float]:
    """Mean of an arm over intervals before the first dose of the drug, if any; after it, fitted, and its z."""
    problem = fit.problem
    names = [(target.study.name, target.arm.name) for target in problem.arms]
    place = names.index((study, arm))
    target = problem.arms[place]
    first = min(day for dose in acting_doses(target.study.arm(dosed).doses) for day in dose.days)
    sizes = np.cumsum([0, *(len(means.at) for means in target.means)])
    number = next(k for k, means in enumerate(target.means) if means.quantity == quantity)
    means = target.means[number]
    values = problem.values(fit.vector)
    fitted = problem.predict_arm(place, values).of(quantity)[means.at]
    after = means.end > first
    rows = sizes[number] + np.flatnonzero(after)
    z = problem.standardised(place, values)[rows].sum() / np.sqrt(problem.correlation(place)[np.ix_(rows, rows)].sum())
    before = float(means.mean[~after].mean()) if np.any(~after) else None
    return before, float(means.mean[after].mean()), float(fitted[after].mean()), float(z)
