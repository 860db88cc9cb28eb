"""The numbers of compounds as parameters: ``ketanserin.antagonist_5ht2a_kb``, ``ketamine.mouse_half_life``.

======================================================  ===================================================
in the compound's file                                  parameter
======================================================  ===================================================
``targets.KEY``                                         ``COMPOUND.KEY``
``targets.TARGET.KEY``                                  ``COMPOUND.TARGET_KEY``
``kinetics.SPECIES.KEY``                                ``COMPOUND.SPECIES_KEY``
``kinetics.SPECIES.absorption.ROUTE.KEY``               ``COMPOUND.SPECIES_ROUTE_KEY``, the route without dots
``kinetics.SPECIES.metabolites`` of a METABOLITE        ``COMPOUND.SPECIES_fraction_to_METABOLITE``
======================================================  ===================================================

Values are in canonical units. Each has a log-normal prior, around its value or, where the value is that of the joint
fit, around the ``centre`` that its source gives; the spread is that of the file, or by how the number is known: 0.2
where it was measured, 0.4 where it was derived, 0.7 where it is assumed.
"""

from collections.abc import Iterator, Mapping

from synmodel import library
from synmodel.core.documents import Evidence, read
from synmodel.core.errors import LibraryError, did_you_mean
from synmodel.core.plain import Json

__all__ = ["canonical", "chain_fault", "entries_of", "parameter_tables", "route_key", "routes_of", "with_priors"]

SPREADS = {"measured": 0.2, "derived": 0.4, "assumed": 0.7}
"""Log standard deviation of the prior of a number whose file gives none, by its status."""

_UNITS = {
    "half_life": ("day", "a time, such as min or hour"),
    "volume": ("L/kg", "a volume per body weight, such as L/kg"),
    "peripheral_volume": ("L/kg", "a volume per body weight, such as L/kg"),
    "clearance": ("L/day/kg", "a volume per time and body weight, such as L/hour/kg"),
    "exchange_clearance": ("L/day/kg", "a volume per time and body weight, such as L/hour/kg"),
    "nmda_ic50_interneuron": ("nM", "a concentration, such as nM, uM or ng/mL"),
    "nmda_ic50_pyramidal": ("nM", "a concentration, such as nM, uM or ng/mL"),
    "agonist_5ht2a_ec50": ("nM", "a concentration, such as nM, uM or ng/mL"),
    "antagonist_5ht2a_kb": ("nM", "a concentration, such as nM, uM or ng/mL"),
    "trkb_kd": ("nM", "a concentration, such as nM, uM or ng/mL"),
    "affinity": ("nM", "a concentration, such as nM, uM or ng/mL"),
}
"""Kind of number -> canonical unit, and what its unit must measure; all others are pure numbers."""
_PURE = ("1", "a pure number, unit 1")
_FRACTIONS = ("fraction_unbound", "bioavailability", "agonist_5ht2a_maximum", "fraction", "efficacy")
_FACTORS = {
    ("min", "day"): 1 / 1440,
    ("hour", "day"): 1 / 24,
    ("L/hour/kg", "L/day/kg"): 24.0,
    ("uM", "nM"): 1e3,
    ("ng/mL", "nM"): None,
    ("ng/mL", "ug/L"): 1.0000000000000002,  # as the library of units has it, to the last bit
}
"""Units in others, None where they measure something else: to load a library of units takes half a second."""
_WORDS = {
    "half_life": "half-life",
    "volume": "volume of distribution",
    "peripheral_volume": "volume of the second compartment",
    "clearance": "clearance",
    "exchange_clearance": "exchange with the second compartment",
    "fraction_unbound": "unbound fraction in plasma",
    "kp_uu": "unbound concentration in brain over that in plasma",
    "bioavailability": "bioavailability",
    "nmda_ic50_interneuron": "half block of NMDA receptors of interneurons",
    "nmda_ic50_pyramidal": "half block of NMDA receptors of pyramidal cells",
    "agonist_5ht2a_ec50": "half activation of 5-HT2A receptors",
    "agonist_5ht2a_maximum": "largest activation of 5-HT2A receptors",
    "antagonist_5ht2a_kb": "half block of 5-HT2A receptors",
    "trkb_kd": "half binding to TrkB",
    "affinity": "half engagement of {target}",
    "efficacy": "largest effect at {target}",
    "hill": "slope at {target}",
    "cooperativity": "factor on the affinity of agonists at {target}",
}
_FAR = 1e3

