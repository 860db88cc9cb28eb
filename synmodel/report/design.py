"""A planned study as a document, as tables that say what to do, and as a Dataset."""

import math
from collections.abc import Iterator

import numpy as np
import xarray as xr
from rich.table import Table

from synmodel.analysis.caveats import notes_of_several
from synmodel.analysis.planning import Design
from synmodel.analysis.planning.options import Option
from synmodel.analysis.planning.simulated import SimulatedShare
from synmodel.core.plain import Json
from synmodel.library.provenance import provenance
from synmodel.report.tables import add_row, notes_tables, number_text, plain_table

__all__ = ["design_dataset", "design_document", "design_tables"]

_SHOWN = 8
_CURVE = (3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 60, 80, 100)
_ANALYSES = {
    "welch": "Welch's t over the means of mice",
    "mixed": "a mixed model over dendrites with mice as random intercepts (Wald)",
    "likelihood": "a likelihood ratio over counts of dendrites, mice integrated out",
}


def design_document(plan: Design) -> Json:
    """Everything that a plan says, as plain data."""
    arms, chosen, precision = plan.arms, plan.chosen, plan.precision
    costs = {
        name: {"value": value, "assumed": name not in plan.limits.costs.given}
        for name, value in plan.limits.costs.complete.given.items()
    }
    document: Json = {
        "scenario": arms.treated.name,
        "control": arms.control.name,
        "effect": [
            {"quantity": each.quantity, "fold": each.fold, "lasts_day": each.lasts, "decay_day": each.decay}
            for each in arms.effects
        ]
        or "of the model, under its posterior",
        "analysis": plan.aim.analysis,
        "target_power": plan.aim.power,
        "recommended": _option(chosen) | {"until_day": plan.outcomes[0].until},
        "power": _estimated(plan.checked.least) | {"analytic": chosen.power},
        "powers": {name: _estimated(each) for name, each in plan.checked.power.items()},
        "type_1_error": {
            "mouse_as_unit": {name: _estimated(each) for name, each in plan.checked.type_1.items()},
            "dendrites_pooled": {name: _estimated(each) for name, each in plan.checked.pooled.items()},
        },
        "options": [_option(each) for each in _cheapest(plan)],
        "days": {
            "scenario": list(precision.published),
            "searched": list(precision.searched),
            "width_searched_over_scenario": precision.share,
            "effects": [
                {"effect": name, "sd_prior": a, "sd_scenario": b, "sd_searched": c}
                for name, a, b, c in zip(
                    precision.effects, precision.prior, precision.sd_published, precision.sd_searched, strict=True
                )
            ],
        },
        "sensitivity": [
            {"what": text, "formation_cv_animal": value, "mice_per_arm": mice} for text, value, mice in plan.sensitivity
        ],
        "spread": {level: each.model_dump() for level, each in plan.spread.items()},
        "costs": costs,
        "notes": list(_notes(plan)),
    }
    digests = "".join(each.digest()[:16] for each in plan.scenarios())
    document["provenance"] = provenance(seed=plan.seed, scenario=digests)
    return document


def _option(option: Option) -> Json:
    return {
        "mice_per_arm": option.mice,
        "dendrites_per_mouse": option.dendrites,
        "sessions": list(option.days.sessions),
        "why_these_days": option.days.origin,
        "measure": option.measure,
        "analytic_power": option.power,
        "cost": option.bill.cost,
        "hours": option.bill.hours,
    }


def _estimated(each: SimulatedShare) -> Json:
    return each.document()


def _cheapest(plan: Design) -> list[Option]:
    """The cheapest option of every set of days and number of dendrites, cheapest first."""
    found: dict[tuple[object, ...], Option] = {}
    for each in sorted(plan.grid.reached, key=lambda option: option.bill.cost):
        found.setdefault((each.days.sessions, each.dendrites), each)
    return list(found.values())


