"""What simulations say of themselves: one scenario, a sweep of many, and an experiment about a claim."""

from shlex import quote

from synmodel.core.plain import Json
from synmodel.report.page.parts import Held, Told
from synmodel.report.page.words import MECHANISM, begun, care_of, excludes, listed, percent, settings, with_interval
from synmodel.report.tables import number_text

__all__ = ["experiment_told", "scenario_told", "sweep_told"]

_WORDS = {
    "formation_fraction": "spines gained",
    "elimination_fraction": "spines lost",
    "density_change": "change of density since the first session",
}


def _days(entry: Json) -> str:
    return f"from day {entry['start_day']:g} to {entry['end_day']:g}"


def scenario_told(held: Held) -> Told:
    """One simulated scenario, beside its vehicle."""
    document = held.document
    plan = document["scenario"]
    first = [entry["line"] for entry in document["contradictions"]]
    doses = plan["regimen"].get("doses", [])
    provenance = document["provenance"]
    title = plan.get("title") or plan["name"]
    given = listed(_dose(dose) for dose in doses) or "no drug"
    sessions = ", ".join(f"{day:g}" for day in plan["schedule"]["sessions"])
    return Told(
        title=f"{title} (simulated)",
        asked=f"What would a microscope report of the scenario {plan['name']}: {given}, imaged on days {sessions}?",
        answer=_expected_answer(document),
        first=first,
        diagnostics=[
            f"{document['replicates']} simulated experiments with the engine {document['engine']}",
            *_agreement(document),
        ],
        unknown=_undecided(document),
        care=care_of([*document["notes"], document["between_subjects"]], first),
        figures={
            "simulation": "Mechanism (free drug, engaged receptors, cascade, drive), then spines gained and "
            "lost per interval "
            "and density over the sessions: mean of the simulated experiments with the SEM that one would "
            "print, bands for "
            "95 % of experiments, dashed the exact expectation; grey the same animals without doses."
        },
        command=f"synmodel simulate scenario.toml --replicates {document['replicates']}{settings(provenance)} "
        f"--out simulation",
        python="import synmodel\nfrom synmodel.imaging import summarise\n\n"
        f'observations = synmodel.simulate("scenario.toml", replicates={document["replicates"]}, '
        f"seed={provenance['seed']})\nsummary = summarise(observations)",
        methods=(
            f"The scenario ({given}; {plan['subject'].get('species', 'mouse')}) was simulated "
            f"{document['replicates']} times "
            "by an exact stochastic simulation of formation, maturation and elimination of spines, and observed as a "
            "microscope "
            "would, with overlooked spines; vehicle and drug share their draws.",
            "Expectations are exact, at draws of the joint posterior in a laboratory that no study is of.",
        ),
        studies=[plan["baseline"]] if plan.get("baseline") else [],
        compounds=[dose["compound"] for dose in doses],
        conditions=_conditions(plan),
        groups=MECHANISM,
    )


def _dose(dose: Json) -> str:
    times = f", {dose['repeat']} times" if dose.get("repeat", 1) > 1 else ""
    day, unit = dose.get("day", 0), dose.get("unit", "mg/kg")
    return f"{dose['compound']} {dose['amount']:g} {unit} {dose['route']} on day {day:g}{times}"


def _conditions(plan: Json) -> list[str]:
    names = [plan["subject"].get("genotype", "")]
    names += [plan["subject"].get("stress", {}).get("name", "")]
    names += [each.get("name", "") for each in plan["regimen"].get("treatments", ())]
    return [name for name in names if name and name != "wild-type"]


