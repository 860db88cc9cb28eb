"""A fit of single dendrites as a JSON document and as tables for the terminal."""

from typing import Any

import numpy as np
import xarray as xr
from rich.table import Table
from rich.text import Text

from synmodel.data import Reading

__all__ = ["FILES", "document", "tables"]

FILES = ("fit.json", "fit.nc")
_TAILS = (0.025, 0.975)
_CAVEATS = (
    "spines that were overlooked once count as a loss and a gain; the term transient takes up scores of one session",
    "births of dendrites and mice differ from the first session on; losses are taken as alike in all dendrites",
)


def document(reading: Reading, tree: xr.DataTree) -> dict[str, Any]:
    """Everything that a fit says, as plain data."""
    about = dict(tree.attrs) if "posterior" in tree.children else dict(tree["maximum"].attrs)
    body = _of_posterior(tree) if "posterior" in tree.children else _of_maximum(tree)
    return {
        "model": about["model"],
        "engine": about["engine"],
        "n_dendrite_intervals": int(about["n_dendrite_intervals"]),
        "n_mice": int(about["n_mice"]),
        **body,
        "audit": reading.audit.tally(),
        "read_with_care": list(_CAVEATS),
        "provenance": about,
    }


def _of_maximum(tree: xr.DataTree) -> dict[str, Any]:
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


def _of_posterior(tree: xr.DataTree) -> dict[str, Any]:
    import arviz_stats  # import on use: it takes a second

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
        }
    stats = tree["sample_stats"].attrs
    cross: Any = arviz_stats.loo(tree, var_name="mouse", pointwise=True)  # type: ignore[attr-defined,no-untyped-call]
    return {
        "parameters": parameters,
        "log_evidence": float(stats["log_evidence"]),
        "log_evidence_error": float(stats["log_evidence_error"]),
        "effective_size": float(stats["effective_size"]),
        "loo_by_mouse": {"elpd": float(cross.elpd), "se": float(cross.se), "p": float(cross.p)},
        "predictive": _predictive(tree),
    }


def _predictive(tree: xr.DataTree) -> list[dict[str, Any]]:
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
        rows.append(
            {"what": str(cell), "observed": value, "low": float(low), "high": float(high), "share_below": share}
        )
    return rows


def tables(found: dict[str, Any]) -> list[Table]:
    """Parameters, evidence, and statistics that the model does not predict."""
    shown = [_parameters(found)]
    if "log_evidence" in found:
        shown += [_evidence(found), _misfits(found)]
    notes = _table("Read with care", "")
    for note in found["read_with_care"]:
        notes.add_row(Text(f"- {note}"))
    return [*shown, notes]


def _table(title: str, *columns: str) -> Table:
    table = Table(title=Text(title, style="bold"), title_justify="left", box=None, pad_edge=False)
    for number, column in enumerate(columns):
        table.add_column(Text(column), justify="left" if number == 0 else "right", overflow="fold")
    return table


def _parameters(found: dict[str, Any]) -> Table:
    table = _table(
        f"{found['model']}: {found['n_dendrite_intervals']} intervals of dendrites, {found['n_mice']} mice",
        "name", "estimate (95 % interval)", "unit", "verdict" if "log_likelihood" in found else "sd below prior's",
    )  # fmt: skip
    for name, entry in found["parameters"].items():
        interval = f"{entry['estimate']:.3g} ({entry['low']:.3g} to {entry['high']:.3g})"
        last = entry.get("verdict") or f"{100 * entry['sd_below_prior']:.0f} %"
        table.add_row(*map(Text, (name, interval, entry["unit"], last)))
    return table


def _evidence(found: dict[str, Any]) -> Table:
    table = _table("How well the model describes the data", "", "value", "error")
    cross = found["loo_by_mouse"]
    rows = (
        ("log evidence", found["log_evidence"], found["log_evidence_error"]),
        ("expected log predictive density, leaving out mice", cross["elpd"], cross["se"]),
    )
    for what, value, error in rows:
        table.add_row(*map(Text, (what, f"{value:.2f}", f"{error:.2f}")))
    return table


def _misfits(found: dict[str, Any]) -> Table:
    rows = found["predictive"]
    outside = [row for row in rows if not row["low"] <= row["observed"] <= row["high"]]
    table = _table(
        f"Statistics outside the model's 95 % interval: {len(outside)} of {len(rows)} (1 in 20 by chance)",
        "what", "observed", "predicted",
    )  # fmt: skip
    for row in outside:
        interval = f"{row['low']:.3g} to {row['high']:.3g}"
        table.add_row(*map(Text, (row["what"], f"{row['observed']:.3g}", interval)))
    return table
