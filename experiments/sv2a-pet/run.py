"""Human SV2A PET after ketamine: no mean change, and a post-hoc rise where the baseline was low."""

from pathlib import Path

import numpy as np

from synmodel import assays
from synmodel.experiments import Finding, Outcome
from synmodel.imaging import pet, power, subgroups
from synmodel.report.figures import COLOURS, GREY, panels

HERE, SCANS = Path(__file__).parent, {"hours": (-168, -24, 24), "before": 1, "after": 2}  # two baselines, 24 h after
HOLMES = "Holmes et al. 2022, doi:10.1038/s41380-022-01465-2"
PATIENTS, GROUPS = 20, (10, 20, 40, 60, 80, 120)  # the size of the published groups is not in the sources
TRUTHS = {"no effect": (0.0, 0.0, GREY), "true effect": (0.5, 0.6, COLOURS["ketamine"])}  # rescue, coupling, colour
LOOKS = {"1 look": (1, 1, (2,)), "20 looks": (5, 2, (2, 3))}  # regions, outcomes, the lowest half (and third)
DRUGS = {"in man, by the model": ("scenario.toml", COLOURS["ketamine"]), "as in mouse": ("mouse.toml", "#7B241C")}


def run(*, short: bool, seed: int, progress=None) -> Outcome:
    """Simulate the trial as published, with and without an effect, and the trial that tells them apart."""
    draws, findings, missed, made = {"replicates": 10_000, "seed": seed}, [], [], []
    figure, ((left, middle, right),) = panels(1, 3, size=(12.5, 3.8))
    add = lambda *parts: findings.append(Finding(*parts))  # noqa: E731

    def rate(label, hits, status="derived"):
        add(label, *(100 * each for each in power.share_interval(hits.to_numpy())), "%", None, "", status)
        return findings[-1].model

    def analyse(truth, n, looks="1 look", choose=1):
        (rescue, coupling, _), (regions, outcomes, parts) = TRUTHS[truth], LOOKS[looks]
        size = {"subjects": n, "regions": regions, "outcomes": outcomes, "lowest": [n // part for part in parts]}
        effect = {"rescue": rescue, "coupling": coupling, "choose": choose}
        return assays.posthoc(HERE / "no-effect.toml", **SCANS, **size, **effect, **draws)

    scanner, grid = assays.scanner_of(HERE / "scenario.toml"), np.linspace(0, 0.25, 60)
    left.plot(100 * grid, [100 - 100 * subgroups.mean_power(rise / scanner.retest_sd, PATIENTS) for rise in grid], "k")
    for name, (file, colour) in DRUGS.items():
        rise = 100 * (1 - scanner.nondisplaceable_share) * float(assays.density_folds(HERE / file, [24])[0] - 1)
        trials = assays.posthoc(HERE / file, **SCANS, subjects=PATIENTS, lowest=[PATIENTS], choose=1, **draws)
        add(f"mean rise, {name}", rise, None, None, "%", "none found", HOLMES, "measured")
        missed.append(rate(f"trials that miss it, {name}", ~trials["rises"], "assumed"))
        left.plot(rise, missed[-1], "o", color=colour, label=name)
    exact = 100 * pet.expected_rise(scanner, PATIENTS, PATIENTS // 2)
    change = 100 * analyse("no effect", PATIENTS)["mean_change"].to_numpy() / scanner.volume
    add("rise of the lower half by regression alone, closed form", exact, None, None, "%", None, "", "derived")
    add("the same, simulated", *power.mean_interval(change), "%", None, "", "derived")
    for spread in ("narrow", "wide"):
        trials = assays.posthoc(HERE / f"{spread}.toml", **SCANS, subjects=20, lowest=[10], choose=1, **draws)
        rate(f"low baselines rise, no effect, 1 look, {spread} spread", trials["rises"], "assumed")
    for place, looks in enumerate(LOOKS):
        for shift, (truth, (_, _, colour)) in enumerate(TRUTHS.items()):
            found = analyse(truth, PATIENTS, looks)
            made.append(rate(f"rise with improvement, {truth}, {looks}", found["found"]))
            bars = (rate(f"low baselines rise, {truth}, {looks}", found["rises"].any(("size", "region"))), made[-1])
            drawn = middle.bar([2.2 * place + 0.4 * shift, 2.2 * place + 0.4 * shift + 1], bars, 0.38, color=colour)
            middle.bar_label(drawn, fmt="%.1f", fontsize=7)
        if progress:
            progress("looks", place + 1, len(LOOKS))
    groups = GROUPS[1::3] if short else GROUPS
    for choose, style in ((1, "o--"), (0, "o-")):
        for truth, (_, _, colour) in TRUTHS.items():
            shares = [100 * float(analyse(truth, n, choose=choose)["rises"].mean()) for n in groups]
            right.plot(groups, shares, style, color=colour, label=f"{truth}, {2 - choose} baseline{'s'[choose:]}")
    needed = groups[int(np.argmax(np.array(shares) >= 90))]
    add("patients for 90 % power with two baselines", needed, None, None, "1", None, "", "assumed")
    left.set(xlabel="true mean rise (%)", ylabel="% of trials", title="no mean change is found")
    middle.set(title=f"post-hoc findings, {PATIENTS} patients", ylabel="% of trials")
    words = [f"{what}\n{looks}" for looks in LOOKS for what in ("low ones\nrise", "and it goes\nwith improvement")]
    middle.set_xticks([0.2, 1.2, 2.4, 3.4], words, fontsize=7)
    right.set(xlabel="patients", ylabel="% of trials", title="the lower half is found to rise")
    _ = left.legend(fontsize=8), right.legend(fontsize=7, handlelength=4)
    verdict = "contradicted" if missed[0] < 5 else "not identifiable"
    reason = (
        f"the model's mean rise in man would be missed by {missed[0]:.1f} % of such trials ({missed[1]:.0f} % as in "
        "mouse): the published null contradicts it. The post-hoc finding is not identifiable: with no effect "
        f"{made[0]:.1f} % make it in 1 look, {made[2]:.1f} % in 20; with a true one {made[1]:.0f}, {made[3]:.0f} %"
    )
    assumptions = ("one synapse per spine of mouse", "20 patients, spread of V_T", "a deficit half restored; looks")
    return Outcome(verdict, reason, tuple(findings), assumptions, figure)
