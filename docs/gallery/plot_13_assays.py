"""
The same drive in three other assays
====================================

What glutamate uncaging, a Western blot and a PET scan would report of one dose of ketamine. Points are means of
simulated assays, bars hold 95 % of them, dotted is the day before the dose. Uncaging sees the first hours, a blot the
first days, PET the density that follows. A published PET study of people saw no mean rise after 24 hours, which
contradicts the model there.
"""

from synmodel.report.style import COLOURS, panels, style
from synmodel.simulation import assays

hours, size = [1, 2, 4, 8, 12, 24, 36, 48], {"replicates": 400, "seed": 1}
mouse, man = "ketamine-mouse-single", "ketamine-human-infusion"
uncaged = assays.uncage(mouse, hours=[-24, *hours], animals=6, neurons=4, trials=5, **size)["success"]
blots = assays.blot(mouse, hours=[-24, *hours], animals=6, blots=2, **size)["signal"].sel(protein="PSD-95")
scans = assays.scan(man, hours=[-24, *hours], subjects=12, **size)["volume"].swap_dims(scan="time")
shown = {
    "Uncaging: new spines\n(% of trials)": uncaged.mean(("animal", "neuron", "trial")),
    "PSD-95 in a blot\n(% of the day before)": blots.mean(("animal", "blot")),
    "SV2A in a PET scan\n(% of the day before)": scans.mean(("subject", "region")),
}
with style():
    figure, axes = panels(1, 3, size=(7.4, 2.8))
    for each, (title, values) in zip(axes[0], shown.items(), strict=True):
        seen = 100 * (values if "trials" in title else values / values.isel(time=0))
        low, high = seen.isel(time=slice(1, None)).quantile([0.025, 0.975], "replicate")
        each.vlines(hours, low, high, color=COLOURS["ketamine"], linewidth=2, alpha=0.5)
        each.plot(hours, seen.mean("replicate")[1:], "o", color=COLOURS["ketamine"])
        each.axhline(seen.mean("replicate")[0], color="#999999", linestyle=":", linewidth=1)
        each.set(title=title, xlabel="hours after the dose")
