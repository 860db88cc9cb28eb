"""The table that compares ketamine with psilocybin: every cell from the fitted model, with its interval."""

import textwrap

from synmodel.experiments import Finding, Outcome
from synmodel.report.experiments import draw_findings
from synmodel.report.figures import COLOURS, panels
from synmodel.workflows import compare_drugs

COLOUR = {
    "supported": "#009E73",
    "supported in part": "#B8860B",
    "not identifiable": "#6b6b6b",
    "contradicted": "#CC0000",
}
ASSUMED = (
    "each drug is compared with its control within its own study: mice, scoring and baseline differ between the two",
    "one cascade for both drugs, fitted to four studies; ketamine after day 15 is extrapolated",
    "targets: kinetics in mouse are assumed or secondary; that ketamine acts through NMDA receptors is not tested",
    "lasting is to keep more than half of the peak",
)


def run(*, short, seed, progress=None):
    """Fit four studies, compute the contrasts, and judge the wording of each cell by them."""
    cells = compare_drugs(seed=seed, draws=100 if short else 500, progress=progress).claims
    figure, grid = panels(4, 2, size=(11.0, 9.0), height_ratios=(3, 2, 3, 4))
    figure.align_ylabels(grid[:, 0])
    findings = []
    for place, (axes, cell) in enumerate(zip(grid.ravel(), cells, strict=True)):
        here = [Finding.of(number) for number in cell.numbers]
        draw_findings(axes, here, [COLOURS[cell.drug]] * len(here))
        labels = [f"{number.long_name} [{number.unit}]".replace("day -", "day −") for number in cell.numbers]
        axes.set_yticks(range(len(here)), [textwrap.fill(label, 44) for label in labels], fontsize=7)
        axes.set_title(f"{cell.drug}: “{cell.wording}”\n{cell.support}", fontsize=8, color=COLOUR[cell.support])
        axes.set_ylabel("" if place % 2 else cell.feature, fontweight="bold")
        where, note = f"{cell.drug}, {cell.feature}", f"{cell.support}, “{cell.wording}”: {cell.reason}"
        findings += [Finding.of(number, f"{where}: {number.long_name}", note) for number in cell.numbers]
    said = {word: [f"{cell.drug}: {cell.feature}" for cell in cells if cell.support == word] for word in COLOUR}
    all_supported = len(said["supported"]) == len(cells)
    verdict = "contradicted" if said["contradicted"] else "reproduced" if all_supported else "not identifiable"
    parts = [f"{len(names)} of {len(cells)} cells {word} ({', '.join(names)})" for word, names in said.items() if names]
    return Outcome(verdict, "; ".join(parts), tuple(findings), ASSUMED, figure)