OPEN_NUMBERS = ("affinity", "efficacy", "hill", "cooperativity")
"""Numbers that a compound may have at an open target."""


def _is_open(target: Json) -> bool:
    """Whether an entry of a compound's targets is one of its own table, not one number."""
    return "value" not in target


def route_key(route: str) -> str:
    """A route as it stands in the name of a parameter: ``ip`` for ``i.p.``."""
    return route.replace(".", "").replace(" ", "_")


def _document(name: str) -> Json:
    """A compound as plain data; one of one's own is looked at, as nothing has validated it yet."""
    compound = library.document_of("compounds", name)
    if library.place_of("compounds", name) is not None and not _has_form(compound):
        message = (
            f"{library.where('compounds', name)} has not the form of a compound; `synmodel show ketamine` prints one"
        )
        raise LibraryError(message)
    return compound


def _has_form(compound: Json) -> bool:
    try:
        entries = [entry for _, _, entry in entries_of(compound)]
        kinetics = compound.get("kinetics", {}).values()
        names = [each["compound"] for of in kinetics for each in of.get("metabolites", ())]
    except (AttributeError, KeyError, TypeError):
        return False
    return all(isinstance(each, Mapping) for each in entries) and all(isinstance(each, str) for each in names)


@library.cached
def routes_of(name: str) -> tuple[str, ...]:
    """Routes by which a compound can be given, in any species: those of its file, and i.v.; none of a vehicle."""
    kinetics = _document(name).get("kinetics", {})
    absorbed = [route for of_species in kinetics.values() for route in of_species.get("absorption", {})]
    return ("i.v.", *dict.fromkeys(absorbed)) if kinetics else ()


def entries_of(compound: Json) -> Iterator[tuple[str, str, Json]]:
    """Key of the parameter, kind of number and evidence, of every number of a compound's file but its molar mass."""
    for key, entry in compound.get("targets", {}).items():
        if _is_open(entry):
            yield from ((f"{key}_{part}", part, entry[part]) for part in OPEN_NUMBERS if part in entry)
        else:
            yield key, key, entry
    for species, kinetics in compound.get("kinetics", {}).items():
        for key, entry in kinetics.items():
            if key == "absorption":
                for route, uptake in entry.items():
                    for part, evidence in uptake.items():
                        yield f"{species}_{route_key(route)}_{part}", part, evidence
            elif key == "metabolites":
                for metabolite in entry:
                    yield f"{species}_fraction_to_{metabolite['compound']}", "fraction", metabolite["fraction"]
            else:
                yield f"{species}_{key}", key, entry


def with_priors(compound: Json) -> Json:
    """A compound's document in which every number says its prior, in the unit in which it is given."""
    for _, _, entry in entries_of(compound):
        prior = {
            "centre": entry.get("centre", entry["value"]),
            "spread": entry.get("spread", SPREADS[entry["status"]]),
        }
        dict.update(entry, prior=prior)
    return compound


def parameter_tables() -> dict[str, dict[str, Json]]:
    """Tables of all compounds, as a document of parameters: ``[compound.key]`` with value, unit, support and prior."""
    document: dict[str, dict[str, Json]] = {}
    for name in library.names("compounds"):
        compound = _document(name)
        for key, kind, entry in entries_of(compound):
            evidence = read(Evidence, dict(entry), f"{library.where('compounds', name)}.{key}", LibraryError)
            document.setdefault(name, {})[key] = table_of(compound, key, kind, evidence)
    return document


