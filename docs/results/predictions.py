"""Predict experiments that nobody has published, by every reading of the data; write what docs/predictions.md shows.

    python docs/results/predictions.py            # a minute, from the recorded fits of the rivals
    python docs/results/predictions.py --refit    # fits the rivals anew first (a minute more)

Written: ``predictions.json``, the scenarios of all arms in ``predictions/``, and with
``--refit`` ``readings_fitted.json``: parameters of the library at the estimate of each rival and at draws around it.
Fits that belong to other data or another model are refused.
"""

import argparse
import json
import math
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from synmodel.analysis.intervals import QUANTITIES
from synmodel.core.errors import ScenarioError, SimulationError
from synmodel.core.randomness import generator_of
from synmodel.imaging import summarise
from synmodel.imaging.power import welch_power
from synmodel.inference.summaries.hierarchy import EFFECTS
from synmodel.inference.summaries.joint import data_digest, load_posterior
from synmodel.inference.summaries.readings import DEFAULT, joint_problem, reading_named
from synmodel.inference.summaries.summary_fit import Fit, fit_problem
from synmodel.library.parameters import ParameterSet, default_parameters
from synmodel.library.provenance import provenance
from synmodel.report.files import to_json
from synmodel.scenario import Scenario, load
from synmodel.simulation import expectation_function, simulate

HERE = Path(__file__).parent
SCENARIOS, FITTED = HERE / "predictions", HERE / "readings_fitted.json"
SEED, DRAWS, RIVAL_DRAWS, EXPERIMENTS = 1, 200, 48, 200
MOST_MICE, POWER, LEVEL = 500, 0.8, 0.05
DIGITS = 5
RIVALS = {
    "membrane, one cascade, saturating": "5-HT2A at the membrane",
    "TrkB, one cascade, saturating": "TrkB alone",
    "intracellular, one cascade per drug, saturating": "one cascade per drug",
    "intracellular, one cascade, not saturating": "no saturation",
    "intracellular, one cascade, saturating, delayed": "delayed by up to a day",
    "pulse, own decays": "pulses, own decays",
    "pulse, one decay": "pulses, one decay",
}
"""Name of a reading -> what the figure calls it."""
PER_DRUG = ("formation_gain", "tau_formation", "stabilisation_gain", "tau_stabilisation")


@dataclass(frozen=True)
class Experiment:
    """Two arms, what is compared, and what no reading but some can say anything of.

    ``alternative`` is an outcome that would prove the model wrong as ``proves_wrong`` says, or ``alternative_of`` the
    two arms whose difference it would be. ``silent`` are readings that say nothing, and why. Arms are named as their
    files in ``predictions/``.
    """

    name: str
    title: str
    arms: tuple[str, str]
    quantity: str
    start_day: float
    end_day: float
    proves_wrong: str
    alternative: float | None = None
    alternative_of: tuple[str, str] | None = None
    silent: tuple[tuple[str, str], ...] = ()


