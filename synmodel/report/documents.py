"""Results as plain documents for JSON."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from synmodel.analysis.caveats import potency_lines
from synmodel.analysis.intervals import with_ends
from synmodel.analysis.own_arms import against_own_arms
from synmodel.analysis.simulated import Simulated
from synmodel.core.plain import Json
from synmodel.data import load_study
from synmodel.data.summaries import FITTED
from synmodel.inference.summaries.estimate import LEVEL, Estimate
from synmodel.inference.summaries.joint import Posterior
from synmodel.inference.summaries.problem import ArmPrediction, SummaryProblem
from synmodel.inference.summaries.targets import ArmTargets
from synmodel.scenario import Scenario
from synmodel.simulation.checking import Checked, Contradiction

if TYPE_CHECKING:  # what a document is of has been made by whoever asks for one
    from synmodel.analysis.comparison import Contrast
    from synmodel.analysis.workflows import Comparison, FitResult
    from synmodel.inference import Fit, Verdict

__all__ = [
    "comparison_dataset",
    "comparison_document",
    "contradiction_entries",
    "fit_dataset",
    "fit_document",
    "mechanism_dataset",
    "parameters_toml",
    "simulation_dataset",
    "simulation_document",
]

Array = NDArray[np.float64]


def study_documents(fit: "Fit") -> Json:
    """Goodness of fit of every study: observed, SEM and fitted by arm and interval, and chi-square.

    ``sem`` and ``chi2`` are over dendrites, as published; ``sem_mouse`` and ``chi2_mouse`` over mice, which is the
    default unit of replication by which a fit is weighed. ``n_points`` counts the three quantities of turnover.
    """
    predictions = fit.problem.predict(fit.values)
    documents = {}
    for study in fit.problem.studies:
        chi2, n_points = fit.chi2(study)
        arms = {}
        for target in fit.problem.arms:
            if target.study.name == study:
                arms[target.arm.name] = _arm_document(target, predictions[study, target.arm.name])
        documents[study] = {
            "arms": arms,
            "chi2": chi2,
            "chi2_mouse": fit.chi2(study, unit="mouse")[0],
            "n_points": n_points,
            "n_parameters": fit.problem.n_parameters(study),
            "chi2_by_quantity": {
                quantity: dict(zip(("chi2", "n_points"), fit.chi2(study, [quantity]), strict=True))
                for quantity in (*FITTED, "head_width_change", "new_spine_persistence")
                if fit.chi2(study, [quantity])[1]
            },
        }
    return documents


def _arm_document(target: ArmTargets, prediction: ArmPrediction) -> dict[str, list[dict[str, float]]]:
    document = {}
    for means in target.means:
        curve = prediction.of(means.quantity)[means.at]
        document[means.quantity] = [
            {
                "start_day": means.start[i],
                "end_day": means.end[i],
                "observed": means.mean[i],
                "sem": means.sem_dendrite[i],
                "sem_mouse": means.sem_mouse[i],
                "fitted": curve[i],
            }
            for i in range(len(means.end))
        ]
    if target.persistence is not None:
        new = target.persistence
        fitted = SummaryProblem.expected_persistence(target, new, prediction.expected)
        reference = float(target.sessions[target.sessions > 0][0])
        document["new_spine_persistence"] = [
            {
                "start_day": reference,
                "end_day": new.end[i],
                "observed": new.present[i] / new.new[i],
                "sem": float(np.sqrt(new.present[i] * (new.new[i] - new.present[i]) / new.new[i] ** 3)),
                "n_present": new.present[i],
                "n_new": new.new[i],
                "fitted": fitted[i],
            }
            for i in range(len(new.end))
        ]
    return document


def parameter_entries(verdicts: "list[Verdict]") -> Json:
    """Estimates of parameters with 95 % intervals, and what the data say of each in a word and a sentence."""
    return {v.name: {k: x for k, x in asdict(v).items() if k != "name"} for v in verdicts}


def compared_parameters(source: Estimate) -> Json:
    """Medians and 95 % intervals of what studies share; a ``note`` where the data add little to the prior."""
    from synmodel.inference.summaries.verdicts import verdicts_of  # on use: it loads optimisers

    names = [name for name in source.problem.free if name.partition(".")[0] not in source.problem.studies]
    entries = parameter_entries(verdicts_of(source, names))
    for entry in entries.values():
        entry["note"] = {"identified": "", "one-sided": "one-sided", "flat": "not identified"}[entry.pop("verdict")]
        del entry["sentence"]
    return entries


def contrast_entries(contrasts: "Mapping[str, Contrast]", simulated: xr.Dataset) -> Json:
    """Contrasts of one drug as {estimate, low, high, unit, ...}, with simulated experiments where there are any.

    ``one_experiment`` is the range in which 95 % of repeats of the study (separate groups of animals) would
    report the difference; ``simulated`` the mean of paired simulations with its Monte Carlo error.
    """
    entries: Json = {name: asdict(contrast) for name, contrast in contrasts.items()}
    places = {"formation_fraction": "formation_gain", "elimination_fraction": "elimination_gain"}
    for i, quantity in enumerate(simulated["quantity"].to_numpy().tolist()):
        if quantity not in places:
            continue
        point = simulated.isel(point=i)
        name = f"{places[quantity]}_day_{float(point['start_day']):g}_to_{float(point['end_day']):g}"
        if name in entries:
            entries[name]["simulated"] = {
                "mean": 100 * float(point["mean"]),
                "error": 100 * float(point["error"]),
                "variance_ratio": float(point["variance_ratio"]),
            }
            entries[name]["one_experiment"] = {
                "low": 100 * float(point["experiment_low"]),
                "high": 100 * float(point["experiment_high"]),
            }
    return entries


def comparison_document(comparison: "Comparison") -> Json:
    """Everything that a comparison says: fits by study, parameters, contrasts by drug, notes."""
    fit = comparison.fit
    return {
        "level": LEVEL,
        "unit_of_replication": fit.problem.unit,
        "fits": study_documents(fit),
        "drive": fit.problem.drive,
        "contradictions": against_own_arms(fit, comparison.contrasts),
        "readings": comparison.readings,
        "parameters": compared_parameters(comparison.source),
        "drugs": {
            drug: contrast_entries(table, comparison.simulated[drug]) for drug, table in comparison.contrasts.items()
        },
        "pulse": {
            drug: {name: asdict(contrast) for name, contrast in table.items()}
            for drug, table in comparison.pulse.items()
        },
        "claims": [cell.document() for cell in comparison.claims],
        "notes": [
            *(caveat_of(study) for study in fit.problem.studies),
            f"intervals are those of {_drawn_from(comparison.source)}, with the {fit.problem.unit} as the unit of "
            "replication and the correlation of means that share dendrites",
            "not identified: the posterior leaves out less than a quarter of the prior on either side, so the "
            "number is the prior's",
            "scoring flips and short-lived spines are hard to tell apart at sessions two days apart; "
            "`synmodel fit` reports both readings",
            *sorted({c.note for table in comparison.contrasts.values() for c in table.values() if c.note}),
        ],
    }


def _drawn_from(source: Estimate) -> str:
    return (
        "the joint posterior of the library"
        if isinstance(source, Posterior)
        else "the Gaussian approximation of the fit"
    )


def caveat_of(study: str) -> str:
    """First caveat of a study, in one line."""
    entry = load_study(study)
    return f"{study}: " + "; ".join(entry.caveats[:2])


def comparison_dataset(comparison: "Comparison", entries: Mapping[str, str]) -> xr.Dataset:
    """Curves and contrasts of both drugs as one Dataset."""
    drugs = list(comparison.curves)
    curves = xr.concat([comparison.curves[drug] for drug in drugs], dim=xr.Variable("drug", drugs))
    names = list(comparison.contrasts[drugs[0]])
    table = [[comparison.contrasts[drug][name] for name in names] for drug in drugs]
    bounds = ("estimate", "low", "high")
    values = [[[getattr(contrast, bound) for contrast in row] for bound in bounds] for row in table]
    dataset = curves.assign_coords(contrast=names).assign(
        contrast_value=(("drug", "bound", "contrast"), np.array(values, float)),
        contrast_unit=("contrast", [contrast.unit for contrast in table[0]]),
    )
    dataset["contrast_value"].attrs["long_name"] = "drug minus control, in contrast_unit"
    return dataset.assign_attrs(entries)


def fit_document(result: "FitResult") -> Json:
    """Everything that a fit says."""
    fit = result.fit
    return {
        "unit_of_replication": fit.problem.unit,
        "level": LEVEL,
        "minus_2_log_posterior": fit.objective,
        "starts": {"number": fit.starts, "in_this_minimum": fit.found},
        "drive": fit.problem.drive,
        "fits": study_documents(fit),
        "parameters": parameter_entries(result.verdicts),
        "readings": [each.document() for each in result.readings],
        "notes": result.notes,
    }


def fit_dataset(result: "FitResult", entries: Mapping[str, str]) -> xr.Dataset:
    """Estimates, covariance and profiles as one Dataset."""
    fit = result.fit
    free = fit.problem.free
    dataset = xr.Dataset(
        {
            "estimate": ("parameter", [fit.values[name] for name in free]),
            "covariance": (("parameter", "other_parameter"), fit.covariance),
            "low": ("shared", [verdict.low for verdict in result.verdicts]),
            "high": ("shared", [verdict.high for verdict in result.verdicts]),
        },
        coords={
            "parameter": free,
            "other_parameter": free,
            "unit": ("parameter", [fit.problem.parameters[name].unit for name in free]),
            "shared": [verdict.name for verdict in result.verdicts],
            "verdict": ("shared", [verdict.verdict for verdict in result.verdicts]),
        },
    )
    dataset["covariance"].attrs["long_name"] = "inverse Gauss-Newton Hessian on the scale of the fit (mostly log)"
    if result.profiles:
        profiles = result.profiles.values()
        dataset = dataset.assign_coords(profiled=list(result.profiles)).assign(
            profile_value=(("profiled", "point"), np.array([each.values for each in profiles])),
            profile_rise=(("profiled", "point"), np.array([each.rise for each in profiles])),
            profile_bound=("profiled", np.array([each.bound for each in profiles])),
        )
    return dataset.assign_attrs(entries)


def parameters_toml(fit: "Fit") -> str:
    """All parameters with the estimates in place, as a document that ParameterSet.from_toml reads."""
    import tomli_w

    return tomli_w.dumps(fit.parameters.to_document())


def simulation_document(plan: Scenario, result: Simulated) -> Json:
    """What simulated experiments of a scenario report on average, and how it varies between them.

    ``contradictions`` are what the evidence of the library says against it, ``checked`` all evidence that it meets;
    ``assumed_potencies`` are lines on potencies of its drugs that are assumed; ``control`` is the same without doses,
    empty where there is none; ``notes`` say what to read with care.
    ``expected`` are exact means with the interval of the posterior, and their ``difference`` from those without doses;
    empty where there are none. ``engine`` ran the simulation; ``between_subjects`` says what differs between them.
    """
    return {
        "contradictions": contradiction_entries(result.checked),
        "assumed_potencies": potency_lines(plan),
        "scenario": plan.model_dump(mode="json", exclude_none=True),
        "replicates": result.observations.sizes["replicate"],
        "engine": result.observations.attrs["engine"],
        "between_subjects": result.observations.attrs["differs"],
        "level": LEVEL,
        "summary": _summary_entries(result.summary),
        "control": [] if result.control is None else _summary_entries(result.control),
        "expected": _expected_entries(result.expected),
        "notes": result.notes,
        "checked": [asdict(each) for each in result.checked],
        "provenance": {str(key): value for key, value in result.observations.attrs.items()},
    }


def _summary_entries(summary: xr.Dataset) -> list[Json]:
    """Mean over experiments of every published statistic, the range of most of them, and the SEM they print."""
    # As arrays: a label at every point costs far more than the means.
    mean, sem, mouse_sem = (
        summary[name].transpose("point", ...).to_numpy() for name in ("mean", "sem_dendrite", "mouse_sem")
    )
    start, end = (summary[name].to_numpy().tolist() for name in ("start_day", "end_day"))
    entries = []
    for i, quantity in enumerate(summary["quantity"].to_numpy().tolist()):
        low, high = np.nanquantile(mean[i], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        entries.append(
            {
                "quantity": quantity,
                "start_day": float(start[i]),
                "end_day": float(end[i]),
                "mean": _mean_of_known(mean[i]),
                "low": float(low),
                "high": float(high),
                "sem_dendrite": _mean_of_known(sem[i]),
                "mouse_sem": _mean_of_known(mouse_sem[i]),
            }
        )
    return entries


def _mean_of_known(values: Array) -> float:
    """Mean of those that are not NaN; NaN where all are."""
    return float(np.nanmean(values)) if not np.isnan(values).all() else math.nan


def _expected_entries(expected: xr.Dataset | None) -> list[Json]:
    """Exact means by quantity and interval, none where there are none; ends are null where no draws were asked for."""
    if expected is None:
        return []
    named = {"": "expected"} | ({"difference_": "contrast"} if "contrast" in expected else {})
    ends = {prefix: with_ends(expected[name].to_numpy()) for prefix, name in named.items()}
    entries = []
    for i in range(expected.sizes["point"]):
        point = expected.isel(point=i)
        entry = {
            "quantity": str(point["quantity"].item()),
            "start_day": float(point["start_day"]),
            "end_day": float(point["end_day"]),
        }
        for prefix, values in ends.items():
            keys = (prefix.rstrip("_") or "mean", f"{prefix}low", f"{prefix}high")
            entry |= {key: None if np.isnan(x) else x for key, x in zip(keys, values[:, i].tolist(), strict=True)}
        entries.append(entry)
    return entries


def contradiction_entries(checked: Sequence[Checked]) -> list[Json]:
    """Contradictions as plain data, each with the ``line`` that a reader sees first."""
    return [{**asdict(each), "line": each.line} for each in checked if isinstance(each, Contradiction)]


def simulation_dataset(result: Simulated) -> xr.Dataset:
    """The observations; contradictions and notes are their first attributes, where there are any."""
    return result.observations.drop_attrs(deep=False).assign_attrs(_remarks(result) | result.observations.attrs)


def mechanism_dataset(result: Simulated) -> xr.Dataset:
    """The mechanism, with the attributes of the observations but for the notes on them."""
    return result.mechanism.assign_attrs(result.observations.attrs)


def _remarks(result: Simulated) -> dict[str, str]:
    lines = [entry["line"] for entry in contradiction_entries(result.checked)]
    remarks = {"contradictions": "; ".join(lines), "notes": "; ".join(result.notes)}
    return {name: text for name, text in remarks.items() if text}
