"""A fit of single dendrites as a JSON document and as tables for the terminal."""

import warnings
from collections import Counter
from contextlib import redirect_stdout
from io import StringIO
from typing import Any

import numpy as np
import xarray as xr
from rich.table import Table

from synmodel.analysis.workflows import DendriteFits
from synmodel.core.plain import Json
from synmodel.inference.dendrites.predictive import CELL
from synmodel.inference.dendrites.selection import left_out
from synmodel.inference.sampling import LARGEST_PARETO_K
from synmodel.report.conventional import conventional_document, conventional_tables
from synmodel.report.tables import add_row, notes_tables, plain_table

__all__ = ["FILES", "document", "tables"]

FILES = ("fit.json", "fit.nc", "fit.png", "fit.svg", "conventional.csv")
_TAILS = (0.025, 0.975)
_NOMINAL = "no dendrite of an arm has a length: 40 um was taken for each, so its formation per um is in these units"
_CAVEATS = (
    "spines that were overlooked once count as a loss and a gain; the term transient takes up scores of one session",
    "formation differs between dendrites and mice from the first session on; elimination is taken as alike in all",
)


def document(fits: DendriteFits) -> Json:
    """Everything that a fit, or a comparison of several, says, as plain data."""
    tally: Counter[str] = Counter()
    for reading in fits.readings:
        tally.update(reading.audit.tally())
    around = {
        "conventional": conventional_document(fits.conventional),
        "audit": dict(tally),
        "read_with_care": [*_CAVEATS, *_of_lengths(fits)],
    }
    if fits.table is None:
        return {**_of_tree(fits.tree), **around}
    rows = [
        {"model": str(model), **{str(name): values.item() for name, values in fits.table.sel(model=model).items()}}
        for model in fits.table["model"].to_numpy()
    ]
    return {"models": {name: _of_tree(tree) for name, tree in fits.tree.children.items()}, "comparison": rows, **around}


def _of_lengths(fits: DendriteFits) -> list[str]:
    """What to say where no lengths were given."""
    trees = [fits.tree] if fits.table is None else list(fits.tree.children.values())
    about = [dict(tree.attrs) if "posterior" in tree.children else dict(tree["maximum"].attrs) for tree in trees]
    return [_NOMINAL] if any(each.get("nominal_length") for each in about) else []


def _of_tree(tree: xr.DataTree) -> Json:
    about = dict(tree.attrs) if "posterior" in tree.children else dict(tree["maximum"].attrs)
    body = _of_posterior(tree) if "posterior" in tree.children else _of_maximum(tree)
    return {
        "model": about["model"],
        "engine": about["engine"],
        "n_dendrite_intervals": int(about["n_dendrite_intervals"]),
        "n_mice": int(about["n_mice"]),
        **body,
        "provenance": about,
    }


def _of_maximum(tree: xr.DataTree) -> Json:
    found = tree["maximum"].to_dataset()
    parameters = {
        str(name): {
            "estimate": float(found["estimate"][i]),
            "low": float(found["low"][i]),
            "high": float(found["high"][i]),
            "unit": str(found["unit"].to_numpy()[i]),
            "verdict": str(found["verdict"].to_numpy()[i]),
            "sentence": str(found["sentence"].to_numpy()[i]),
        }
        for i, name in enumerate(found["parameter"].to_numpy())
    }
    return {"parameters": parameters, "log_likelihood": float(found.attrs["log_likelihood"])}


def _of_posterior(tree: xr.DataTree) -> Json:
    import arviz_stats  # import on use: it takes a second

    # It prints advice where results are printed, and divides by zero where draws repeat.
    with redirect_stdout(StringIO()), np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sensitivity: Any = arviz_stats.psense_summary(tree)
    posterior, prior = (tree[group].to_dataset() for group in ("posterior", "prior"))
    parameters = {}
    for name, values in posterior.data_vars.items():
        low, middle, high = np.quantile(values, [_TAILS[0], 0.5, _TAILS[1]])
        narrowed = 1.0 - float(values.std() / prior[name].std())
        parameters[str(name)] = {
            "estimate": float(middle),
            "low": float(low),
            "high": float(high),
            "unit": str(values.attrs["units"]),
            "sd_below_prior": narrowed,
            "prior_sensitivity": float(sensitivity.loc[str(name), "prior"]),
        }
    stats = tree["sample_stats"].attrs
    by_mouse, pareto = left_out(tree)
    return {
        "parameters": parameters,
        "log_evidence": float(stats["log_evidence"]),
        "log_evidence_error": float(stats["log_evidence_error"]),
        "effective_size": float(stats["effective_size"]),
        "pareto_k": float(stats.get("pareto_k", np.nan)),
        "loo_by_mouse": {
            "elpd": float(by_mouse.sum()),
            "largest_pareto_k": float(pareto.max()),
        },
        "predictive": _predictive(tree),
    }


