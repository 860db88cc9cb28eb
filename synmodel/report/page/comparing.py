"""What a comparison says of itself: the main job, and any scenarios against each other."""

from collections.abc import Sequence
from shlex import quote

from synmodel import library
from synmodel.analysis.embedded import embedded_arms
from synmodel.core.plain import Json
from synmodel.report.page.parts import Held, Told
from synmodel.report.page.words import (
    MECHANISM,
    begun,
    care_of,
    excludes,
    in_its_unit,
    listed,
    named,
    percent,
    phrase,
    settings,
    with_interval,
)
from synmodel.report.tables import number_text

__all__ = ["drugs_told", "scenarios_told"]

_DECISIVE = 3.0


def drugs_told(held: Held) -> Told:
    """The main job: both drugs on the embedded studies."""
    document = held.document
    drugs, parameters = document["drugs"], document["parameters"]
    studies = list(document["fits"])
    unknown = [
        f"{cell['drug']}, {cell['feature']}: {cell['reason']}"
        for cell in document["claims"]
        if cell["support"] == "not identifiable"
    ]
    unknown += sorted({
        each["note"] for table in drugs.values() for each in table.values() if each["estimate"] is None and each["note"]
    })  # fmt: skip
    unknown += [
        f"{name} ({entry['long_name']}) is {entry['note']}: {in_its_unit(entry)}"
        for name, entry in parameters.items()
        if entry["note"]
    ]
    best = max(document["readings"], key=lambda entry: entry["log_evidence"])
    return Told(
        title=f"{begun(listed(drugs))}, compared on published imaging studies",
        asked=(
            f"What does one dose of {' and one of '.join(_dosed(drug, studies) for drug in drugs)} do to formation "
            f"and elimination of dendritic spines, "
            f"how surely, "
            f"and what follows in the weeks after? One mechanism, driven by the dose, was fitted to {len(studies)} "
            f"studies in mice: {named(studies)}. Numbers of a drug are for the study that shows it: {_shown_by(drugs)}."
        ),
        answer=(_turnover_sentence(drugs), _extra_sentence(drugs)),
        first=[
            *(entry["line"] for entry in document.get("contradictions", [])),
            *(
                f"Contradicted by this fit: {cell['drug']}, {cell['feature']} ({cell['wording']}): {cell['reason']}"
                for cell in document["claims"]
                if cell["support"] == "contradicted"
            ),
        ],
        diagnostics=[
            *(
                f"{study}: χ² {number_text(entry['chi2_mouse'])} with SEM over mice for {entry['n_points']} means, "
                f"{number_text(entry['chi2_mouse'] / entry['n_points'])} per mean"
                for study, entry in document["fits"].items()
            ),
            f"of {len(document['readings'])} readings of the mechanism the highest evidence is that of “{best['name']}”"
            f"; {_close_readings(document['readings'])}",
        ],
        unknown=unknown,
        care=care_of(document["notes"]),
        figures={
            "comparison": "Top: concentration, receptors, formation, elimination after one dose. Rows: spines gained "
            "and lost per interval, and density, observed (points, SEM over the unit of replication) and fitted "
            "(lines, 95 % bands), grey the vehicle. Bottom: extra spines that one dose leaves.",
            "residuals": "Standardised residuals of every published mean, by study, arm and quantity.",
        },
        command=f"synmodel compare{settings(document['provenance'])}"
        + ("" if document["unit_of_replication"] == "mouse" else f" --unit {document['unit_of_replication']}")
        + " --out comparison",
        python="import synmodel\n\n"
        f"comparison = synmodel.compare_drugs(seed={document['provenance']['seed']}, "
        f'unit="{document["unit_of_replication"]}")\n'
        "for drug, table in comparison.contrasts.items():\n"
        '    print(drug, table["formation_peak_fold"], table["extra_spines_day_7"])',
        methods=(
            f"Published group means of {len(studies)} imaging studies were fitted jointly by one mechanism from "
            f"dose to "
            f"turnover of spines, with the {document['unit_of_replication']} as the unit of replication, "
            f"correlated means "
            "within an arm, and factors for arms and laboratories.",
            "Contrasts are between a drug and its vehicle on the same draws of the posterior; intervals hold "
            f"{100 * document['level']:.0f} %.",
        ),
        studies=studies,
        compounds=(*drugs, "ketanserin"),
        groups=MECHANISM,
        software=("dynesty",),
        further=_FURTHER,
    )


