"""Open targets: receptors that the library of the package does not have, and what they do to the cascade.

A target is a data file (``targets/NAME.toml``) that says to which signals of the cascade its activation or its block
adds; compounds name it under ``[targets."NAME"]``. No code is touched. Each effect adds to a signal::

    signal  <-  signal + s G a        s = +1 (raises) or -1 (lowers), a the activated (or blocked) share of receptors

with a gain G that is a parameter, ``target.NAME_activation_glutamate``, with a log-normal prior. One unit of glutamate
is full disinhibition by ketamine, one of TrkB or mTORC1 all of it. No spine data inform a gain.
"""

from typing import Literal

from pydantic import model_validator

from synmodel import library
from synmodel.core.documents import Document, Evidence
from synmodel.core.plain import Json
from synmodel.library.drug_numbers import SPREADS

__all__ = ["SIGNALS", "Effect", "Target", "gain_tables", "load_target"]

PREFIX = "target"
"""Group of the parameters of gains."""

_FAR = 1e3

SIGNALS = {
    "glutamate": "the glutamate burst, in units of full disinhibition",
    "resting_block": "block of NMDA receptors at rest, which releases BDNF translation",
    "bdnf": "release of BDNF",
    "trkb_gain": "response of TrkB to BDNF",
    "trkb": "activity of TrkB, whatever BDNF does",
    "mtorc1": "activity of mTORC1, whatever TrkB does",
    "d1_tone": "dopamine D1 tone, which evoked spinogenesis needs",
}
"""Signal of the cascade -> what an effect adds to."""


class Effect(Document):
    """What the activation, or the block, of a target adds to one signal."""

    of: Literal["activation", "block"] = "activation"
    on: Literal["glutamate", "resting_block", "bdnf", "trkb_gain", "trkb", "mtorc1", "d1_tone"]
    direction: Literal["raises", "lowers"]
    gain: Evidence

    @model_validator(mode="after")
    def _positive(self) -> "Effect":
        if self.gain.unit != "1" or self.gain.value <= 0:
            message = (
                f"gain is {self.gain.value:g} {self.gain.unit}; it is a pure number above 0 (unit 1), and direction "
                "says its sign"
            )
            raise ValueError(message)
        return self

    @property
    def sign(self) -> float:
        """1 or -1."""
        return 1.0 if self.direction == "raises" else -1.0

    @property
    def key(self) -> str:
        """Cause and signal, as in the name of its gain."""
        return f"{self.of}_{self.on}"


class Target(Document):
    """One entry of the library of targets."""

    shelf = "targets"

    name: str
    title: str
    notes: str = ""
    effects: tuple[Effect, ...] = ()

    @model_validator(mode="after")
    def _each_once(self) -> "Target":
        if self.name in BUILT_IN:
            message = f"{self.name} is a receptor of the package; {BUILT_IN[self.name]}"
            raise ValueError(message)
        keys = [effect.key for effect in self.effects]
        for effect in self.effects:
            if keys.count(effect.key) > 1:
                message = f"two effects of {effect.of} on {effect.on}; give one gain for both"
                raise ValueError(message)
        return self

    def gain_name(self, effect: Effect) -> str:
        """Name of the parameter of an effect's gain."""
        return f"{PREFIX}.{self.name}_{effect.key}"


BUILT_IN = {
    "5-HT2A": "give targets.agonist_5ht2a_ec50 (and agonist_5ht2a_maximum), or antagonist_5ht2a_kb",
    "NMDA": "give targets.nmda_ic50_interneuron and nmda_ic50_pyramidal",
}
"""Receptors that have keys of their own in a compound's file -> what to give."""


@library.cached
def load_target(name: str) -> Target:
    """A target of the library by name; errors as of :func:`synmodel.library.read_entry`."""
    return library.read_entry("targets", name, Target)


def gain_tables() -> dict[str, dict[str, Json]]:
    """Gains of all targets, as a document of parameters: ``[target.NAME_activation_glutamate]``; empty without any."""
    tables: dict[str, Json] = {}
    for name in library.names("targets"):
        target = load_target(name)
        for effect in target.effects:
            gain = effect.gain
            tables[target.gain_name(effect).partition(".")[2]] = {
                "value": gain.value,
                "unit": "1",
                "lower": gain.value / _FAR,
                "upper": gain.value * _FAR,
                "scale": "log",
                "long_name": f"gain by which {effect.of} of {name} {effect.direction} {effect.on}",
                "status": gain.status,
                "source": gain.source,
                "why": gain.why,
                "prior": {
                    "centre": gain.value if gain.centre is None else gain.centre,
                    "spread": gain.spread or SPREADS[gain.status],
                },
            }
    return {PREFIX: tables} if tables else {}