def _predictive(tree: xr.DataTree) -> list[Json]:
    """Observed statistics beside what the fitted model would have seen."""
    observed = tree["observed_data"].to_dataset()["statistic"]
    predicted = tree["posterior_predictive"].to_dataset()["statistic"].to_numpy()[0]
    rows = []
    for i, cell in enumerate(observed["cell"].to_numpy()):
        value, known = float(observed[i]), predicted[:, i][np.isfinite(predicted[:, i])]
        if not np.isfinite(value) or len(known) == 0:
            continue
        low, high = np.quantile(known, _TAILS)
        share = float((known < value).mean() + 0.5 * (known == value).mean())
        of = {name: observed[name].to_numpy()[i].item() for name in CELL}
        rows.append(
            {
                **of,
                "what": str(cell),
                "observed": value,
                "median": float(np.median(known)),
                "low": float(low),
                "high": float(high),
                "share_below": share,
            }
        )
    return rows


def tables(found: Json) -> list[Table]:
    """Parameters, evidence, and statistics that the model does not predict; of several models, how they compare."""
    if "comparison" in found:
        best = max(found["comparison"], key=lambda row: row["log_evidence"])["model"]
        shown = [_comparison(found["comparison"]), *_of_one(found["models"][best])]
    else:
        shown = _of_one(found)
    shown += conventional_tables(found["conventional"])
    return [*shown, *notes_tables(found["read_with_care"])]


def _of_one(found: Json) -> list[Table]:
    if "log_evidence" not in found:
        return [_parameters(found)]
    return [_parameters(found), _evidence(found), _misfits(found)]


def _comparison(rows: list[Json]) -> Table:
    table = plain_table(
        "Models side by side (differences from the best; evidence and leave-one-mouse-out)",
        "model", "log evidence", "elpd of mice", "verdict",
    )  # fmt: skip
    for row in sorted(rows, key=lambda row: -row["log_evidence"]):
        evidence = f"{row['evidence_difference']:.1f} +- {row['log_evidence_error']:.1f}"
        elpd = f"{row['elpd_difference']:.1f} +- {row['elpd_difference_error']:.1f}"
        add_row(table, row["model"], evidence, elpd, row["verdict"])
    return table


def _parameters(found: Json) -> Table:
    title = f"{found['model']}: {found['n_dendrite_intervals']} intervals of dendrites, {found['n_mice']} mice"
    last = "verdict" if "log_likelihood" in found else "sd below prior's; sensitivity to it"
    table = plain_table(title, "name", "estimate (95 % interval)", "unit", last)
    for name, entry in found["parameters"].items():
        interval = f"{entry['estimate']:.3g} ({entry['low']:.3g} to {entry['high']:.3g})"
        last = entry.get("verdict") or f"{100 * entry['sd_below_prior']:.0f} %; {entry['prior_sensitivity']:.2f}"
        add_row(table, name, interval, entry["unit"], last)
    return table


def _evidence(found: Json) -> Table:
    table = plain_table("How well the model describes the data", "", "value")
    cross = found["loo_by_mouse"]
    for what, value in (
        ("log evidence", f"{found['log_evidence']:.2f} +- {found['log_evidence_error']:.2f}"),
        ("expected log predictive density, leaving out mice", f"{cross['elpd']:.2f}"),
        ("effective number of draws", f"{found['effective_size']:.0f}"),
    ):
        add_row(table, what, value)
    if found["pareto_k"] > LARGEST_PARETO_K:
        warning = f"importance sampling may not be trusted here (Pareto k {found['pareto_k']:.2f}); use --engine nested"
        add_row(table, warning)
    if cross["largest_pareto_k"] > LARGEST_PARETO_K:
        add_row(
            table, f"a mouse weighs much (Pareto k {cross['largest_pareto_k']:.2f}): leaving it out is a rough guess"
        )
    return table


def _misfits(found: Json) -> Table:
    rows = found["predictive"]
    outside = [row for row in rows if not row["low"] <= row["observed"] <= row["high"]]
    table = plain_table(
        f"Statistics outside the model's 95 % interval: {len(outside)} of {len(rows)} (1 in 20 by chance)",
        "what", "observed", "predicted",
    )  # fmt: skip
    for row in outside:
        interval = f"{row['low']:.3g} to {row['high']:.3g}"
        add_row(table, row["what"], f"{row['observed']:.3g}", interval)
    return table
