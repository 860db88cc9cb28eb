"""Density of spines 24 hours after one dose, against a control that loses spines."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from synmodel.comparison import with_interval
from synmodel.data import load_summaries
from synmodel.embedded import embedded_arms
from synmodel.experiments import Finding, Outcome, stage
from synmodel.imaging import between_arms
from synmodel.inference.joint import load_posterior
from synmodel.repeats import repeats_that_find
from synmodel.report.experiments import draw_findings
from synmodel.report.figures import COLOURS, GREY, draw_band, panels

DAYS, BEFORE, AFTER = np.arange(-1.0, 7.1, 0.5), 0, 4  # places of day -1 and day 1
KINDS = ("drug − vehicle arm", "same dendrites", "drug arm, day −1 to 1", "vehicle arm, day −1 to 1")
ASSUMED = (
    "births, maturation and losses follow the mechanism of the joint fit; the session of day 1 is 24 h after the dose",
    "arms differ by their density at day −3 and by factors of births and losses that the fit gives them",
    "in repeats of the study births vary between mice and between dendrites by a CV of 0.5",
)


def courses(problem, study, drug):
    """From parameters: density of drug arm, vehicle arm and drug arm's dendrites without drug, then KINDS, in %."""
    arms = {target.arm.name: target for target in problem.arms if target.study.name == study}
    targets = (arms[drug], arms["saline"], replace(arms[drug], arm=arms[drug].arm.model_copy(update={"doses": ()})))

    def of(p):
        y = 100 * np.array([problem.expected_on(t, p.as_floats(), DAYS).expected.density_change for t in targets])
        return np.append(y, [*(y[0, AFTER] - y[1:, AFTER]), *(y[:2, AFTER] - y[:2, BEFORE])])

    return of


def density(points):
    """The points of the change of density up to a week, the second of them day 1."""
    return points.isel(point=np.flatnonzero((points["quantity"] == "density_change") & (points["end_day"] < 8)))


def run(*, short, seed, progress=None):
    """Draw from the joint posterior, compare arms and dendrites at 24 h, and repeat the study of 2016."""
    fit, draws = load_posterior(), 100 if short else 500
    figure, ((*left, right),) = panels(1, 3, size=(10.6, 3.7), width_ratios=(1, 1, 0.8))
    findings, repeats = [], 500 if short else 1500
    for axes, shown in zip(left, embedded_arms().values(), strict=True):
        drug, study, told = shown.arm, shown.study, stage(progress, f"draws of {shown.arm}")
        bands = with_interval(fit, courses(fit.problem, study, drug), draws=draws, seed=seed, progress=told)
        seen = [density(load_summaries(study, arm)) for arm in (drug, "saline")]
        for place, (colour, label) in enumerate(((COLOURS[drug], drug), (GREY, "vehicle"))):
            draw_band(axes, DAYS, bands[:, :-4].reshape(3, 3, -1)[:, place], colour, label)
            mean, sem = (100 * seen[place][name] for name in ("mouse_mean", "mouse_sem"))
            axes.errorbar(seen[place]["end_day"], mean, sem, fmt="D", color=colour, markersize=4)
        axes.set(title=f"{drug}, {study[-4:]}", xlabel="day after the dose", ylabel="density, change from day −3 (%)")
        axes.legend(loc="upper left")
        gap, low, high = (100 * float(between_arms(*seen)[name][1]) for name in ("difference", "low", "high"))
        kept = [100 * float(arm["mouse_mean"][1] - arm["mouse_mean"][0]) for arm in seen]
        source = (f"{seen[0].source_doi}, mean over mice", "measured", "")
        data = ((gap, *source, low, high), (None, "", "derived"), *((value, *source) for value in kept))
        for kind, band, published in zip(KINDS, bands[:, -4:].T, data, strict=True):
            findings.append(Finding(f"{drug}: {kind}", *band, "% of day −3", *published))
    draw_findings(right, [findings[k] for k in (0, 1, 4, 5)], [COLOURS[d] for d in embedded_arms() for _ in (0, 1)])
    right.set(title="drug minus control at 24 h", xlabel="% of the spines of day −3")
    arms = [Path(__file__).with_name(f"scenario-{arm}.toml") for arm in ("ketamine", "saline")]
    own = fit.in_library(embedded_arms()["ketamine"].study, "ketamine")
    found = density(repeats_that_find(*arms, own, replicates=repeats, seed=seed)).isel(point=1)
    percent = [100 * float(found[name]) for name in ("more", "more_low", "more_high")]
    findings.append(Finding("repeats of the study that find it", *percent, "%", None, "", "derived", "Monte Carlo"))
    arms, same, drug_arm, vehicle = findings[:4]
    against = same.high < 0 or not arms.low <= arms.data <= arms.high
    verdict = "contradicted" if against else "reproduced" if same.low > 0 else "not identifiable"
    reason = f"""24 h after ketamine the same dendrites carry {same.model:.1f} % ({same.low:.1f} to {same.high:.1f})
        more spines than without; arms differ by {arms.data:.1f} (published, {arms.data_low:.1f} to
        {arms.data_high:.1f}) and {arms.model:.1f} (model). The vehicle arm loses {-vehicle.data:.1f}, the drug arm
        keeps its density ({drug_arm.data:+.1f}): a rise against the control, which {percent[0]:.0f} % of studies of
        this size would find"""
    return Outcome(verdict, " ".join(reason.split()), tuple(findings), ASSUMED, figure)