def _expected_answer(document: Json) -> list[str]:
    """The interval in which gains differ most from the vehicle, and the density at the end."""
    entries = document["expected"]
    against = [entry for entry in entries if entry.get("difference")]
    if not entries:
        return _simulated_answer(document)
    sentences = []
    for quantity in ("formation_fraction", "density_change"):
        chosen = [entry for entry in against if entry["quantity"] == quantity]
        if not chosen:
            continue
        entry = max(chosen, key=lambda each: abs(each["difference"]))
        change = {
            "estimate": entry["difference"],
            "low": entry["difference_low"],
            "high": entry["difference_high"],
        }
        level = {"estimate": entry["mean"], "low": entry["low"], "high": entry["high"]}
        open_ = "; the interval of the difference holds 0" if excludes(change, 0.0) is False else ""
        said = percent(change).replace(" %", " percentage points", 1)
        sentences.append(
            f"The {_WORDS[quantity]} {_days(entry)} {'are' if quantity != 'density_change' else 'is'} expected at "
            f"{percent(level)}, a difference of {said} from the same animals without doses{open_}."
        )
    if sentences:
        return sentences
    last = [entry for entry in entries if entry["quantity"] == "density_change"][-1]
    level = {"estimate": last["mean"], "low": last["low"], "high": last["high"]}
    gains = [entry for entry in entries if entry["quantity"] == "formation_fraction"][-1]
    gained = {"estimate": gains["mean"], "low": gains["low"], "high": gains["high"]}
    return [
        f"Without an effect of a drug, spines gained {_days(gains)} are expected at {percent(gained)}.",
        f"The density is expected to change by {percent(level)} {_days(last)}.",
    ]


def _simulated_answer(document: Json) -> list[str]:
    sentences = []
    for quantity, text in _WORDS.items():
        entries = [
            entry for entry in document["summary"] if entry["quantity"] == quantity and entry["mean"] is not None
        ]
        if not entries or quantity == "elimination_fraction":
            continue
        entry = max(entries, key=lambda each: abs(each["mean"]))
        level = {"estimate": entry["mean"], "low": entry["low"], "high": entry["high"]}
        said = percent(level).replace("95 % interval", "95 % of simulated experiments")
        sentences.append(f"The largest value of {text} is {said}, {_days(entry)}.")
    return sentences


def _agreement(document: Json) -> list[str]:
    """How far the mean of simulated experiments is from the exact expectation, in its own errors."""
    exact = {(e["quantity"], e["start_day"], e["end_day"]): e["mean"] for e in document["expected"]}
    n, far = document["replicates"], 0.0
    for entry in document["summary"]:
        key = (entry["quantity"], entry["start_day"], entry["end_day"])
        if key in exact and n > 2 and entry["high"] is not None and entry["high"] > entry["low"]:
            error = (entry["high"] - entry["low"]) / 3.92 / n**0.5
            far = max(far, abs(entry["mean"] - exact[key]) / error)
    if not far:
        return []
    return [
        f"means of simulated experiments are within {far:.1f} of their standard errors of the exact expectation at most"
    ]


def _undecided(document: Json) -> list[str]:
    lines = [
        f"{_WORDS.get(entry['quantity'], entry['quantity'])} {_days(entry)}: the interval of the difference "
        f"from vehicle "
        f"holds 0 ({number_text(100 * entry['difference_low'])} to {number_text(100 * entry['difference_high'])} "
        "percentage points)"
        for entry in document["expected"]
        if entry.get("difference") and entry["difference_low"] is not None
        and entry["difference_low"] <= 0 <= entry["difference_high"]
    ]  # fmt: skip
    if not document["expected"]:
        lines.append("there are no exact expectations, so nothing of it has an interval of the posterior")
    return lines


def sweep_told(held: Held) -> Told:
    """A grid or sample over parameters and fields of scenarios."""
    document = held.document
    first = [entry["line"] for entry in document["contradictions"]]
    names = document["scenarios"]
    factors = listed(f"{factor['name']} ({factor['unit']})" for factor in document["factors"]) or "nothing"
    exact = document.get("observe") == "expected"
    how = f"exact expectations at {document['draws']} draws" if exact else f"{document['replicates']} experiments each"
    return Told(
        title=f"Sweep {document['sweep']}",
        asked=f"How do the reported statistics of {listed(names)} depend on {factors}?",
        answer=_extremes(document),
        first=first,
        diagnostics=[
            f"{document['cells']} cells ({document['design']}), {how}; {document['failed_cells']} could not be "
            f"simulated",
            *(f"{each['cell']}: {each['reason']}" for each in document["failures"]),
        ],
        unknown=()
        if document["extremes"] and document["extremes"][0]["lowest"].get("low") is not None
        else ("the extremes have no interval of the posterior: no draws were asked for",),
        care=care_of(document["notes"], first),
        command=f"synmodel sweep {quote(document['sweep'])} --out sweep",
        python="from pathlib import Path\n\nfrom synmodel.analysis.sweeps import load_plan\n"
        "from synmodel.analysis.workflows import run_sweep\n\n"
        f'result, indices = run_sweep(load_plan({document["sweep"]!r}), Path("sweep"))',
        methods=(
            f"{document['cells']} combinations of {factors} were evaluated ({document['design']} design, "
            f"{how}), each against "
            f"its control ({document['control']}).",
        ),
        compounds=("ketamine", "psilocybin"),
        groups=MECHANISM,
    )