def _notes(plan: Design) -> Iterator[str]:
    """What to read with care."""
    arms = plan.arms
    if arms.effects:
        yield (
            "the effect is stated: power is that for this fold, not for what the model expects of the drug; study.toml "
            "gives the drug itself, so `synmodel simulate study.toml` shows the model's own effect"
        )
    else:
        yield (
            f"power is averaged over {len(plan.draws)} draws of the joint posterior in a laboratory that no study is "
            "of, so part of the studies meet a smaller effect"
        )
    yield from _at_an_edge(plan)
    if plan.spread:
        mouse, low, high = (100 * getattr(plan.spread["mouse"], name) for name in ("value", "low", "high"))
        yield (
            f"formation differs between mice by {mouse:.0f} % ({low:.0f} to {high:.0f}), as the deposited dendrites of "
            f"{arms.treated.baseline} say; a scenario may set another "
            f'"{arms.treated.baseline}.formation_cv_animal"'
        )
    if "elimination" in plan.aim.quantities:
        yield "elimination does not differ between mice in this model, so power for elimination is an upper end"
    yield "spines overlooked in one session count as lost and then gained, which hides part of any effect"
    assumed = {
        name: value for name, value in plan.limits.costs.complete.given.items() if name not in plan.limits.costs.given
    }
    if assumed:
        yield "assumed, as it was not given: " + ", ".join(f"{n.replace('_', ' ')} {v:g}" for n, v in assumed.items())
    plans = {"drug arm": arms.treated, "control arm": arms.control}
    yield from notes_of_several(plans, dict.fromkeys(plans, ()), [])
    if plan.aim.analysis == "mixed":
        yield "Wald's test of a mixed model takes the normal law, which alarms too often with few mice"


def _at_an_edge(plan: Design) -> Iterator[str]:
    """Whether a cheaper plan may lie beyond what was tried."""
    tried, chosen = sorted(set(plan.limits.dendrites)), plan.chosen.dendrites
    if len(tried) > 1 and chosen in (tried[0], tried[-1]):
        which, more = ("most", "more") if chosen == tried[-1] else ("fewest", "fewer")
        yield (
            f"{chosen} dendrites per mouse are the {which} that were tried; if {more} can be imaged, --dendrites may "
            "find a cheaper plan"
        )


def design_tables(document: Json) -> list[Table]:
    """What to do, how sure it is, what else would do, and which days tell most."""
    best = document["recommended"]
    todo = plain_table("What to do", "", "")
    todo.columns[1].justify = "left"
    days = ", ".join(f"{day:g}" for day in best["sessions"])
    add_row(todo, "mice per arm", f"{best['mice_per_arm']}")
    add_row(todo, "dendrites per mouse", f"{best['dendrites_per_mouse']}")
    add_row(todo, "image on days", f"{days} ({best['why_these_days']})")
    add_row(todo, "compare", _compare_text(document))
    add_row(todo, "cost, hours", f"{best['cost']:,.0f}, {best['hours']:,.0f} h (both arms)")
    power = document["power"]
    sure = plain_table("How sure", "", "share", "95 % interval", "simulated studies")
    _share(sure, f"power (target {document['target_power']:g}, expected {power['analytic']:.3f})", power)
    for quantity, each in document["type_1_error"]["mouse_as_unit"].items():
        _share(sure, f"false alarms, {quantity}, mouse as unit", each)
    for quantity, each in document["type_1_error"]["dendrites_pooled"].items():
        _share(sure, f"false alarms, {quantity}, if dendrites are pooled", each)
    made = [todo, sure, _options(document)]
    if document["sensitivity"]:
        made.append(_sensitivity(document))
    made.append(_days(document))
    return [*made, *notes_tables(document["notes"])]


def _compare_text(document: Json) -> str:
    best = document["recommended"]
    quantities = " and ".join(document["powers"])
    taken = f"mean {quantities} fraction of the intervals that end after the dose, up to day {best['until_day']:g}"
    if best["measure"] == "change":
        taken += ", less that of the intervals before it"
    if document["analysis"] == "likelihood":
        return _ANALYSES["likelihood"]
    return f"{taken}; {_ANALYSES[document['analysis']]}"


