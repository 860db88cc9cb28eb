"""Names of models for single dendrites: terms joined by ``+`` that say what a fit may use.

=============== =======================================================================================
``formation``   the drug changes the formation of spines
``maturation``  it changes the hazard by which nascent spines become mature
``elimination`` it changes all elimination hazards
``mechanism``   through concentration, receptors and one cascade for all drugs; without it, by a pulse for each drug
``studies``     the mechanism's effects differ between studies by a factor each
``decays``      each effect of a pulse has a decay of its own; without it, one decay
``arms``        arms differ by constant factors of formation and elimination before any drug
``ketanserin``  ketanserin, or a knock-out, blocks a share of a pulse's effects, to be estimated; without it, none
``blocked``     it blocks all effects of a pulse
``alike``       pulses of all drugs are one and the same
``transient``   a third class of short-lived spines, which also stands for false detections
``none``        no effect of any drug
=============== =======================================================================================

``births``, the old word for ``formation``, still works.
"""

from dataclasses import dataclass

from synmodel.core.errors import FitError, did_you_mean
from synmodel.core.renamed import present_word

__all__ = ["EFFECTS", "SWITCHES", "TERMS", "Terms", "read_terms"]

EFFECTS = {"formation": "formation_fold", "maturation": "maturation_fold", "elimination": "elimination_fold"}
"""Term -> key of the drug's parameter that it frees."""

SWITCHES = ("mechanism", "studies", "decays", "arms", "ketanserin", "blocked", "alike", "transient")
"""Terms that are no effects."""

_OF_PULSES = ("decays", "ketanserin", "blocked", "alike")

TERMS = (*EFFECTS, *SWITCHES, "none")


@dataclass(frozen=True)
class Terms:
    """What a model for single dendrites may use."""

    effects: tuple[str, ...]
    mechanism: bool
    studies: bool
    decays: bool
    arms: bool
    ketanserin: bool
    blocked: bool
    alike: bool
    transient: bool

    @property
    def name(self) -> str:
        """The terms in their usual order."""
        chosen = [*(self.effects or ("none",))]
        chosen += [term for term in SWITCHES if getattr(self, term)]
        return "+".join(chosen)


def read_terms(model: str) -> Terms:
    """The terms of a model's name.

    Raises
    ------
    FitError
        For an unknown term, one that is given twice, or ``none`` beside an effect.

    Examples
    --------
    >>> read_terms("transient + formation").name
    'formation+transient'
    """
    given = [present_word("term", term.strip()) for term in model.split("+")]
    for term in given:
        if term not in TERMS:
            message = f"model is {model!r}; {term!r} is no term: {did_you_mean(term, TERMS)}"
            raise FitError(message)
    effects = tuple(term for term in EFFECTS if term in given)
    if len(set(given)) < len(given) or ("none" in given and effects) or not (effects or "none" in given):
        message = (
            f"model is {model!r}; give each term once, and one or more of {', '.join(EFFECTS)}, or none: "
            "for instance formation+elimination+transient"
        )
        raise FitError(message)
    wrong = [term for term in _OF_PULSES if term in given]
    if "mechanism" in given and wrong:
        message = f"model is {model!r}; {wrong[0]} is a term of pulses: leave it, or mechanism, out"
        raise FitError(message)
    if "studies" in given and "mechanism" not in given:
        message = f"model is {model!r}; studies is a term of the mechanism: add mechanism, or leave it out"
        raise FitError(message)
    return Terms(effects, *(term in given for term in SWITCHES))
