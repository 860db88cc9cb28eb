"""
What drives the spines: a mechanism or a pulse
==============================================

The *drive* is what a dose does to the rates of turnover, as factors of their drug-free values. It follows from a
mechanism, or is stated as a pulse with an onset, a height and a decay. Both have been fitted to the same studies.
"""

import synmodel
from synmodel.report.style import COLOURS, GREY, panels, style

plan = synmodel.load_scenario("psilocybin-mouse")
drives = {
    "mechanism": (synmodel.drive_of(plan), COLOURS["psilocybin"], "-"),
    "pulse": (synmodel.drive_of(plan.updated(drive="phenomenological")), GREY, "--"),
}
titles = {"formation": "Formation", "elimination": "Elimination"}
with style():
    figure, axes = panels(1, 2, size=(7.4, 2.9))
    for each, (name, title) in zip(axes[0], titles.items(), strict=True):
        for label, (drive, colour, line) in drives.items():
            each.plot(drive["time"], drive[name], line, color=colour, label=label, drawstyle="steps-post")
        each.axhline(1, color="#cccccc", linewidth=0.8, zorder=0)
        each.set(title=title, xlabel="day (dose on day 0)", ylabel="fold of the drug-free rate", xlim=(-3, 34))
    axes[0, 0].set_ylim(0)
    axes[0, 1].set_ylim(0, 1.1)
    axes[0, 0].legend()
