"""Conditions: genotypes, stress states and treatments as factors on named arrows of the model.

A condition is a data file of the library (``conditions/NAME.toml``) that says which arrows it scales and which
signals it adds to; adding one touches no code. Its factors are interpolated by a strength s in [0, 1]::

    arrow  <-  arrow * (1 + s (factor - 1))          signal  <-  signal + s add

so a strength of 0, a factor of 1 and an addition of 0 change no bit. Factors of several conditions multiply.
"""

from collections.abc import Mapping
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, Field, PlainSerializer, model_validator

from synmodel import library
from synmodel.core.documents import Document, Evidence, FrozenMapping, entry_fault
from synmodel.core.errors import did_you_mean
from synmodel.core.renamed import with_present_words

__all__ = ["ADDED_SIGNALS", "ARROWS", "Condition", "condition_names", "load_condition"]

Kind = Literal["genotype", "stress", "treatment"]

_SLOW = {
    "protein": "synaptic proteins",
    "formation": "the slow drive of formation",
    "maturation": "the slow drive of maturation",
    "stabilisation": "the slow drive of stabilisation",
    "head_size": "the slow drive of head size",
}

ARROWS = {
    "5ht2a": "agonist-bound 5-HT2A receptors (by genotype alone)",
    "glutamate": "drug -> glutamate",
    "bdnf": "glutamate and block at rest -> BDNF",
    "trkb": "BDNF -> TrkB",
    "mtorc1": "TrkB -> mTORC1",
    "d1": "D1 tone -> evoked spinogenesis",
    **{name: f"mTORC1 -> {what}" for name, what in _SLOW.items()},
    **{f"{name}_decay": f"decay of {what}" for name, what in _SLOW.items()},
    "formation_rate": "formation of spines, with or without drug",
    "maturation_hazard": "hazard to mature, with or without drug",
    "elimination_hazard": "elimination hazard of all spines, with or without drug",
    "evoked": "hazard of glutamate-evoked spinogenesis, with or without drug",
}
"""Arrow -> what a factor on it scales."""

ADDED_SIGNALS = ("glutamate", "resting_block", "d1_tone", "trkb_gain")
"""Signals of the cascade to which a condition may add."""


def _arrows(given: Mapping[str, Evidence]) -> FrozenMapping[str, Evidence]:
    given = with_present_words("arrow", given)
    for name, evidence in given.items():
        if name not in ARROWS:
            raise entry_fault(name, f"is not known; {did_you_mean(name, ARROWS)}")
        least = "above 0" if name.endswith("_decay") else "0 or more"
        if evidence.value < 0 or (evidence.value == 0 and name.endswith("_decay")):
            raise entry_fault(name, f"is {evidence.value:g}; a factor on it is {least}")
    return FrozenMapping(given)


def _signals(given: Mapping[str, Evidence]) -> FrozenMapping[str, Evidence]:
    for name in given:
        if name not in ADDED_SIGNALS:
            raise entry_fault(name, f"is not known; {did_you_mean(name, ADDED_SIGNALS)}")
    return FrozenMapping(given)


def _as_dict(given: Mapping[str, Evidence]) -> dict[str, Evidence]:
    return dict(given)


_Named = PlainSerializer(_as_dict)


class Condition(Document):
    """One entry of the library of conditions."""

    shelf = "conditions"

    name: str
    title: str
    kind: Kind
    notes: str = ""
    factors: Annotated[Mapping[str, Evidence], AfterValidator(_arrows), _Named] = Field(default=FrozenMapping({}))
    adds: Annotated[Mapping[str, Evidence], AfterValidator(_signals), _Named] = Field(default=FrozenMapping({}))

    @model_validator(mode="after")
    def _does_something(self) -> "Condition":
        if not self.factors and not self.adds:
            message = "it has neither [factors] nor [adds]; name at least one arrow or signal"
            raise ValueError(message)
        if "5ht2a" in self.factors and self.kind != "genotype":
            message = "a factor on 5ht2a is for a genotype; give an antagonist as a dose"
            raise ValueError(message)
        return self

    def factor(self, arrow: str, strength: float = 1.0) -> float:
        """Factor on an arrow at a strength; exactly 1 for an arrow that is not named and for strength 0."""
        return 1.0 + strength * (self.factors[arrow].value - 1.0) if arrow in self.factors else 1.0

    def added(self, signal: str, strength: float = 1.0) -> float:
        """What is added to a signal at a strength."""
        return strength * self.adds[signal].value if signal in self.adds else 0.0


@library.cached
def load_condition(name: str) -> Condition:
    """A condition of the library by name; errors as of :func:`synmodel.library.read_entry`."""
    return library.read_entry("conditions", name, Condition)


def condition_names(*kinds: str) -> list[str]:
    """Names of the conditions of some kinds (all without any), sorted."""
    wanted: tuple[str, ...] = kinds or get_args(Kind)
    return list(_of_kinds(wanted, tuple(library.names("conditions"))))


@library.cached
def _of_kinds(wanted: tuple[str, ...], names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in names if load_condition(name).kind in wanted)
