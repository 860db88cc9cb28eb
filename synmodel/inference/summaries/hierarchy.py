"""What a joint model adds to the parameters of the library: factors of arms and of studies, and their spreads.

Each is a number of standard deviations, so that a spread of 0 is no difference and needs no special case::

    STUDY.formation_of.ARM, STUDY.elimination_of.ARM    of every arm but the study's control, before any drug
    STUDY.effect_on.EFFECT                              of every effect of the drugs, and of how long it lasts

    spread.arms          standard deviation of the logarithm of formation and of elimination between arms of a study
    spread.EFFECT        of an effect of the drugs between studies

Studies differ in size and duration. Wide spines last for weeks in one study and for months in another, formation
returns within a day or within several: with durations of their own the evidence is e^3 higher. That of elimination has
none, as the data ask for none (docs/fit.md).
"""

import math
from collections.abc import Mapping, Sequence

from synmodel.data import load_study
from synmodel.data.studies import Study
from synmodel.library.parameters import Parameter, ParameterSet, Prior

__all__ = [
    "BASELINE",
    "EFFECTS",
    "SCALED",
    "SPREADS",
    "arm_factors",
    "baseline_names",
    "effect_factor",
    "joined",
    "own_names",
]

BASELINE = ("formation", "loss_nascent", "maturation", "loss_mature", "miss", "nascent_excess", "formation_trend")
"""Keys of the parameters of a study's turnover and scoring that a fit frees."""

SCALED = {
    "formation": ("cascade.formation_gain", "cascade.formation_max"),
    "elimination": ("cascade.stabilisation_gain", "cascade.stabilisation_max"),
    "head_size": ("cascade.head_size_gain", "cascade.head_size_max"),
    "formation_duration": ("cascade.tau_formation",),
    "head_size_duration": ("cascade.tau_head_size",),
}
"""What differs between studies -> what of the slow drive it multiplies.

With its gain and its largest value the drive itself is multiplied, whether it saturates or not."""

EFFECTS = tuple(SCALED)
"""What differs between studies."""

SPREADS = ("spread.arms", *(f"spread.{effect}" for effect in EFFECTS))
ARMS = SPREADS[0]
_REACH = 5.0


def baseline_names(study: str) -> list[str]:
    """Names of the parameters of a study's turnover and scoring."""
    return [f"{study}.{key}" for key in BASELINE]


def own_names(study: Study) -> list[str]:
    """Names of what an arm or a study has of its own, in standard deviations."""
    arms = [f"{study.name}.{key}_of.{arm}" for arm in _others(study) for key in ("formation", "elimination")]
    return [*arms, *(f"{study.name}.effect_on.{effect}" for effect in EFFECTS)]


def _others(study: Study) -> list[str]:
    return [arm.name for arm in study.arms if arm.name != study.control]


def joined(parameters: ParameterSet, studies: Sequence[str | Study]) -> ParameterSet:
    """The parameters with those of arms and studies beside them, 0 unless they are there already."""
    known = [load_study(study) if isinstance(study, str) else study for study in studies]
    added = [
        Parameter(name, 0.0, "1", -_REACH, _REACH, "linear", _in_words(name), "derived",
                  "joint fit of the published group summaries", prior=Prior(0.0, 1.0))
        for study in known for name in own_names(study) if name not in parameters
    ]  # fmt: skip
    return parameters.joined(ParameterSet(added))


def _in_words(name: str) -> str:
    _, _, key = name.partition(".")
    what, _, of = key.partition(".")
    if what == "effect_on":
        return f"effect of drugs on {of.replace('_', ' ')} in this study, in standard deviations between studies"
    return f"{what.removesuffix('_of')} of arm {of} before any drug, in standard deviations between arms"


def arm_factors(study: Study, arm: str, values: Mapping[str, float]) -> tuple[float, float]:
    """Factors of the formation and of the elimination of an arm, over those of its study."""
    deviations = (values.get(f"{study.name}.{key}_of.{arm}", 0.0) for key in ("formation", "elimination"))
    formation, elimination = (math.exp(values[ARMS] * z) if z else 1.0 for z in deviations)
    return formation, elimination


def effect_factor(study: str, effect: str, values: Mapping[str, float]) -> float:
    """Factor of an effect of the drugs in a study, over that in the typical study."""
    deviation = values.get(f"{study}.effect_on.{effect}", 0.0)
    return math.exp(values[f"spread.{effect}"] * deviation) if deviation else 1.0
