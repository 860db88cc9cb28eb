"""What a fit says of itself: of group summaries, of single dendrites, and how well a study is predicted."""

import math
from collections.abc import Mapping

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
    settings,
    with_interval,
)
from synmodel.report.tables import number_text

__all__ = ["dendrites_told", "fit_told", "prediction_told", "validation_told"]

_EFFECTS = {"formation_fold": "formation", "maturation_fold": "maturation", "elimination_fold": "elimination"}
_SENSITIVE = 0.05
_NARROWED = 0.1
_PARETO = 0.7


def fit_told(held: Held) -> Told:
    """The joint fit of group summaries."""
    document = held.document
    parameters, studies = document["parameters"], list(document["fits"])
    by_verdict: dict[str, list[str]] = {}
    for name, entry in parameters.items():
        by_verdict.setdefault(entry["verdict"], []).append(name)
    identified = by_verdict.get("identified", [])
    chi2 = sum(entry["chi2_mouse"] for entry in document["fits"].values())
    points = sum(entry["n_points"] for entry in document["fits"].values())
    ranked = sorted(document["readings"], key=lambda entry: -entry["log_evidence"])
    answer = [
        f"Of {len(parameters)} shared parameters the data identify {len(identified)}"
        + (f", such as {listed(_examples(parameters, identified))}" if identified else "")
        + f"; the fit describes {points} means of turnover with χ² {number_text(chi2 / points)} per mean (SEM "
        f"over mice).",
    ]
    if len(ranked) > 1:
        ahead = ranked[0]["log_evidence"] - ranked[1]["log_evidence"]
        answer.append(
            f"The reading of the mechanism with the highest evidence is “{ranked[0]['name']}”, by {ahead:.1f} of ln "
            f"evidence above “{ranked[1]['name']}”."
        )
    starts = document["starts"]
    given = [f" --study {study}" for study in studies]
    return Told(
        title=f"Joint fit of {len(studies)} {'study' if len(studies) == 1 else 'studies'}",
        asked="Which rates of turnover, and which effects of the drugs, do the published means of "
        f"{named(studies)} imply, and which of them can the data tell?",
        answer=answer,
        diagnostics=[
            f"{starts['in_this_minimum']} of {starts['number']} starts ended in this minimum",
            f"-2 log posterior at the estimate {number_text(document['minus_2_log_posterior'])}",
            *(
                f"{study}: χ² {number_text(entry['chi2_mouse'])} with SEM over mice for {entry['n_points']} means"
                for study, entry in document["fits"].items()
            ),
        ],
        unknown=[
            f"{name} is {verdict}: {parameters[name]['sentence']}"
            for verdict in ("flat", "one-sided")
            for name in by_verdict.get(verdict, ())
        ],
        care=care_of(document["notes"]),
        figures={
            "residuals": "Standardised residuals of every published mean, by study, arm and quantity; grey "
            "band: 2 SEM.",
            "profiles": "Profiles: rise of -2 log posterior; the dotted line is the bound of a 95 % interval.",
        },
        command=f"synmodel fit{''.join(given)} --unit {document['unit_of_replication']}"
        f"{settings(document['provenance'])} --out fit",
        python="import synmodel\n\n"
        f'result = synmodel.fit_studies(studies={studies!r}, unit="{document["unit_of_replication"]}", '
        f"seed={document['provenance']['seed']})\n"
        "for verdict in result.verdicts:\n    print(verdict.name, verdict.sentence, verdict.verdict)",
        methods=(
            f"Published group means of {named(studies)} were fitted jointly by maximum posterior density with the "
            f"{document['unit_of_replication']} as the unit of replication; intervals are those of the joint "
            f"posterior.",
            "A parameter is called identified where the posterior leaves out a quarter of the prior or more on "
            "both sides.",
        ),
        studies=studies,
        compounds=("ketamine", "psilocybin", "ketanserin"),
        groups=MECHANISM,
        software=("dynesty",),
    )


def _examples(parameters: Json, names: list[str]) -> list[str]:
    def spread(name: str) -> float:
        low, high = parameters[name]["low"], parameters[name]["high"]
        return math.log(high / low) if low and high and low > 0 < high else math.inf

    first = (
        sorted((name for name in names if name.startswith("cascade")), key=spread)[:2] or sorted(names, key=spread)[:2]
    )
    return [f"{parameters[name]['long_name']} ({in_its_unit(parameters[name])})"
            for name in first]  # fmt: skip


# -- single dendrites ------------------------------------------------------------------------------------------