_FURTHER = (
    (
        "What is the difference between the two drugs?",
        "synmodel compare psilocybin-mouse ketamine-mouse-single --report",
    ),
    ("What do other doses do?", "synmodel plot dose-response psilocybin-mouse --out dose.svg"),
    ("What is expected in humans?", "synmodel simulate psilocybin-human-oral --report"),
    ("How well is a study predicted that the fit has not seen?", "synmodel validate --report"),
    ("Which measurement would narrow the intervals most?", "synmodel measure-next --report"),
)


def _dosed(drug: str, studies: Sequence[str]) -> str:
    """A drug with the dose of its arm, as the library has it."""
    for study in studies:
        arms = library.document_of("studies", study)["arms"] if study in library.names("studies") else []
        for arm in arms:
            if arm["name"] == drug and len(arm["doses"]) == 1:
                dose = arm["doses"][0]
                return f"{drug} ({dose['amount']:g} {dose.get('unit', 'mg/kg')} {dose['route']})"
    return drug


def _shown_by(drugs: Json) -> str:
    """The study of each drug that the library compares."""
    arms = embedded_arms()
    return listed([f"{drug} in {named([arms[drug].study])}" for drug in drugs if drug in arms])


def _turnover_sentence(drugs: Json) -> str:
    parts = []
    for drug, table in drugs.items():
        formation, elimination = table["formation_peak_fold"], table["elimination_lowest_fold"]
        up = phrase(formation, 1.0, "raises formation of spines to", "lowers formation of spines to",
                    open_="leaves open whether formation of spines changes, at")  # fmt: skip
        down = phrase(
            elimination,
            1.0,
            "raises elimination to",
            "lowers elimination to",
            open_="leaves open whether elimination changes, at",
        )
        parts.append(
            f"{drug} {up} {with_interval(formation)} times baseline at its highest "
            f"and {down} {with_interval(elimination)} times baseline at its lowest"
        )
    return "One dose of " + "; one of ".join(parts) + "."


def _extra_sentence(drugs: Json) -> str:
    parts = []
    for drug, table in drugs.items():
        week, later = table["extra_spines_day_7"], table["extra_spines_day_35"]
        sure = "" if excludes(week, 0.0) else ", an interval that holds 0"
        note = f" ({later['note']})" if later["note"] else ""
        parts.append(
            f"after {drug} {with_interval(week, unit='%')} of the spines are extra on day 7{sure}, and "
            f"{with_interval(later, unit='%')} on day 35{note}"
        )
    return begun(f"{'; '.join(parts)}.")


def _close_readings(readings: list[Json]) -> str:
    best = max(entry["log_evidence"] for entry in readings)
    close = [entry["name"] for entry in readings if 0 < best - entry["log_evidence"] < _DECISIVE]
    if not close:
        return f"all others are more than {_DECISIVE:g} of ln evidence below it"
    return f"within {_DECISIVE:g} of ln evidence of it, so not told apart, are: " + "; ".join(close)


