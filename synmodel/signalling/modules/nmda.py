"""NMDA-receptor blockade: disinhibition against direct block, an inverted U in dose.

::

    g = E b_I (1 - b_P) - D b_P      glutamate: interneurons fall silent, pyramidal cells are blocked
    r = b_P                          block at rest, which releases BDNF translation (eEF2K)
    d = E_d b_I                      dopamine D1 tone, needed for early evoked spinogenesis

``D/E`` is set so that glutamate does not rise at 50 mg/kg, rises at 10 to 30 and falls at 200, as by
microdialysis in rat prefrontal cortex.

References
----------
Moghaddam et al. 1997, J Neurosci 17:2921. Autry et al. 2011, Nature 475:91. Wu et al. 2021, Biol Psychiatry
(PMC8740507).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from synmodel.signalling.signals import Array, Signals

__all__ = ["MODULE", "NmdaBlockade"]


@dataclass(frozen=True)
class NmdaBlockade:
    """Gains of disinhibition (E), direct block (D) and D1 tone (E_d).

    Equation and evidence: :doc:`/model/signalling`.
    """

    disinhibition_gain: float
    direct_block_gain: float
    d1_gain: float

    prefix: ClassVar[str] = "nmda"
    inputs: ClassVar[tuple[str, ...]] = ("nmda_block_interneuron", "nmda_block_pyramidal")

    def signals(self, exposure: Mapping[str, Array]) -> Signals:
        """Signals of blocked fractions in [0, 1]."""
        interneuron = exposure["nmda_block_interneuron"]
        pyramidal = exposure["nmda_block_pyramidal"]
        glutamate = self.disinhibition_gain * interneuron * (1.0 - pyramidal) - self.direct_block_gain * pyramidal
        return Signals(
            glutamate=glutamate,
            resting_block=pyramidal,
            d1_tone=self.d1_gain * interneuron,
            trkb_gain=np.zeros_like(glutamate),
        )


MODULE = NmdaBlockade