def _extremes(document: Json) -> list[str]:
    sentences = []
    for quantity in ("formation_fraction", "density_change"):
        entries = [each for each in document["extremes"] if each["quantity"] == quantity]
        if not entries:
            continue
        entry = max(entries, key=lambda each: abs(each["highest"]["value"] - each["lowest"]["value"]))
        what = "less its control " if entry["variable"] == "contrast_mean" else ""
        low, high = (percent({**entry[end], "estimate": entry[end]["value"]}) for end in ("lowest", "highest"))
        sentences.append(
            f"{begun(_WORDS[quantity])} {_days(entry)} {what}range from {low} at "
            f"{_place(document, entry['lowest'])} to "
            f"{high} at {_place(document, entry['highest'])}."
        )
    return sentences or ["The sweep holds no statistic of which a lowest and a highest could be told."]


def _place(document: Json, entry: Json) -> str:
    where = []
    for factor in document["factors"]:
        value = entry[factor["name"]]
        unit = "" if factor["unit"] in ("1", "", None) else f" {factor['unit']}"
        where.append(f"{factor['name']} {value:.4g}{unit}" if isinstance(value, float) else f"{factor['name']} {value}")
    return ", ".join(where) or entry["scenario"]


def experiment_told(held: Held) -> Told:
    """One claim, what the model says of it, and the verdict."""
    document = held.document
    first = [entry["line"] for entry in document["contradictions"]]
    name = document["experiment"]
    lead = next((each for each in document["findings"] if each["low"] is not None), document["findings"][0])
    entry = {"estimate": lead["model"], "low": lead["low"], "high": lead["high"]}
    unseen = [
        f"{each['label']}: the published value is {each['status']}, not seen in its primary source"
        for each in document["findings"]
        if each["data"] is not None and each["status"] in ("recalled", "secondary")
    ]
    reason = document["reason"]
    return Told(
        title=f"Row {document['row']}: {document['title']}",
        asked=f"Does the model bear out the claim “{document['title']}”?",
        answer=(
            f"Verdict: {document['verdict']}. {reason[:1].upper()}{reason[1:].rstrip('.')}.",
            f"{lead['label'][:1].upper()}{lead['label'][1:]}: {with_interval(entry, unit=lead['unit'])}.",
        ),
        first=first,
        diagnostics=["a short run, with fewer draws" if document["short"] else "a full run"],
        unknown=[
            *unseen,
            *([f"the verdict is not identifiable: {reason}"] if document["verdict"] == "not identifiable" else []),
        ],
        care=care_of([*document["notes"], *(f"assumed: {text}" for text in document["assumptions"])], first),
        figures={"figure": f"The experiment {name}: the model with its 95 % interval beside what is published."},
        command=f"synmodel experiment {name}{settings(document['provenance'])}"
        + f"{' --short' if document['short'] else ''} --out experiment",
        python="from synmodel import experiments\n\n"
        f'outcome = experiments.run("{name}", short={document["short"]}, seed={document["provenance"]["seed"]})',
        methods=(
            f"The claim was put to the model by the experiment {name} of the software; published numbers are "
            f"named with how "
            "they are known.",
        ),
        compounds=("ketamine", "psilocybin", "ketanserin"),
        groups=MECHANISM,
    )