TWO_CASCADES = "two cascades, and no rule by which two drugs add up"
KNOWN_KETANSERIN = "a pulse knows ketanserin 1 mg/kg alone"
EXPERIMENTS_OF = (
    Experiment(
        "second-dose", "Second psilocybin 1 mg/kg on day 7, against one dose",
        ("psilocybin-twice", "psilocybin-once"), "formation_fraction", 6.0, 8.0,
        "no gain of formation after the second dose: tolerance, which no reading has", alternative=0.0,
    ),
    Experiment(
        "both-drugs", "Ketamine 10 with psilocybin 1 mg/kg, against psilocybin alone",
        ("both-drugs", "psilocybin-day1"), "formation_fraction", -1.0, 1.0,
        "as much more as ketamine brings by itself: the drugs add up, so they share no step that fills",
        alternative_of=("ketamine-day1", "vehicle-day1"),
        silent=(("intracellular, one cascade per drug, saturating", TWO_CASCADES),),
    ),
    Experiment(
        "rapamycin-before", "Psilocybin under rapamycin (1 h before to 24 h after), against vehicle",
        ("psilocybin-rapamycin-before", "vehicle-day1"), "formation_fraction", -1.0, 1.0,
        "formation as without rapamycin: growth does not pass through mTORC1",
        alternative_of=("psilocybin-day1", "vehicle-day1"),
    ),
    Experiment(
        "rapamycin-after", "Psilocybin, rapamycin from 12 h on for a day, against vehicle",
        ("psilocybin-rapamycin-after", "vehicle-day3"), "formation_fraction", 1.0, 3.0,
        "no formation: mTORC1 is needed all along, not only in the first hours", alternative=0.0,
    ),
    Experiment(
        "dose-response", "Psilocybin 4 against 0.25 mg/kg", ("psilocybin-4", "psilocybin-0.25"),
        "formation_fraction", -1.0, 1.0,
        "no difference: the effect is full at a quarter of the usual dose", alternative=0.0,
    ),
    Experiment(
        "day-2", "Psilocybin, sessions on days 1, 2 and 3: formation from day 2 to 3, against vehicle",
        ("psilocybin-daily", "vehicle-daily"), "formation_fraction", 2.0, 3.0,
        "formation back at baseline on day 2: births are raised for a day, not for days", alternative=0.0,
    ),
    Experiment(
        "knockout-ketamine", "Ketamine 10 mg/kg in 5-HT2A knock-out mice, against vehicle",
        ("ketamine-knockout", "vehicle-knockout"), "formation_fraction", -1.0, 1.0,
        "no growth: ketamine needs 5-HT2A receptors, as psilocybin does", alternative=0.0,
    ),
    Experiment(
        "more-ketanserin", "Psilocybin 1 after ketanserin 10 mg/kg, against ketanserin alone",
        ("psilocybin-ketanserin-10", "ketanserin-10"), "formation_fraction", -1.0, 1.0,
        "no growth at ten times the usual ketanserin: the receptors are at the membrane", alternative=0.0,
        silent=(("pulse, own decays", KNOWN_KETANSERIN), ("pulse, one decay", KNOWN_KETANSERIN)),
    ),
)  # fmt: skip


# -- scenarios -----------------------------------------------------------------------------------------------------

DAY1 = (-3.0, -1.0, 1.0)


def dose(compound: str, amount: float, **more: Any) -> dict[str, Any]:
    return {"compound": compound, "amount": amount, "unit": "mg/kg", "route": "i.p.", **more}