def dendrites_told(held: Held) -> Told:
    """A fit of single dendrites, or several side by side."""
    document = held.document
    rows = document.get("comparison", [])
    best = max(rows, key=lambda row: row["log_evidence"])["model"] if rows else None
    found = document["models"][best] if best is not None else document
    effects = {name: entry for name, entry in found["parameters"].items() if name.partition(".")[2] in _EFFECTS}
    models = [row["model"] for row in rows] or [found["model"]]
    about = found["provenance"]
    return Told(
        title=f"Single dendrites: {found['model']}",
        asked=f"What do {found['n_dendrite_intervals']} intervals of dendrites of {found['n_mice']} mice say of "
        f"formation and "
        "elimination of spines, and what does the drug change?",
        answer=(_effects_sentence(effects), _second_sentence(found, rows)),
        diagnostics=_trust(found, document["audit"]),
        unknown=_prior_driven(found["parameters"]),
        care=care_of([*document["read_with_care"], *document["conventional"]["notes"]]),
        figures={
            "fit": "Effects of the drugs as folds of the rates (95 % interval); below, where there is a "
            "posterior, what was "
            "seen (points) beside what the fitted model would have seen (bands, 95 %)."
            if not rows
            else "Log evidence and prediction of left-out mice of each model, as differences from the best."
        },
        command="synmodel fit --data YOUR-TABLE.csv "
        + " ".join(f"--model {model}" for model in models)
        + f" --engine {found['engine']}{settings(about)} --out fit",
        python="from synmodel import inference\nfrom synmodel.data import read_observations\n\n"
        'reading = read_observations("YOUR-TABLE.csv")\n'
        f'tree = inference.fit(reading.observations, model="{found["model"]}", engine="{found["engine"]}", '
        f"seed={about.get('seed', 1)})",
        methods=(
            f"The exact likelihood of every gain and loss of {found['n_dendrite_intervals']} intervals of dendrites of "
            f"{found['n_mice']} mice was fitted by the model “{found['model']}” "
            + ("at its maximum" if found["engine"] == "map" else f"by {found['engine']} sampling")
            + "; formation differs between dendrites and mice by random effects.",
            "Beside it stand the usual tests: a mixed model over dendrites with mice as random intercepts, and Welch's "
            "test over means of mice.",
        ),
        posterior=False,
        software=("statsmodels", *(() if found["engine"] == "map" else ("arviz", "dynesty"))),
    )


def _effects_sentence(effects: Json) -> str:
    if not effects:
        return "This model has no effect of a drug."
    parts = []
    for name, entry in effects.items():
        drug, _, key = name.partition(".")
        sure = excludes(entry, 1.0)
        end = ": the interval holds 1, no effect" if sure is False else ""
        parts.append(f"{_EFFECTS[key]} after {drug} are {with_interval(entry)} of baseline at their peak{end}")
    return begun("; ".join(parts)) + "."


def _second_sentence(found: Json, rows: list[Json]) -> str:
    if rows:
        first, *others = sorted(rows, key=lambda row: -row["log_evidence"])
        told = "; ".join(
            f"“{row['model']}” {row['evidence_difference']:.1f} ± {row['log_evidence_error']:.1f}: {row['verdict']}"
            for row in others
        )
        return f"Of {len(rows)} models “{first['model']}” has the highest evidence; against it, in ln evidence, {told}."
    cells = found.get("predictive")
    if cells:
        outside = sum(not row["low"] <= row["observed"] <= row["high"] for row in cells)
        return (
            f"Of {len(cells)} observed statistics {outside} lie outside the 95 % interval of what the model would have "
            f"seen; {0.05 * len(cells):.1f} are expected by chance."
        )
    verdicts = [entry.get("verdict") for entry in found["parameters"].values()]
    return f"The data identify {verdicts.count('identified')} of {len(verdicts)} parameters."


def _trust(found: Json, audit: Mapping[str, int]) -> list[str]:
    lines = [f"the audit of the table found: {listed(f'{n} {kind}' for kind, n in audit.items()) or 'no problem'}"]
    if "log_likelihood" in found:
        lines.append(f"log likelihood at the maximum {found['log_likelihood']:.2f}")
        return lines
    lines += [
        f"log evidence {found['log_evidence']:.2f} ± {found['log_evidence_error']:.2f}",
        f"effective number of draws {found['effective_size']:.0f}",
    ]
    if found["pareto_k"] is not None:
        trusted = "may be trusted" if found["pareto_k"] <= _PARETO else "may not be trusted; use --engine nested"
        lines.append(f"Pareto k {found['pareto_k']:.2f}: importance sampling {trusted}")
    return lines


def _prior_driven(parameters: Json) -> list[str]:
    lines = []
    for name, entry in parameters.items():
        if entry.get("verdict") in ("flat", "one-sided"):
            lines.append(f"{name} is {entry['verdict']}: {entry['sentence']}")
        elif (entry.get("prior_sensitivity") or 0.0) > _SENSITIVE or entry.get("sd_below_prior", 1.0) < _NARROWED:
            lines.append(
                f"{name}, {in_its_unit(entry)}, leans on its prior: sensitivity "
                f"{number_text(entry['prior_sensitivity'])}, standard deviation "
                f"{100 * entry['sd_below_prior']:.0f} % below "
                "the prior's"
            )
    return lines


# -- predictions -----------------------------------------------------------------------------------------------


