"""Psilocybin: spine number and size, within 24 hours and for a month, and whether it acts through 5-HT2A receptors."""

from pathlib import Path

import numpy as np

import synmodel
from synmodel.arms import arms_compared
from synmodel.claims import ketanserin_share
from synmodel.comparison import contrasts
from synmodel.experiments import Finding, Outcome, stage
from synmodel.inference.variants import fit_mechanism
from synmodel.report.experiments import draw_findings
from synmodel.report.figures import COLOURS, draw_published, panels
from synmodel.simulation import expectation

PAIRS = {"psilocybin": ("saline", ""), "ketanserin+psilocybin": ("ketanserin+saline", "\nafter ketanserin")}
SEEN = {"psilocybin": "psilocybin", "ketanserin": "ketanserin+psilocybin", "knockout": "knock-out, predicted"}
QUANTITIES = {"density_change": "number", "head_width_change": "size"}
LINES = {"membrane 5-HT2A": ("#D55E00", "-"), "intracellular 5-HT2A": ("#0072B2", "-"), "TrkB": ("#CC79A7", "--")}
STUDY, DOI = "shao2021", "10.1016/j.neuron.2021.06.008, mean over mice"
KNOCKOUT = {
    "membrane 5-HT2A": (None, "", "derived"),
    "intracellular 5-HT2A": ("no growth", "Vargas et al. 2023 by a press summary", "secondary"),
    "TrkB": ("plasticity", "Moliner et al. 2023, 10.1038/s41593-023-01316-5", "measured", "abstract; no counts"),
}
ASSUMED = (
    "ketanserin's kinetics in mouse, set so that its free peak is ten times K_B, as abolished head twitches demand",
    "psilocin's kinetics in mouse, by the decay of head twitches; ten minutes between the injections",
    "one pulse per dose in turnover and one in size, of which ketanserin removes one and the same share",
    "one cascade for ketamine and psilocybin with fast steps of minutes; baselines of the phenomenological fit",
)


def run(*, short, seed, progress=None):
    """Arms as published and as fitted, the share that ketanserin removes, and three readings of the mechanism."""
    fit, findings, draws = synmodel.fit_summaries(seed=seed, starts=1), [], 64 if short else 1024
    readings = fit_mechanism(fit, seed=seed, starts=1 if short else 2, progress=stage(progress, "readings"))
    figure, ((*tops,), (left, middle, right)) = panels(2, 3, size=(11.0, 6.4), width_ratios=(1.1, 1, 1))
    for drug, (vehicle, after) in PAIRS.items():
        arms = arms_compared(fit, STUDY, drug, vehicle, draws=draws, seed=seed, progress=stage(progress, drug))
        for k in np.flatnonzero(arms["quantity"].isin(list(QUANTITIES)) & arms["end_day"].isin((1, 34))):
            label = f"{QUANTITIES[str(arms['quantity'][k].values)]}, day {arms['end_day'][k]:.0f}{after}"
            *model, gap, low, high = (100 * float(values[k]) for values in arms.data_vars.values())
            findings.append(Finding(label, *model, "%", gap, DOI, "measured", "drug minus vehicle arm", low, high))
    draw_findings(left, findings, [COLOURS["psilocybin"]] * 4 + [COLOURS["ketanserin+psilocybin"]] * 2)
    left.set(title="Drug minus vehicle arm", xlabel="% (published in black, 95 % over mice)", xlim=(-6, 31))
    for axes, (name, arm) in zip(tops, SEEN.items(), strict=True):
        plan = synmodel.load_scenario(Path(__file__).with_name(f"scenario-{name}.toml"))
        for reading, (colour, line) in LINES.items():
            change = 100 * expectation(plan, readings[reading].parameters).density_change
            axes.plot(plan.schedule.sessions[1:], change, line, color=colour, label=reading)
            if arm not in PAIRS:
                label = (f"knock-out, {reading}: density on day 7", change[-1], None, None, "% of day −3")
                findings.append(Finding(*label, *KNOCKOUT[reading]))
        if arm in PAIRS:
            draw_published(axes, STUDY, arm, "density_change", "black")
        axes.set(title=arm, xlabel="day", ylabel="density, change from day −3 (%)", ylim=(-6, 20))
    shares = [Finding.of(ketanserin_share(fit, seed=seed, size=size)) for size in (True, False)]
    draw_findings(middle, shares, [COLOURS["ketanserin+psilocybin"]] * 2)
    middle.set(title="What ketanserin removes", xlabel="% of the effects of psilocybin", xlim=(-2, 100))
    middle.set(yticklabels=("turnover\nand size", "turnover\nalone"))
    tops[-1].legend(loc="upper left")
    price = {reading: readings[reading].objective - readings["TrkB"].objective for reading in LINES}
    right.barh([reading.replace(" ", "\n") for reading in price], list(price.values()), color="#888888")
    right.set(title="Price of a reading", xlabel="−2 log posterior above that of TrkB")
    prices = [Finding(f"price of {k}", x, None, None, "−2 log", None, "", "derived") for k, x in price.items()]
    table, _ = contrasts(fit, "psilocybin", draws=draws, seed=seed)
    kept = [Finding.of(table[f"{name}_kept_day_34"]) for name in ("extra_spines", "head_width")]
    n, s = findings[0], findings[2]
    early = all(f.low > 0 and f.data_low <= f.model <= f.data_high for f in (n, s))
    told = abs(prices[1].model) > 4 and shares[1].low > 50
    verdict = "not identifiable" if not told else "reproduced" if early and kept[0].low > 50 else "contradicted"
    reason = f"""number and size rise within 24 h ({n.model:.1f} and {s.model:.1f} %; published {n.data:.1f} and
        {s.data:.1f}); a month later {kept[0].model:.0f} % of the gain in number is left, {kept[1].model:.0f} % of that
        in size. The receptor is open: ketanserin removes at most {shares[0].high:.0f} % of the effects
        ({shares[1].high:.0f} % by turnover alone); a membrane receptor costs {prices[0].model:.0f} units of −2 log
        posterior; one inside the cell and TrkB differ by {abs(prices[1].model):.2f}, and what is known of the
        knock-out, which parts them, is secondary"""
    return Outcome(verdict, " ".join(reason.split()), (*findings, *kept, *shares, *prices), ASSUMED, figure)