def arms() -> dict[str, Scenario]:
    """All arms: mice of the study that shows the drug, 8 of them."""
    psilocybin, ketamine = dose("psilocybin", 1.0), dose("ketamine", 10.0)
    rapamycin = {"name": "rapamycin"}
    week = (-3.0, -1.0, 1.0, 6.0, 8.0, 14.0)
    daily = (-3.0, -1.0, 1.0, 2.0, 3.0, 5.0, 7.0)
    later = (-3.0, -1.0, 1.0, 3.0)
    blocker = dose("ketanserin", 10.0, day=-0.006944)
    plans: dict[str, tuple[str, Sequence[float], list[dict[str, Any]], dict[str, Any]]] = {
        "psilocybin-once": ("Psilocybin 1 mg/kg, imaged over two weeks", week, [psilocybin], {}),
        "psilocybin-twice": (
            "Psilocybin 1 mg/kg on days 0 and 7", week, [dose("psilocybin", 1.0, repeat=2, every_days=7)], {},
        ),
        "psilocybin-day1": ("Psilocybin 1 mg/kg, imaged to day 1", DAY1, [psilocybin], {}),
        "vehicle-day1": ("Vehicle, imaged to day 1", DAY1, [], {}),
        "vehicle-day3": ("Vehicle, imaged to day 3", later, [], {}),
        "ketamine-day1": ("Ketamine 10 mg/kg in the same mice, imaged to day 1", DAY1, [ketamine], {}),
        "both-drugs": ("Ketamine 10 mg/kg and psilocybin 1 mg/kg together", DAY1, [psilocybin, ketamine], {}),
        "psilocybin-rapamycin-before": (
            "Psilocybin 1 mg/kg, mTORC1 blocked from 1 h before to 24 h after", DAY1, [psilocybin],
            {"treatments": [{**rapamycin, "from_day": -1 / 24, "to_day": 1.0}]},
        ),
        "psilocybin-rapamycin-after": (
            "Psilocybin 1 mg/kg, mTORC1 blocked from 12 h to 36 h after", later, [psilocybin],
            {"treatments": [{**rapamycin, "from_day": 0.5, "to_day": 1.5}]},
        ),
        "psilocybin-daily": ("Psilocybin 1 mg/kg, imaged on days 1, 2 and 3", daily, [psilocybin], {}),
        "vehicle-daily": ("Vehicle, imaged on days 1, 2 and 3", daily, [], {}),
        "psilocybin-ketanserin-10": (
            "Psilocybin 1 mg/kg ten minutes after ketanserin 10 mg/kg", DAY1, [blocker, psilocybin], {},
        ),
        "ketanserin-10": ("Ketanserin 10 mg/kg alone", DAY1, [blocker], {}),
        **{
            f"psilocybin-{amount:g}": (f"Psilocybin {amount:g} mg/kg", DAY1, [dose("psilocybin", amount)], {})
            for amount in (0.25, 0.5, 2.0, 4.0)
        },
    }  # fmt: skip
    made = {name: _plan(name, "shao2021", *plan) for name, plan in plans.items()}
    for name, doses, title in (
        ("ketamine-knockout", [ketamine], "Ketamine 10 mg/kg, 5-HT2A knock-out mice"),
        ("vehicle-knockout", [], "Vehicle, 5-HT2A knock-out mice"),
    ):
        plan = _plan(name, "phoumthipphavong2016", title, DAY1, doses, {})
        made[name] = plan.updated(subject={"species": "mouse", "genotype": "5-HT2A knock-out"})
    return made


def _plan(
    name: str,
    baseline: str,
    title: str,
    sessions: Sequence[float],
    doses: list[dict[str, Any]],
    regimen: dict[str, Any],
) -> Scenario:
    dendrites = {"shao2021": 13, "phoumthipphavong2016": 7}[baseline]
    return Scenario(
        name=name, title=title, baseline=baseline, drive="mechanistic",
        regimen={"doses": doses, **regimen}, schedule={"sessions": tuple(sessions)},
        cohort={"animals": 8, "dendrites_per_animal": dendrites},
    )  # fmt: skip


# -- readings ------------------------------------------------------------------------------------------------------


def refit() -> None:
    """Fit every rival to all data, and record parameters of the library at its estimate and at draws around it."""
    readings = {}
    for name in RIVALS:
        problem = joint_problem(reading=reading_named(name))
        fit = fit_problem(problem, seed=SEED, starts=1)
        readings[name] = {"digest": data_digest(problem), "objective": round(fit.objective, 3), **_recorded(fit)}
        sys.stderr.write(f"{name}: -2 log posterior {fit.objective:.2f}\n")
        FITTED.write_text(json.dumps(readings, separators=(",", ":")) + "\n", encoding="utf-8")


def _recorded(fit: Fit) -> dict[str, Any]:
    """Names and rows of values: the estimate in the typical laboratory, then draws, each in a laboratory of its own."""
    generator, base = generator_of(SEED, "another laboratory"), default_parameters()
    sets = [_with_own(fit, fit.vector, fit.typical())]
    for vector in fit.draws(RIVAL_DRAWS, SEED):
        sets.append(_with_own(fit, vector, fit.in_laboratory(generator.standard_normal(len(EFFECTS)), vector)))
    of_ketamine = [f"ketamine.cascade_{key}" for key in PER_DRUG]
    used = [name for name in base if name.partition(".")[0] in _USED]
    names = [name for name in used if any(each[name] != base.value(name) for each in sets)]
    names += [name for name in of_ketamine if name in sets[0]]
    rows = [[float(f"{each[name]:.{DIGITS}g}") for name in names] for each in sets]
    return {"names": names, "rows": rows}