def _share(table: Table, label: str, each: Json) -> None:
    add_row(table, label, f"{each['estimate']:.3f}", f"{each['low']:.3f} to {each['high']:.3f}", f"{each['studies']}")


def _options(document: Json) -> Table:
    table = plain_table(
        "Studies that reach the power, cheapest first",
        "days", "measure", "dendrites per mouse", "mice per arm", "power", "cost", "hours",
    )  # fmt: skip
    for each in document["options"][:_SHOWN]:
        add_row(
            table,
            ", ".join(f"{day:g}" for day in each["sessions"]),
            each["measure"],
            f"{each['dendrites_per_mouse']}",
            f"{each['mice_per_arm']}",
            f"{each['analytic_power']:.2f}",
            f"{each['cost']:,.0f}",
            f"{each['hours']:,.0f}",
        )
    return table


def _sensitivity(document: Json) -> Table:
    table = plain_table(
        "If it is otherwise (same days and dendrites)", "", "CV of formation between mice", "mice per arm"
    )
    for each in document["sensitivity"]:
        mice = "more than are allowed" if each["mice_per_arm"] is None else f"{each['mice_per_arm']}"
        add_row(table, each["what"], number_text(each["formation_cv_animal"]), mice)
    return table


def _days(document: Json) -> Table:
    days = document["days"]
    ours, theirs = (", ".join(f"{day:g}" for day in days[key]) for key in ("searched", "scenario"))
    change = 100 * (days["width_searched_over_scenario"] - 1)
    said = f"{abs(change):.1f} % {'narrower' if change < 0 else 'wider'}" if abs(change) >= 0.05 else "as wide"
    table = plain_table(
        f"Days that tell most of the effect ({ours}) against those of the scenario ({theirs}): intervals {said}",
        "effect, as a factor either way (95 %)", "before the study", "days of the scenario", "days that tell most",
    )  # fmt: skip
    for each in days["effects"]:
        cells = (f"{math.exp(1.96 * each[key]):.3g}" for key in ("sd_prior", "sd_scenario", "sd_searched"))
        add_row(table, each["effect"], *cells)
    return table


def design_dataset(plan: Design, entries: dict[str, str]) -> xr.Dataset:
    """Power of every option over mice, and what days tell of each effect."""
    sets = list(dict.fromkeys(sessions for sessions, _, _ in plan.grid.powers))
    measures = list(dict.fromkeys(measure for _, measure, _ in plan.grid.powers))
    dendrites = sorted({each for _, _, each in plan.grid.powers})
    mice = sorted({*(each for each in _CURVE if each <= plan.limits.most_mice), plan.chosen.mice})
    power = np.full((len(sets), len(measures), len(dendrites), len(mice)), np.nan)
    for (sessions, measure, own), of in plan.grid.powers.items():
        place = sets.index(sessions), measures.index(measure), dendrites.index(own)
        power[place] = [of(each) for each in mice]
    precision = plan.precision
    dataset = xr.Dataset(
        {
            "power": (("days", "measure", "dendrites", "mice"), power),
            "effect_sd": (
                ("effect", "when"), np.column_stack([precision.prior, precision.sd_published, precision.sd_searched])
            ),
        },
        {
            "days": [" ".join(f"{day:g}" for day in each) for each in sets],
            "measure": measures,
            "dendrites": dendrites,
            "mice": mice,
            "effect": precision.effects,
            "when": ["before the study", "days of the scenario", "days that tell most"],
        },
        entries,
    )  # fmt: skip
    dataset["power"].attrs.update(units="1", long_name="probability to find the effect")
    dataset["effect_sd"].attrs.update(units="1", long_name="standard deviation of ln of the effect")
    dataset["mice"].attrs.update(units="1", long_name="mice per arm")
    dataset["dendrites"].attrs.update(units="1", long_name="dendrites per mouse")
    return dataset
