r"""What differs between the subjects of a scenario: parameters of drugs, log-normal around the value of the median one.

A subject's deviations z are standard normal, one for each quantity and compound, and multiply parameters::

    clearance    CL exp(s z_CL)
    volume       V exp(s z_V), and the peripheral volume by the same factor
    half-life    t exp(s z_V - s z_CL), of a compound whose elimination is given as one: t = ln 2 V / CL
    potency      half-engagement concentrations of all targets exp(-s z_P)
    a parameter  value exp(s z)

A parameter that is named itself has its own z and no other. Values are kept within the support of their parameter. A
draw is a function of (seed, quantity, replicate, animal): two scenarios with one seed have the same subjects, whatever
else they differ in. Formation differs between animals too, by ``STUDY.formation_cv_animal``
(:mod:`synmodel.turnover.heterogeneity`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synmodel.core.randomness import stream_key, uniform_array
from synmodel.library.parameters import ParameterSet
from synmodel.pharmacology import exposure_parameters
from synmodel.scenario import Scenario

__all__ = ["Term", "between_subjects", "deviations", "subject_of", "subjects_at", "terms_of"]

Array = NDArray[np.float64]
_KINETICS = {
    "clearance": (("clearance", 1.0),),
    "volume": (("volume", 1.0),),
    "peripheral_volume": (("volume", 1.0),),
    "half_life": (("volume", 1.0), ("clearance", -1.0)),
}
_ENGAGEMENT = ("_ic50_interneuron", "_ic50_pyramidal", "_ec50", "_kb", "_kd")


@dataclass(frozen=True)
class Term:
    """One deviation in the logarithm of a parameter: ``factor`` times the z of ``quantity``."""

    parameter: str
    quantity: str
    factor: float


def terms_of(plan: Scenario) -> tuple[Term, ...]:
    """What the table ``[variability]`` does to the parameters of a scenario; nothing where its spreads are 0."""
    spreads = {name: spread.log_sd for name, spread in plan.variability.items() if spread.log_sd > 0}
    terms = [Term(name, name, sd) for name, sd in spreads.items() if "." in name]
    general = {name: sd for name, sd in spreads.items() if "." not in name}
    if not general:
        return tuple(terms)
    for name in dict.fromkeys(exposure_parameters(plan.regimen.doses, plan.subject)):
        if name in plan.variability:
            continue
        compound, _, key = name.partition(".")
        for quantity, sign in _general(key, plan.subject.species):
            if quantity in general:
                terms.append(Term(name, f"{quantity} of {compound}", sign * general[quantity]))
    return tuple(terms)


def _general(key: str, species: str) -> Sequence[tuple[str, float]]:
    """General quantities behind a number of a compound, with their signs."""
    if key.endswith(_ENGAGEMENT):
        return (("potency", -1.0),)
    return _KINETICS.get(key.removeprefix(f"{species}_"), ())


def deviations(quantity: str, seed: int, replicates: NDArray[np.int64], animals: int) -> Array:
    """(replicate, animal) standard normal deviations of subjects in one quantity."""
    from scipy.special import ndtri

    key = stream_key(seed, f"subject: {quantity}")
    z: Array = ndtri(uniform_array(key, np.asarray(replicates)[:, None], np.arange(animals)))
    return z


def subject_of(parameters: ParameterSet, terms: Sequence[Term], z: Mapping[str, float]) -> ParameterSet:
    """The parameters of a subject from those of the median one, and its deviations by quantity."""
    logs: dict[str, float] = {}
    for term in terms:
        logs[term.parameter] = logs.get(term.parameter, 0.0) + term.factor * z[term.quantity]
    values = {}
    for name, log in logs.items():
        each = parameters[name]
        values[name] = min(max(each.value * float(np.exp(log)), each.lower), each.upper)
    return parameters.replace(values)


def subjects_at(
    parameters: ParameterSet, terms: Sequence[Term], seed: int, replicates: NDArray[np.int64], animals: int
) -> list[list[ParameterSet]]:
    """The parameters of subjects, by replicate and animal; ``parameters`` are those of the median one."""
    z = {name: deviations(name, seed, replicates, animals).tolist() for name in {term.quantity for term in terms}}
    return [
        [subject_of(parameters, terms, {name: each[r][a] for name, each in z.items()}) for a in range(animals)]
        for r in range(len(replicates))
    ]


def between_subjects(plan: Scenario, parameters: ParameterSet) -> str:
    """What differs between the subjects of a scenario, in one line."""
    quantities: dict[str, list[str]] = {}
    for term in terms_of(plan):
        general, _, compound = term.quantity.partition(" of ")
        compounds = quantities.setdefault(general, [])
        if compound and compound not in compounds:
            compounds.append(compound)
    parts = []
    for name, compounds in quantities.items():
        spread = plan.variability[name]
        what = f"{name} of {', '.join(compounds)}" if compounds else name
        parts.append(f"{what} (log sd {spread.log_sd:g}, {spread.status})")
    cv = parameters.value(f"{plan.baseline}.formation_cv_animal")
    if cv > 0:
        parts.append(f"formation (cv {cv:.2g}, {plan.baseline})")
    return f"Between subjects differ: {'; '.join(parts)}" if parts else "Between subjects nothing differs but chance"