_USED = (
    "cascade", "serotonin", "nmda", "ketamine", "psilocin", "psilocybin", "ketanserin", "shao2021",
    "phoumthipphavong2016",
)  # fmt: skip


def _with_own(fit: Fit, vector: Any, chosen: ParameterSet) -> dict[str, float]:
    """Values by name; gains and time constants that a drug has of its own differ between laboratories as the shared."""
    values, found = fit.problem.values(vector), chosen.as_floats()
    for key in PER_DRUG:
        own = f"ketamine.cascade_{key}"
        if own in values:
            found[own] = values[own] * found[f"cascade.{key}"] / values[f"cascade.{key}"]
    return found


def rival_sets(name: str, entry: dict[str, Any], drug: str) -> list[ParameterSet]:
    """Parameters of the library by a rival: its estimate, then its draws.

    ``drug`` says whose cascade it is, where drugs have one each.
    """
    if entry["digest"] != data_digest(joint_problem(reading=reading_named(name))):
        message = f"{FITTED.name}: {name} belongs to other data or another model; run this with --refit"
        raise SystemExit(message)
    base, sets = default_parameters(), []
    for row in entry["rows"]:
        values = dict(zip(entry["names"], row, strict=True))
        for key in PER_DRUG:
            own = values.pop(f"ketamine.cascade_{key}", None)
            if own is not None and drug == "ketamine":
                values[f"cascade.{key}"] = own
        sets.append(base.replace({n: min(max(v, base[n].lower), base[n].upper) for n, v in values.items()}))
    return sets


# -- predictions ---------------------------------------------------------------------------------------------------


def contrasts(experiment: Experiment, plans: dict[str, Scenario], sets: Sequence[ParameterSet], drive: str) -> Any:
    """(n_set,) difference between the arms in percentage points; NaN where no dendrite is possible."""
    return _difference(experiment, [plans[arm].updated(drive=drive) for arm in experiment.arms], sets)


def _difference(experiment: Experiment, two: Sequence[Scenario], sets: Sequence[ParameterSet]) -> Any:
    functions = [expectation_function(plan) for plan in two]
    at = two[0].schedule.sessions.index(experiment.end_day) - 1
    values = []
    for each in sets:
        try:
            first, second = (getattr(f(each), QUANTITIES[experiment.quantity])[at] for f in functions)
        except SimulationError:
            values.append(math.nan)
            continue
        values.append(100 * (first - second))
    return np.array(values)


def variances(experiment: Experiment, plans: dict[str, Scenario], parameters: ParameterSet) -> tuple[float, float]:
    """Variance between mice of each arm [percentage points squared]: of simulated experiments, so with all there is."""
    found = []
    for number, arm in enumerate(experiment.arms):
        summary = summarise(simulate(plans[arm], parameters, replicates=EXPERIMENTS, seed=SEED + number))
        point = np.flatnonzero(
            (summary["quantity"].to_numpy() == experiment.quantity)
            & (summary["end_day"].to_numpy() == experiment.end_day)
        )[0]
        squares = (summary["mouse_sem"] ** 2 * summary["n_mice"]).isel(point=int(point)).mean("replicate")
        found.append(1e4 * float(squares))
    return found[0], found[1]


def mice(difference: float, spread: tuple[float, float]) -> int | None:
    """Fewest mice per arm with which Welch's test tells two predicted differences apart; None above the most."""
    if not math.isfinite(difference):
        return None
    return next((n for n in range(2, MOST_MICE + 1) if welch_power(abs(difference), spread, n, LEVEL) >= POWER), None)


