"""Names of models for single dendrites: terms joined by ``+`` that say which mechanisms a fit may use.

=============== =======================================================================================
``births``      the drug changes births of spines
``maturation``  it changes the hazard by which nascent spines become mature
``elimination`` it changes all loss hazards
``arms``        arms differ by constant factors of births and losses before any drug
``ketanserin``  ketanserin blocks a share of the effects, to be estimated; without it, none
``blocked``     ketanserin blocks all effects
``alike``       all drugs have one and the same effect
``transient``   a third class of short-lived spines, which also stands for false detections
``none``        no effect of any drug
=============== =======================================================================================
"""

from dataclasses import dataclass

from synmodel.errors import FitError, did_you_mean

__all__ = ["EFFECTS", "SWITCHES", "TERMS", "Terms", "read_terms"]

EFFECTS = {"births": "formation_fold", "maturation": "maturation_fold", "elimination": "elimination_fold"}
"""Term -> key of the drug's parameter that it frees."""

SWITCHES = ("arms", "ketanserin", "blocked", "alike", "transient")
"""Terms that are no effects."""

TERMS = (*EFFECTS, *SWITCHES, "none")


@dataclass(frozen=True)
class Terms:
    """What a model for single dendrites may use."""

    effects: tuple[str, ...]
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
    >>> read_terms("transient + births").name
    'births+transient'
    """
    given = [term.strip() for term in model.split("+")]
    for term in given:
        if term not in TERMS:
            message = f"model is {model!r}; {term!r} is no term: {did_you_mean(term, TERMS)}"
            raise FitError(message)
    effects = tuple(term for term in EFFECTS if term in given)
    if len(set(given)) < len(given) or ("none" in given and effects) or not (effects or "none" in given):
        message = (
            f"model is {model!r}; give each term once, and one or more of {', '.join(EFFECTS)}, or none: "
            "for instance births+elimination+transient"
        )
        raise FitError(message)
    return Terms(effects, *(term in given for term in SWITCHES))