def prediction_told(held: Held) -> Told:
    """A study that the fit has not seen."""
    document = held.document
    coverage, points = document["coverage"], document["points"]
    largest = max(
        (point for point in points if point["mean"] is not None), key=lambda point: abs(point["mean"]), default=None
    )
    answer = []
    if largest is not None:
        entry = {"estimate": largest["mean"], "low": largest["low_90"], "high": largest["high_90"]}
        answer.append(
            f"The largest predicted mean is the {largest['quantity'].replace('_', ' ')} of {largest['arm']} from day "
            f"{largest['start_day']:g} to {largest['end_day']:g}: {percent(entry).replace('95 %', '90 %')}."
        )
    if coverage["n"]:
        answer.append(
            f"Of {coverage['n']} observed means {100 * coverage['90']:.0f} % lie inside their 90 % interval and "
            f"{100 * coverage['50']:.0f} % inside their 50 % interval."
        )
    else:
        answer.append("No mean of the drug arms is given yet, so nothing can be checked.")
    outside = [
        f"{point['arm']}, {point['quantity'].replace('_', ' ')}, day {point['start_day']:g} to "
        f"{point['end_day']:g}: observed "
        f"{number_text(100 * point['observed'])} %, predicted {number_text(100 * point['low_90'])} to "
        f"{number_text(100 * point['high_90'])} % (90 %)"
        for point in points
        if point["observed"] is not None and not point["low_90"] <= point["observed"] <= point["high_90"]
    ]
    return Told(
        title=f"Prediction of {document['study']}",
        asked=f"What should the drug arms of {document['study']} show, given its vehicle arm and what other "
        f"studies tell?",
        answer=answer,
        first=[f"Outside its 90 % interval: {line}" for line in outside],
        diagnostics=[
            "log predictive density per mean "
            + (
                number_text(document["log_predictive_density"])
                if coverage["n"]
                else "is not known without observed means"
            )
        ],
        figures={
            "prediction": "Predicted means with 50 % (thick) and 90 % (thin) intervals; black: observed with SEM."
        },
        command=f"synmodel predict YOUR-STUDY{settings(document['provenance'])} --out prediction",
        python="from synmodel.inference.summaries.joint import load_posterior\n"
        "from synmodel.inference.summaries.prediction import predict_folder\n\n"
        'prediction = predict_folder("YOUR-STUDY", posterior=load_posterior(), draws=800, '
        f"seed={document['provenance']['seed']})",
        methods=(
            f"Means of the drug arms of {document['study']} were predicted from its vehicle arms and the joint "
            f"posterior of "
            "other studies, in a laboratory that none of them is of; intervals hold 50 and 90 % of predicted "
            "means with "
            "their standard errors.",
        ),
        compounds=("ketamine", "psilocybin"),
        groups=MECHANISM,
    )


def validation_told(held: Held) -> Told:
    """Every embedded study left out in turn."""
    studies = held.document["studies"]
    better = [
        name for name, entry in studies.items()
        if entry["no_effect"] is not None and entry["log_predictive_density"] > entry["no_effect"]
    ]  # fmt: skip
    carried = {name: entry for name, entry in studies.items() if entry["carried_over"] is not None}
    ahead = [name for name, entry in carried.items() if entry["log_predictive_density"] > entry["carried_over"]]
    worse = [name for name in carried if name not in ahead]
    return Told(
        title="Every study left out in turn",
        asked="How well does the mechanism predict a study that the fit has not seen, beside two simple rivals?",
        answer=(
            "Left out, "
            + "; ".join(
                f"{name} has {number_text(100 * entry['coverage_90'])} % of {entry['n']} observed means inside "
                f"90 % intervals"
                for name, entry in studies.items()
            )
            + ".",
            f"The mechanism predicts better than no effect in {len(better)} of {len(studies)} studies, and "
            f"better than the "
            f"mean difference of other studies carried over in {len(ahead)} of {len(carried)} for which there is one.",
        ),
        first=[
            f"{name}: the difference of other studies carried over predicts better than the mechanism "
            f"({number_text(carried[name]['carried_over'])} against "
            f"{number_text(carried[name]['log_predictive_density'])} per mean)"
            for name in worse
        ],
        diagnostics=[
            f"{name}: standard deviation of standardised errors {number_text(entry['sd_over_sem'])} (1 where "
            f"SEM say all)"
            for name, entry in studies.items()
        ],
        figures={
            "validation": "Left: log predictive density per mean of the mechanism and its rivals, by arm. "
            "Right: share of "
            "observed means inside 50 and 90 % intervals."
        },
        command=f"synmodel validate{settings(held.document['provenance'])} --out validation",
        python="from synmodel.inference.summaries.joint import without_study\n"
        "from synmodel.inference.summaries.validation import validate\n\n"
        f"document = validate(without_study, seed={held.document['provenance']['seed']})",
        methods=("Each embedded study was left out of the joint posterior in turn and its drug arms were predicted.",),
        studies=list(studies),
        compounds=("ketamine", "psilocybin", "ketanserin"),
        groups=MECHANISM,
    )