def scenarios_told(held: Held) -> Told:
    """Any scenarios against each other."""
    document = held.document
    scenarios = document["scenarios"]
    names = [entry["name"] for entry in scenarios]
    first = [entry["line"] for entry in document["contradictions"]]
    plans = [entry["scenario"] for entry in scenarios]
    control = document["control"]
    draws = document["draws"]
    options = (f" --control {quote(control)}" if control else "") + f" --draws {draws['asked']}"
    return Told(
        title=f"{listed(names)}, compared",
        asked=f"How do {listed(names)} differ in what happens to dendritic spines"
        + (f", each against {control}?" if control else "?")
        + " "
        + " ".join(f"{entry['name']} is: {entry['title']}." for entry in scenarios if entry["title"]),
        answer=(_peaks(scenarios), _difference(document["contrasts"], names)),
        first=first,
        diagnostics=[
            f"{draws['used']} of {draws['asked']} draws of the posterior make a possible dendrite in every "
            f"scenario, and "
            "stand behind the intervals",
            *_simulated(document["contrasts"]),
        ],
        unknown=_undecided(document["contrasts"]),
        care=care_of(document["notes"], first),
        figures={
            "comparison": "Formation and elimination, density and extra spines over days with 95 % of the posterior; "
            "below, for "
            "each pair, differences of the first minus the second."
        },
        command=f"synmodel compare {' '.join(quote(name) for name in names if name != control)}{options}"
        f"{settings(document['provenance'])} --out comparison",
        python="import synmodel\n\n"
        f"result = synmodel.compare({[name for name in names if name != control]!r}"
        + (f", control={control!r}" if control else "")
        + f", draws={draws['asked']}, seed={document['provenance']['seed']})\n"
        "for contrast in result.contrasts:\n    print(contrast)",
        methods=(
            f"{len(names)} scenarios were compared by their exact expectations at the same {draws['used']} "
            f"draws of the "
            f"joint posterior; every contrast is {document['sign']}, with its {100 * document['level']:.0f} % "
            f"interval.",
        ),
        studies=sorted({plan["baseline"] for plan in plans if plan.get("baseline")}),
        compounds=sorted({dose["compound"] for plan in plans for dose in plan["regimen"].get("doses", ())}),
        conditions=sorted({name for plan in plans for name in _conditions(plan)}),
        groups=MECHANISM,
    )


def _conditions(plan: Json) -> list[str]:
    subject = plan.get("subject", {})
    return [str(value) for key in ("genotype", "stress", "treatment") if (value := subject.get(key))]


def _peaks(scenarios: list[Json]) -> str:
    parts = []
    for scenario in scenarios:
        effects = {entry["quantity"]: entry for entry in scenario["effects"]}
        peak = effects.get("extra_spines_peak")
        if peak is None or peak["estimate"] is None or not peak["estimate"]:
            continue
        day = effects["extra_spines_peak_day"]
        parts.append(
            f"{scenario['name']} leaves at its peak, about day {number_text(day['estimate'])}, {percent(peak)} "
            f"{'extra' if peak['estimate'] > 0 else 'fewer'} spines against {peak['reference']}"
        )
    return "; ".join(parts) + "." if parts else "No scenario leaves more or fewer spines than its reference."


def _difference(contrasts: list[Json], names: list[str]) -> str:
    pairs = [entry for entry in contrasts if entry["b"] in names and entry["quantity"] == "extra_spines_area"]
    pairs = pairs or [entry for entry in contrasts if entry["quantity"] == "extra_spines_area"]
    if not pairs:
        return "There are no two scenarios with drugs to compare over time."
    entry = pairs[0]
    said = (
        f"Up to day {entry['end_day']:g} {entry['a']} less {entry['b']} is {with_interval(entry)} spine-days per spine"
    )
    sure = excludes(entry, 0.0)
    if sure is None:
        return said + "."
    if not sure:
        return f"{said}: the interval holds 0, so which leaves more is open."
    return f"{said}: {entry['a']} leaves {'more' if entry['estimate'] > 0 else 'fewer'}."


def _simulated(contrasts: list[Json]) -> list[str]:
    checked = [entry for entry in contrasts if "simulated" in entry and entry["simulated"]["error"]]
    if not checked:
        return []
    far = max(abs(e["simulated"]["mean"] - e["estimate"]) / e["simulated"]["error"] for e in checked)
    return [f"simulated experiments agree with the exact differences within {far:.1f} Monte Carlo errors at most"]


def _undecided(contrasts: list[Json]) -> list[str]:
    """Pairs and quantities whose interval holds 0, in one line for each pair."""
    found: dict[tuple[str, str], dict[str, None]] = {}
    for entry in contrasts:
        if entry["estimate"] and excludes(entry, 0.0) is False:
            found.setdefault((entry["a"], entry["b"]), {})[entry["quantity"].replace("_", " ")] = None
    return [f"{a} less {b}: the interval holds 0 for {listed(quantities)}" for (a, b), quantities in found.items()]
