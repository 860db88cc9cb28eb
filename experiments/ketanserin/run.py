"""Which readings of psilocybin's mechanism survive the ketanserin arms, and what would the knock-out show.

python experiments/ketanserin/run.py [--out FOLDER]
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import synmodel
from synmodel import simulation, turnover
from synmodel.data.summaries import baseline_density, load_summaries
from synmodel.inference.variants import fit_mechanism

ARMS = {
    "psilocybin": "psilocybin-mouse",
    "after ketanserin": "psilocybin-mouse-ketanserin",
    "5-HT2A knock-out": "psilocybin-mouse-knockout",
}
OBSERVED = {"psilocybin": "psilocybin", "after ketanserin": "ketanserin+psilocybin"}
DAYS = np.array([-3.0, *np.arange(-1, 7.1, 0.25)])


def expected_density(name: str, parameters: synmodel.ParameterSet) -> np.ndarray:
    """Expected change of density [%] on DAYS after the first."""
    scenario = synmodel.load_scenario(name)
    tissue = simulation.tissue_of(scenario.baseline, parameters.as_floats())
    steps = turnover.propagate(tissue.model, DAYS, synmodel.drive_of(scenario, parameters))
    density = baseline_density("shao2021", "psilocybin")
    return 100 * simulation.expect(tissue, DAYS, steps, density, 11.0).density_change


def main(out: Path) -> None:
    """Fit the readings, print how they fare, and draw their predictions."""
    out.mkdir(parents=True, exist_ok=True)
    readings = fit_mechanism(synmodel.fit_summaries(seed=1), seed=1)
    figure, panels = plt.subplots(1, 3, figsize=(9.6, 3.2), sharey=True, layout="constrained")
    for axes, (arm, scenario) in zip(panels, ARMS.items(), strict=True):
        for (reading, fit), style in zip(readings.items(), ("-", "-", "--"), strict=True):
            colour = {"membrane 5-HT2A": "#D55E00", "intracellular 5-HT2A": "#0072B2", "TrkB": "#009E73"}[reading]
            curve = expected_density(scenario, fit.parameters)
            axes.plot(DAYS[1:], curve, style, color=colour, label=reading)
            print(f"{arm:18s} {reading:22s} density on day 7: {curve[-1]:+.1f} %")
        if arm in OBSERVED:
            table = load_summaries("shao2021", OBSERVED[arm])
            rows = table.isel(point=np.flatnonzero(table["quantity"].values == "density_change"))
            rows = rows.isel(point=np.flatnonzero(rows["end_day"].values <= 7))
            axes.errorbar(rows["end_day"], 100 * rows["mean"], 100 * rows["sem_mouse"], fmt="ko", markersize=4)
        axes.set(title=arm, xlabel="day")
    panels[0].set_ylabel("spine density, change (%)")
    panels[2].legend(frameon=False, loc="upper left")
    figure.savefig(out / "ketanserin.png", dpi=150)
    for reading, fit in readings.items():
        print(f"{reading:22s} -2 log posterior {fit.objective:.1f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("synmodel-ketanserin"))
    main(parser.parse_args().out)
