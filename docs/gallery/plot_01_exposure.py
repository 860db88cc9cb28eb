"""
A dose in the brain
===================

Free drug is gone within hours. Each drug engages receptors of its own: ketamine blocks NMDA receptors of interneurons
more than those of pyramidal cells, and psilocin, which psilocybin becomes, activates 5-HT2A receptors.
"""

import numpy as np

from synmodel.pharmacology import exposure
from synmodel.report.style import COLOURS, panels, style
from synmodel.scenario import Dose, Subject

hours, mouse = np.linspace(0, 6, 361), Subject(species="mouse")
ketamine = exposure([Dose(compound="ketamine", amount=10, route="i.p.")], mouse, hours / 24)
psilocybin = exposure([Dose(compound="psilocybin", amount=1, route="i.p.")], mouse, hours / 24)
orange, blue = COLOURS["ketamine"], COLOURS["psilocybin"]
with style():
    figure, ((left, right),) = panels(1, 2, size=(7.4, 2.9))
    left.plot(hours, ketamine["free_concentration"].sel(compound="ketamine"), color=orange, label="ketamine (10 mg/kg)")
    left.plot(hours, psilocybin["free_concentration"].sel(compound="psilocin"), color=blue, label="psilocin (1 mg/kg)")
    left.set(title="Free in the brain", ylabel="concentration (nM)", yscale="log", ylim=(1, 1e4))
    right.plot(hours, 100 * ketamine["nmda_block_interneuron"], color=orange, label="NMDA block, interneurons")
    right.plot(hours, 100 * ketamine["nmda_block_pyramidal"], "--", color=orange, label="NMDA block, pyramidal cells")
    right.plot(hours, 100 * psilocybin["agonism_5ht2a"], color=blue, label="5-HT2A activation")
    right.set(title="Receptors", ylabel="engaged (%)", ylim=(0, 100))
    for axes in (left, right):
        axes.set_xlabel("hours after the dose")
        axes.legend()