def canonical(kind: str, evidence: Evidence, molar_mass: float | None) -> float:
    """Value of a number in its canonical unit.

    Parameters
    ----------
    kind : str
        What it is, such as ``half_life``.
    molar_mass : float or None
        [g/mol], by which a concentration given as a mass per volume becomes one of amount.

    Raises
    ------
    ValueError
        With what is allowed, for a unit of another dimension, a number out of its range, or a mass per volume of a
        compound without molar mass.
    """
    unit, meaning = _UNITS.get(kind, _PURE)
    if kind in _FRACTIONS and not 0 < evidence.value <= 1:
        message = f"value {evidence.value:g} is no fraction; give a number above 0 to 1"
        raise ValueError(message)
    if evidence.value <= 0:
        message = f"value {evidence.value:g} is not positive; give a number above 0"
        raise ValueError(message)
    value = _converted(evidence, unit)
    if value is None and unit == "nM" and (mass := _converted(evidence, "ug/L")) is not None:
        if molar_mass is None:
            message = (
                f"unit is {evidence.unit!r}, a mass per volume, and the compound has no molar_mass; add it, or give nM"
            )
            raise ValueError(message)
        return mass / molar_mass * 1e3
    if value is None:
        message = f"unit is {evidence.unit!r}; it must be {meaning}"
        raise ValueError(message)
    return value


def _converted(evidence: Evidence, unit: str) -> float | None:
    """As :meth:`Evidence.converted`, by a known factor where there is one."""
    if (evidence.unit, unit) not in _FACTORS:
        return evidence.converted(unit)
    factor = _FACTORS[evidence.unit, unit]
    return None if factor is None else evidence.value * factor


def chain_fault(name: str) -> str | None:
    """What is wrong with the chain of metabolites of a compound of the library; None where nothing is."""
    waiting: list[tuple[str, tuple[str, ...]]] = [(name, (name,))]
    while waiting:
        each, path = waiting.pop()
        compound = _document(each)
        for species, kinetics in compound.get("kinetics", {}).items():
            for metabolite in kinetics.get("metabolites", ()):
                other = metabolite["compound"]
                if other in path:
                    return (
                        f"{other} is a metabolite of itself ({' -> '.join((*path, other))}, {species}); break the chain"
                    )
                if other not in library.names("compounds"):
                    meant = did_you_mean(other, library.names("compounds"))
                    return f"its metabolite {other!r} in {species} is not in the library; {meant}"
                waiting.append((other, (*path, other)))
    return None


def table_of(compound: Json, key: str, kind: str, evidence: Evidence) -> Json:
    """One number as a table of a parameter."""
    mass = compound.get("molar_mass")
    try:
        value = canonical(kind, evidence, None if mass is None else Evidence(**mass).to("g/mol"))
    except ValueError as fault:
        message = f"{library.where('compounds', compound['name'])}.{key}: {fault}"
        raise LibraryError(message) from fault
    spread = evidence.spread or SPREADS[evidence.status]
    words = _WORDS.get(kind, f"share that becomes {key.partition('_fraction_to_')[2]}")
    words = words.format(target=key.removesuffix(f"_{kind}"))
    species = "" if key == kind or kind in OPEN_NUMBERS else f", {key.partition('_')[0]}"
    return {
        "value": value,
        "unit": _UNITS.get(kind, _PURE)[0],
        "lower": value / _FAR,
        "upper": 1.0 if kind in _FRACTIONS else value * _FAR,
        "scale": "log",
        "long_name": f"{words} of {compound['name']}{species}",
        "status": evidence.status,
        "source": evidence.source,
        "why": evidence.why,
        "prior": {
            "centre": value if evidence.centre is None else value * evidence.centre / evidence.value,
            "spread": spread,
        },
    }
