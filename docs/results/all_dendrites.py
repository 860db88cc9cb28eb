"""Fit all deposited dendrites of four studies at once; write what the page on dendrites shows.

    python docs/results/all_dendrites.py FOLDER_OF_TABLES [--only NAME]

The tables are those of the studies as one row per dendrite and session (`phoumthipphavong2016_dendrites.csv`,
`shao2021_dendrites.csv`, `shaoliao2025_dendrites.csv`). They are not part of the project: what is written holds
estimates and group statistics only. A model takes five to ten minutes on one core.

Models are compared on all sessions at which spines were scored. The two sessions a month and two after the drug at
which one study has densities alone take twice the time, so they enter one fit of the main model.
"""

import argparse
import json
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import xarray as xr

from synmodel.data import read_observations, select
from synmodel.inference import DendriteProblem
from synmodel.inference.dendrites.laplace import judge_laplace, laplace
from synmodel.inference.dendrites.maximum import maximise
from synmodel.inference.dendrites.predictive import cells_of, observed_statistics, predicted_statistics
from synmodel.library.parameters import ParameterSet, Prior
from synmodel.library.provenance import provenance
from synmodel.report.files import to_json

FILE = Path(__file__).parent / "all_dendrites.json"
TABLES = ("phoumthipphavong2016_dendrites.csv", "shao2021_dendrites.csv", "shaoliao2025_dendrites.csv")
ALL = "formation+elimination"
MODELS = {
    "mechanism": f"{ALL}+mechanism+arms",
    "mechanism, studies differ": f"{ALL}+mechanism+studies+arms",
    "mechanism, formation alone": "formation+mechanism+arms",
    "mechanism, elimination alone": "elimination+mechanism+arms",
    "pulse, own decays": f"{ALL}+decays+ketanserin+arms",
    "pulse, one decay": f"{ALL}+ketanserin+arms",
    "no drug": "none+arms",
}
SPREADS = (0.05, 0.1, 0.2)
"""Standard deviations of the logarithm by which arms may differ before any drug, beside the template's 0.5."""
BY_SPREAD = {
    f"{name}, arms within {spread:g}": (name, spread)
    for spread in SPREADS for name in ("mechanism", "mechanism, formation alone")
}  # fmt: skip
LAST_SCORED_DAY = 34.0
DRAWS = 200


def main() -> None:
    """Run all models, or one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", type=Path)
    parser.add_argument("--only", choices=[*MODELS, *BY_SPREAD, "counted", "late"])
    options = parser.parse_args()
    tables = [read_observations(options.tables / name).observations for name in TABLES]
    observations = [select(tables[0], without=["damaged"]), *tables[1:]]
    early = [scored(each) for each in observations]
    for name, model in MODELS.items():
        if options.only in (None, name):
            write(name, fitted(early, model))
    for name, (of, spread) in BY_SPREAD.items():
        if options.only in (None, name):
            fit = fitted(early, MODELS[of], begin=written()[of], spread=spread)
            write(name, {**fit, "predictive": []})  # the page shows those of the main fit
    if options.only in (None, "counted"):
        # What the same study says if only those dendrites count whose number of spines is known for sure.
        for name, data in (("2025, all", early[2]), ("2025, counted alone", counted_alone(early[2]))):
            write(name, fitted([data], f"{ALL}+decays+ketanserin"))
    if options.only in (None, "late"):
        write("mechanism, late densities too", fitted(observations, MODELS["mechanism"], begin=written()["mechanism"]))


def scored(observations: xr.Dataset) -> xr.Dataset:
    """Observations without sessions at which spines were not scored one by one."""
    early = observations.sel(session=slice(None, LAST_SCORED_DAY))
    return early.isel(interval=slice(0, early.sizes["session"] - 1))


def counted_alone(observations: xr.Dataset) -> xr.Dataset:
    """Observations of those dendrites whose fractions one number of spines explains."""
    kept = observations["spine_count"].notnull().any("session")
    blanked = observations.assign({name: observations[name].where(kept) for name in observations.data_vars})
    names = ("density_per_um", "formation_fraction", "elimination_fraction")
    return blanked.assign_coords({name: observations[name].where(kept) for name in names})


def fitted(observations: list[xr.Dataset], model: str, begin: dict | None = None, spread: float | None = None) -> dict:
    """Estimates, intervals, evidence and predictive checks of one model; from what another fit found, if given.

    A ``spread`` takes the place of the template's by which arms may differ before any drug.
    """
    began = time.perf_counter()
    problem = DendriteProblem(observations, model)
    if begin is not None:
        known = {name: entry["estimate"] for name, entry in begin["parameters"].items() if name in problem.free}
        moved = problem.parameters.replace(known)
        own = [moved[name] for name in problem.free]
        if spread is not None:
            own = [replace(each, prior=Prior(1.0, spread)) if each.name.endswith("_ratio") else each for each in own]
        problem = DendriteProblem(observations, model, ParameterSet(own))
    maximum = maximise(problem, seed=1, starts=1)
    sys.stderr.write(f"{model}: {len(problem.free)} parameters, {time.perf_counter() - began:.0f} s\n")
    around = laplace(problem, maximum)
    generator = np.random.default_rng(1)
    spread = np.linalg.cholesky(around.covariance + 1e-12 * np.eye(len(maximum.vector)))
    draws = maximum.vector + generator.standard_normal((DRAWS, len(maximum.vector))) @ spread.T
    draws = np.clip(draws, problem.lower, problem.upper)
    predicted = predicted_statistics(problem, draws, seed=1)
    observed = observed_statistics(problem)
    rows = []
    for i, cell in enumerate(cells_of(problem)):
        known = predicted[:, i][np.isfinite(predicted[:, i])]
        if np.isfinite(observed[i]) and len(known):
            low, middle, high = np.quantile(known, [0.025, 0.5, 0.975])
            rows.append({**cell._asdict(), "observed": observed[i], "predicted": middle, "low": low, "high": high})
    sys.stderr.write(f"{model}: {time.perf_counter() - began:.0f} s\n")
    return {
        "model": problem.terms.name,
        "n_parameters": len(problem.free),
        "n_dendrites": sum(arm.n_dendrites for arm in problem.arms),
        "n_intervals": problem.n_intervals,
        "n_mice": len(problem.mice),
        "log_likelihood": maximum.log_likelihood,
        "log_posterior": maximum.log_posterior,
        "log_evidence": around.log_evidence,
        "parameters": {
            each.name: {"estimate": each.estimate, "low": each.low, "high": each.high, "unit": each.unit,
                        "verdict": each.verdict}
            for each in judge_laplace(problem, maximum, around)
        },
        "predictive": rows,
        "provenance": {**provenance(seed=1), "data": problem.digest()},
    }  # fmt: skip


def written() -> dict:
    """All fits that are there."""
    return json.loads(FILE.read_text()) if FILE.exists() else {}


def write(name: str, document: dict) -> None:
    """Add one fit to what is written."""
    FILE.write_text(to_json({**written(), name: document}))
    sys.stderr.write(f"{name}: ln evidence {document['log_evidence']:.1f}\n")


if __name__ == "__main__":
    main()
