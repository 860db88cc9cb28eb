"""What plans say of themselves: the next study, arms that tell readings apart, and what to measure next."""

from shlex import quote

from synmodel.report.page.parts import Held, Told
from synmodel.report.page.words import MECHANISM, care_of, listed, settings, with_interval
from synmodel.report.tables import number_text

__all__ = ["arms_told", "design_told", "measuring_told"]

_DECISIVE = 3.0


def design_told(held: Held) -> Told:
    """How many mice and dendrites, and which days."""
    document = held.document
    best, power = document["recommended"], document["power"]
    days = ", ".join(f"{day:g}" for day in best["sessions"])
    stated = not isinstance(document["effect"], str)
    effect = (
        listed(f"{each['quantity']} {each['fold']:g}-fold" for each in document["effect"])
        if stated
        else "the model's own effect, under its posterior"
    )
    pooled = document["type_1_error"]["dendrites_pooled"]
    short = power["high"] < document["target_power"]
    return Told(
        title=f"A study of {document['scenario']} against {document['control']}",
        asked=f"How many mice and dendrites, imaged on which days, find {effect} with a power of "
        f"{document['target_power']:g} at the lowest cost?",
        answer=(
            f"{best['mice_per_arm']} mice per arm with {best['dendrites_per_mouse']} dendrites each, imaged on "
            f"days {days} "
            f"({best['why_these_days']}).",
            f"In {power['studies']} simulated studies the power is {with_interval(power)}, against an aim of "
            f"{document['target_power']:g}.",
        ),
        first=[f"The simulated power stays below the aim of {document['target_power']:g}."] if short else [],
        diagnostics=[
            *(
                f"false alarms in {quantity} with the mouse as unit: {with_interval(entry)}"
                for quantity, entry in document["type_1_error"]["mouse_as_unit"].items()
            ),
            *(
                f"false alarms in {quantity} if dendrites are pooled: {with_interval(entry)}"
                for quantity, entry in pooled.items()
            ),
        ],
        unknown=[
            f"if {each['what']}: "
            + ("more mice than are allowed" if each["mice_per_arm"] is None else f"{each['mice_per_arm']} mice per arm")
            for each in document["sensitivity"]
        ],
        care=care_of(document["notes"]),
        figures={
            "design": "Power over mice per arm, and what the days of imaging tell of each effect before and "
            "after the study."
        },
        command=f"synmodel design --scenario {quote(document['scenario'])} --control {quote(document['control'])}"
        + ("".join(f" --effect {each['quantity']}={each['fold']:g}" for each in document["effect"]) if stated else "")
        + f" --power {document['target_power']:g} --analysis "
        f"{document['analysis']}{settings(document['provenance'])} --out design",
        python="import synmodel\n\n"
        f'plan = synmodel.design("{document["scenario"]}", "{document["control"]}", '
        f"seed={document['provenance']['seed']})",
        methods=(
            f"The study was planned for {effect} by exact moments of the counts of spines, and its power checked by "
            f"{power['studies']} simulated studies analysed by {document['analysis']} with the mouse as the unit.",
        ),
        compounds=("ketamine", "psilocybin"),
        groups=MECHANISM,
    )


def arms_told(held: Held) -> Told:
    """Which arms tell two readings of the mechanism apart."""
    document = held.document
    first, second = document["between"]
    known = [each for each in document["arms"] if each["expected_log_bayes_factor"] is not None]
    best = max(known, key=lambda each: each["expected_log_bayes_factor"], default=None)
    answer = ["No arm can be judged."]
    if best is not None:
        value = best["expected_log_bayes_factor"]
        answer = [
            f"The most telling arm is {best['arm']}: one study is expected to give a ln Bayes factor of {value:.2f} "
            f"({best['if_first_is_true']:.2f} if the first reading is true, {best['if_second_is_true']:.2f} if "
            f"the second).",
            f"That is {'enough' if value >= _DECISIVE else 'not enough'} to decide, which takes {_DECISIVE:g}.",
        ]
    return Told(
        title=f"Arms that tell “{first}” and “{second}” apart",
        asked=f"Which arm is expected to decide between the readings “{first}” and “{second}”?",
        answer=answer,
        unknown=[f"{each['arm']}: {each['note']}" for each in document["arms"] if each["note"]],
        care=care_of(document["notes"]),
        figures={
            "arms": "Expected ln Bayes factor of one study for each arm, if the first or the second reading is true."
        },
        command=f"synmodel design --between {quote(first)} {quote(second)}{settings(document['provenance'])} "
        f"--out arms",
        python="from synmodel.analysis.planning.readings import arms_to_try, separate\n\n"
        f"found = separate(({first!r}, {second!r}), arms_to_try([], (0.3, 1.0, 3.0)), "
        f"seed={document['provenance']['seed']})",
        methods=(f"Arms were ranked by the expected logarithm of the Bayes factor between “{first}” and “{second}”.",),
        compounds=("ketamine", "psilocybin", "ketanserin"),
        groups=MECHANISM,
    )


def measuring_told(held: Held) -> Told:
    """What the uncertainty hangs on, and what would remove it."""
    document = held.document
    number, measurement = document["numbers"][0], document["measurements"][0]
    conclusion = document["conclusions"][0]
    fixed = [each for each in document["numbers"] if each["kind"] == "fixed" and each["mean"] > document["chance"]]
    return Told(
        title="What to measure next",
        asked="On which numbers does the uncertainty of the main conclusions hang, and which experiments would "
        "remove it?",
        answer=(
            f"The number that tells most is {number['long_name']}: knowing it would remove "
            f"{100 * number['mean']:.0f} % of the "
            f"variance of the conclusions on average, and {100 * number['largest']:.0f} % of that of "
            f"“{number['largest_on']}”.",
            f"The most telling of {len(document['measurements'])} possible experiments is "
            f"“{measurement['name']}”, expected to "
            f"remove {100 * measurement['mean']:.0f} % on average; as it stands, {conclusion['name']} is "
            f"{with_interval(conclusion, unit=conclusion['unit'], key='median')}.",
        ),
        diagnostics=[
            f"{document['draws']} draws of all that is uncertain; {document['points']} points of Sobol indices",
            f"a share up to {100 * document['chance']:.1f} % is what chance gives with so many draws",
        ],
        unknown=[
            f"{each['long_name']} is held fixed by the fit ({each['status']}), yet carries "
            f"{100 * each['mean']:.0f} % of the "
            "variance on average"
            for each in fixed
        ],
        care=care_of(document["notes"]),
        figures={
            "measure-next": "Left: variance that goes if a number becomes known (bar: mean over conclusions; dot: one "
            "conclusion). Right: what each possible experiment is expected to remove."
        },
        command=f"synmodel measure-next --draws {document['draws']} --points {document['points']}"
        f"{settings(document['provenance'])} --out measure-next",
        python="from synmodel.analysis.measuring import rank\n\n"
        f"ranking = rank(draws={document['draws']}, points={document['points']}, "
        f"seed={document['provenance']['seed']})",
        methods=(
            f"Numbers and experiments were ranked by the share of the variance of "
            f"{len(document['conclusions'])} conclusions "
            f"that knowing them removes, over {document['draws']} draws of all uncertain numbers; the largest share is "
            f"{number_text(100 * number['largest'])} %.",
        ),
        compounds=("ketamine", "psilocybin", "ketanserin"),
        groups=MECHANISM,
    )
