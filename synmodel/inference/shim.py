
import numpy as np
from synmodel.pharmacology.exposure import _after, _relative, _maximum
from synmodel.pharmacology.binding import *
from synmodel.pharmacology.compounds import load_compound
def exposure_parameters(doses, subject): return ("nmda.hill","nmda.unblock_half_life")
def kinetic_parameters(doses, subject): return ()
def concentrations(doses, subject, times, values):
    plasma={}
    for i,d in enumerate(doses):
        if load_compound(d.compound).kind=="vehicle": continue
        for n,c in _after(d,i,subject,times).items(): plasma[n]=plasma.get(n,0)+c
    return plasma
def engagement(plasma, subject, values, times):
    names=sorted(plasma); compounds={n:load_compound(n) for n in names}
    free={n:plasma[n]*compounds[n].kinetics[subject.species].fraction_unbound.to("1")*compounds[n].kinetics[subject.species].kp_uu.to("1") for n in names}
    block={c:trapped_block(times,_relative(free,compounds,f"nmda_ic50_{c}",times),values["nmda.hill"],values["nmda.unblock_half_life"]) for c in ("interneuron","pyramidal")}
    ag=_relative(free,compounds,"agonist_5ht2a_ec50",times)
    if "ketanserin.antagonist_5ht2a_kb" in values and "ketanserin" in free:
        an=free["ketanserin"]/values["ketanserin.antagonist_5ht2a_kb"]
    else: an=_relative(free,compounds,"antagonist_5ht2a_kb",times)
    most=_maximum(free,compounds,times)*subject.factor("5ht2a")
    return {"nmda_block_interneuron":block["interneuron"],"nmda_block_pyramidal":block["pyramidal"],"agonism_5ht2a":most*gaddum(ag,an),"agonism_5ht2a_intracellular":most*gaddum(ag,0*ag),"trkb_bound":channel_block(_relative(free,compounds,"trkb_kd",times),1.0)}
