"""Psilocybin: spine number and size, within 24 hours and for a month, and whether it acts through 5-HT2A receptors."""

from pathlib import Path

import numpy as np

import synmodel
from synmodel.arms import arms_compared
from synmodel.comparison import contrasts
from synmodel.experiments import Finding, Outcome, stage
from synmodel.inference.evidence import compare_readings
from synmodel.inference.joint import load_posterior
from synmodel.inference.readings import Reading
from synmodel.report.experiments import draw_findings
from synmodel.report.figures import COLOURS, draw_published, panels
from synmodel.simulation import expectation

PAIRS = {"psilocybin": ("saline", ""), "ketanserin+psilocybin": ("ketanserin+saline", "\nafter ketanserin")}
SEEN = {"psilocybin": "psilocybin", "ketanserin": "ketanserin+psilocybin", "knockout": "psilocybin+knock-out"}
QUANTITIES = {"density_change": "number", "head_width_change": "size"}
NAMES = {"membrane": "membrane 5-HT2A", "intracellular": "intracellular 5-HT2A", "TrkB": "TrkB"}
LINES = {"membrane": ("#D55E00", "-"), "intracellular": ("#0072B2", "-"), "TrkB": ("#CC79A7", "--")}
STUDY, KNOCKOUT = "shao2021", "shaoliao2025_ko"
DOI = {STUDY: "10.1016/j.neuron.2021.06.008, mean over mice", KNOCKOUT: "10.1038/s41586-025-08813-6, mean over mice"}
ASSUMED = (
    "ketanserin's kinetics in mouse; its K_B is integrated out under a prior and the counts of head twitches",
    "psilocin's kinetics in mouse, half-life 30 min (secondary); ten minutes between the injections",
    "one cascade for ketamine and psilocybin with fast steps of minutes, fitted to four studies",
    "evidence by Laplace approximation, with spreads between arms and studies held",
)


def run(*, short, seed, progress=None):
    """Arms as published and as fitted, and three readings of the receptor against ketanserin and the knock-out."""
    posterior, findings, draws = load_posterior(), [], 100 if short else 500
    readings = compare_readings([Reading(receptor=r) for r in NAMES], seed=seed, progress=stage(progress, "readings"))
    fits = {each.reading.receptor: each for each in readings}
    figure, ((*tops,), (left, right, last)) = panels(2, 3, size=(11.0, 6.4), width_ratios=(1.1, 1, 1))
    for drug, (vehicle, after) in PAIRS.items():
        arms = arms_compared(posterior, STUDY, drug, vehicle, draws=draws, seed=seed, progress=stage(progress, drug))
        for k in np.flatnonzero(arms["quantity"].isin(list(QUANTITIES)) & arms["end_day"].isin((1, 34))):
            label = f"{QUANTITIES[str(arms['quantity'][k].values)]}, day {arms['end_day'][k]:.0f}{after}"
            *model, gap, low, high = (100 * float(values[k]) for values in arms.data_vars.values())
            findings.append(Finding(label, *model, "%", gap, DOI[STUDY], "measured", "drug minus vehicle", low, high))
    draw_findings(left, findings, [COLOURS["psilocybin"]] * 4 + [COLOURS["ketanserin+psilocybin"]] * 2)
    left.set(title="Drug minus vehicle arm", xlabel="% (published in black, 95 % over mice)", xlim=(-6, 31))
    for axes, (name, arm) in zip(tops, SEEN.items(), strict=True):
        plan = synmodel.load_scenario(Path(__file__).with_name(f"scenario-{name}.toml"))
        study = KNOCKOUT if name == "knockout" else STUDY
        for reading, (colour, line) in LINES.items():
            change = 100 * expectation(plan, fits[reading].fit.in_library(study, arm)).density_change
            axes.plot(plan.schedule.sessions[1:], change, line, color=colour, label=NAMES[reading])
        draw_published(axes, study, arm, "density_change", "black")
        axes.set(title=arm, xlabel="day", ylabel="density, change from day −3 (%)", ylim=(-8, 24))
    tops[-1].legend(loc="upper left")
    knocked = arms_compared(posterior, KNOCKOUT, "psilocybin+knock-out", "saline+knock-out", draws=draws, seed=seed)
    for k in np.flatnonzero((knocked["quantity"] == "density_change") & (knocked["end_day"] > 0)):
        *model, gap, low, high = (100 * float(values[k]) for values in knocked.data_vars.values())
        label = f"number, day {knocked['end_day'][k]:.0f}\nknock-out"
        findings.append(Finding(label, *model, "%", gap, DOI[KNOCKOUT], "measured", "drug minus vehicle", low, high))
    draw_findings(last, findings[-2:], [COLOURS["psilocybin+knock-out"]] * 2)
    last.set(title="The same in the knock-out", xlabel="% (published in black, 95 % over mice)")
    best = max(each.log_evidence for each in readings)
    price = {reading: best - fits[reading].log_evidence for reading in LINES}
    right.barh([NAMES[reading].replace(" ", "\n") for reading in price], list(price.values()), color="#888888")
    right.set(title="Price of a reading", xlabel="ln evidence below that of the best")
    prices = [Finding(f"price of {NAMES[k]}", x, None, None, "ln", None, "", "derived") for k, x in price.items()]
    table, _ = contrasts(posterior, "psilocybin", draws=draws, seed=seed)
    kept = [Finding.of(table[f"{name}_kept_day_34"]) for name in ("extra_spines", "head_width")]
    n, s = findings[0], findings[2]
    early = n.low > 0 and s.low > 0
    lasts = "contradicted" if any(k.high < 50 for k in kept) else "not identifiable"
    verdict = "reproduced" if early and price["TrkB"] > 3 and all(k.low > 50 for k in kept) else lasts
    reason = f"""number and size rise within 24 h ({n.model:.1f} and {s.model:.1f} %; published {n.data:.1f} and
        {s.data:.1f}); a month later {kept[0].model:.0f} % ({kept[0].low:.0f} to {kept[0].high:.0f}) of the gain in
        number is left, {kept[1].model:.0f} % ({kept[1].low:.0f} to {kept[1].high:.0f}) of that in size. The knock-out
        decides for the receptor: TrkB alone costs {price["TrkB"]:.1f} units of ln evidence; a receptor at the membrane
        {price["membrane"]:.1f}, one inside the cell {price["intracellular"]:.1f}. Kinetics are secondary or assumed"""
    return Outcome(verdict, " ".join(reason.split()), (*findings, *kept, *prices), ASSUMED, figure)