def predicted(
    experiment: Experiment, plans: dict[str, Scenario], fitted: dict[str, Any], draws: Sequence[ParameterSet]
) -> dict[str, Any]:
    """What the model and its rivals predict of one experiment."""
    source = load_posterior()
    typical = source.typical()
    spread = variances(experiment, plans, typical)
    ours = contrasts(experiment, plans, [typical, *draws], "mechanistic")
    drug = "ketamine" if plans[experiment.arms[0]].baseline == "phoumthipphavong2016" else "psilocybin"
    entry: dict[str, Any] = {
        "name": experiment.name, "title": experiment.title, "arms": list(experiment.arms),
        "quantity": experiment.quantity, "start_day": experiment.start_day, "end_day": experiment.end_day,
        "unit": "percentage points", "proves_wrong": experiment.proves_wrong,
        "variance_between_mice": list(spread), "reading": DEFAULT.name, **_interval(ours), "rivals": [],
    }  # fmt: skip
    silent = dict(experiment.silent)
    for name, label in RIVALS.items():
        rival: dict[str, Any] = {"reading": name, "label": label}
        drive = "phenomenological" if name.startswith("pulse") else "mechanistic"
        entry["rivals"].append(rival)
        if name in silent:
            rival["says_nothing"] = silent[name]
            continue
        try:
            theirs = contrasts(experiment, plans, rival_sets(name, fitted[name], drug), drive)
        except ScenarioError as error:
            rival["says_nothing"] = str(error)
            continue
        rival |= {**_interval(theirs), "mice": mice(entry["estimate"] - theirs[0], spread)}
    wrong = experiment.alternative
    if experiment.alternative_of is not None:
        wrong = float(_difference(experiment, [plans[arm] for arm in experiment.alternative_of], [typical])[0])
    entry |= {"excluded": wrong, "mice_to_exclude": None if wrong is None else mice(entry["estimate"] - wrong, spread)}
    return entry


def _interval(values: Any) -> dict[str, float]:
    low, high = np.nanquantile(values[1:], [0.025, 0.975])
    return {"estimate": float(values[0]), "low": float(low), "high": float(high)}


def dose_response(plans: dict[str, Scenario], draws: Sequence[ParameterSet]) -> list[dict[str, float]]:
    """Formation gain of every dose over vehicle."""
    whole = next(each for each in EXPERIMENTS_OF if each.name == "dose-response")
    sets = [load_posterior().typical(), *draws]
    found = []
    for amount, arm in ((0.25, None), (0.5, None), (1.0, "psilocybin-day1"), (2.0, None), (4.0, None)):
        two = [plans[arm or f"psilocybin-{amount:g}"], plans["vehicle-day1"]]
        found.append({"amount": amount, **_interval(_difference(whole, two, sets))})
    return found


def main() -> None:
    """Write what the page shows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--refit", action="store_true")
    if parser.parse_args().refit:
        refit()
    fitted = json.loads(FITTED.read_text(encoding="utf-8"))
    plans = arms()
    SCENARIOS.mkdir(exist_ok=True)
    for name, plan in plans.items():
        (SCENARIOS / f"{name}.toml").write_text(plan.to_toml(), encoding="utf-8")
        tomllib.loads(plan.to_toml())
        load(SCENARIOS / f"{name}.toml")
    source = load_posterior()
    draws = list(source.scenarios(DRAWS, SEED))
    entries = []
    for experiment in EXPERIMENTS_OF:
        entries.append(predicted(experiment, plans, fitted, draws))
        sys.stderr.write(f"{experiment.name}: {entries[-1]['estimate']:.2f}\n")
    document = {
        "experiments": entries,
        "dose_response": dose_response(plans, draws),
        "draws": DRAWS, "rival_draws": RIVAL_DRAWS, "power": POWER, "level": LEVEL,
        "provenance": provenance(seed=SEED, parameters=source.problem.parameters.digest()),
    }  # fmt: skip
    (HERE / "predictions.json").write_text(to_json(document), encoding="utf-8")


if __name__ == "__main__":
    main()
