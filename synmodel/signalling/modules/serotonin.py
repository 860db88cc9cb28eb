"""5-HT2A agonism, at the membrane or inside the cell, and the disputed direct potentiation of TrkB.

::

    g = E_S o + E_I o_in     glutamate-like drive by 5-HT2A agonism at the membrane (o) and inside the cell (o_in)
    q = E_T c                gain of TrkB by the bound fraction c

Three readings of what makes spines grow. *Membrane 5-HT2A*: ketanserin must block growth, as it blocks head
twitches. *Intracellular 5-HT2A*, which ketanserin is taken not to reach: growth survives ketanserin and fails in
the knock-out. *TrkB*: growth survives both. A gain of 0 takes a reading out; a fit may free them.

References
----------
Shao et al. 2021, doi:10.1016/j.neuron.2021.06.008 (growth after ketanserin). Vargas et al. 2023, Science
(intracellular receptors; secondary source). Moliner et al. 2023, doi:10.1038/s41593-023-01316-5 (TrkB).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from synmodel.signalling.signals import Array, Signals

__all__ = ["MODULE", "SerotoninAgonism"]


@dataclass(frozen=True)
class SerotoninAgonism:
    """Gains of 5-HT2A agonism at the membrane (E_S) and inside the cell (E_I), and of TrkB potentiation (E_T).

    Equation and evidence: :doc:`/model/signalling`.
    """

    agonism_gain: float
    intracellular_gain: float
    trkb_gain: float

    prefix: ClassVar[str] = "serotonin"
    inputs: ClassVar[tuple[str, ...]] = ("agonism_5ht2a", "agonism_5ht2a_intracellular", "trkb_bound")

    def signals(self, exposure: Mapping[str, Array]) -> Signals:
        """Signals of bound fractions in [0, 1]."""
        agonism = exposure["agonism_5ht2a"]
        nothing = np.zeros_like(agonism)
        return Signals(
            glutamate=self.agonism_gain * agonism + self.intracellular_gain * exposure["agonism_5ht2a_intracellular"],
            resting_block=nothing,
            d1_tone=nothing,
            trkb_gain=self.trkb_gain * exposure["trkb_bound"],
        )


MODULE = SerotoninAgonism
