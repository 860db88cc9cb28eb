r"""Open targets: what the activation or block of receptors of one's own adds to the cascade.

::

    signal_k = sum over targets R and effects e of R on k:  s_e G_e a_R       (a_R activation or block, in [0, 1])

Signs and signals are those of the targets' files, gains are parameters (:mod:`synmodel.library.targets`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from synmodel.library.targets import PREFIX, load_target
from synmodel.signalling.signals import Array, Signals

__all__ = ["MODULE", "OpenTargets"]


@dataclass(frozen=True)
class OpenTargets:
    """Gains of all open targets, by name of the parameter."""

    gains: Mapping[str, float]

    prefix: ClassVar[str] = PREFIX
    inputs: ClassVar[tuple[str, ...]] = ("target", "target_activation", "target_block")

    @classmethod
    def read(cls, values: Mapping[str, float]) -> Self:
        """The module with the gains among the parameter values."""
        return cls(values)

    def signals(self, exposure: Mapping[str, Any]) -> Signals:
        """Signals of activated and blocked shares in [0, 1], (n_time, n_target), of the targets by name (n_target,)."""
        sent: dict[str, Array] = {}
        n_time = len(exposure["target_activation"])
        for column, name in enumerate(map(str, exposure["target"])):
            target = load_target(name)
            for effect in target.effects:
                share = exposure[f"target_{effect.of}"][:, column]
                added = effect.sign * self.gains[target.gain_name(effect)] * share
                sent[effect.on] = sent.get(effect.on, np.zeros(n_time)) + added
        return Signals.none(n_time).with_added(sent)


MODULE = OpenTargets
