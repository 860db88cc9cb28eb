"""Which readings of psilocybin's mechanism survive the ketanserin arms, and what would the knock-out show."""

import numpy as np

import synmodel
from synmodel import simulation, turnover
from synmodel.data.summaries import baseline_density, load_summaries
from synmodel.experiments import Finding, Outcome
from synmodel.inference.variants import fit_mechanism
from synmodel.report.figures import panels

ARMS = {
    "psilocybin": "psilocybin-mouse",
    "after ketanserin": "psilocybin-mouse-ketanserin",
    "5-HT2A knock-out": "psilocybin-mouse-knockout",
}
OBSERVED = {"psilocybin": "psilocybin", "after ketanserin": "ketanserin+psilocybin"}
DAYS = np.array([-3.0, *np.arange(-1, 7.1, 0.25)])
COLOUR = {"membrane 5-HT2A": "#D55E00", "intracellular 5-HT2A": "#0072B2", "TrkB": "#009E73"}


def expected_density(name: str, parameters: synmodel.ParameterSet) -> np.ndarray:
    """Expected change of density [%] on DAYS after the first."""
    scenario = synmodel.load_scenario(name)
    tissue = simulation.tissue_of(scenario.baseline, parameters.as_floats())
    steps = turnover.propagate(tissue.model, DAYS, synmodel.drive_of(scenario, parameters))
    density = baseline_density("shao2021", "psilocybin")
    return 100 * simulation.expect(tissue, DAYS, steps, density, 23.0).density_change


def run(*, short: bool, seed: int, progress=None) -> Outcome:
    """Fit the readings and draw their predictions."""
    base = synmodel.fit_summaries(seed=seed, starts=1 if short else 6)
    readings = fit_mechanism(base, seed=seed, progress=progress and (lambda i, n: progress("readings", i, n)))
    figure, grid = panels(1, 3, size=(9.6, 3.2), sharey=True)
    findings = []
    for axes, (arm, scenario) in zip(grid[0], ARMS.items(), strict=True):
        table = load_summaries("shao2021", OBSERVED[arm]) if arm in OBSERVED else None
        for (reading, fit), style in zip(readings.items(), ("-", "-", "--"), strict=True):
            curve = expected_density(scenario, fit.parameters)
            axes.plot(DAYS[1:], curve, style, color=COLOUR[reading], label=reading)
            label = f"{reading}, {arm}: change of density on day 7"
            findings.append(Finding(label, float(curve[-1]), None, None, "%", None, "", "derived"))
        if table is not None:
            rows = table.isel(point=np.flatnonzero(table["quantity"].values == "density_change"))
            rows = rows.isel(point=np.flatnonzero(rows["end_day"].values <= 7))
            axes.errorbar(rows["end_day"], 100 * rows["mean"], 100 * rows["sem_mouse"], fmt="ko", markersize=4)
        axes.set(title=arm, xlabel="day")
    grid[0, 0].set_ylabel("spine density, change (%)")
    grid[0, 2].legend(loc="upper left")
    rise = readings["membrane 5-HT2A"].objective - readings["intracellular 5-HT2A"].objective
    reason = f"-2 log posterior of the membrane reading is {rise:+.1f} against the intracellular one"
    return Outcome("not identifiable", reason, tuple(findings), ("the block by ketanserin",), figure)
