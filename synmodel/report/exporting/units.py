"""Units of the package as unit definitions: products of powers of base units with a multiplier."""

from typing import NamedTuple

__all__ = ["UNITS", "Factor", "unit_id"]


class Factor(NamedTuple):
    """(multiplier 10^scale kind)^exponent."""

    kind: str
    exponent: int = 1
    scale: int = 0
    multiplier: float = 1.0


_DAY = Factor("second", 1, 0, 86_400.0)
_PER_DAY = _DAY._replace(exponent=-1)
_UM = Factor("metre", 1, -6)
_PER_UM = Factor("metre", -1, -6)
_PER_KG = Factor("kilogram", -1)

UNITS: dict[str, tuple[str, tuple[Factor, ...]]] = {
    "1": ("dimensionless", ()),
    "item": ("item", ()),
    "L": ("litre", ()),
    "kg": ("kilogram", ()),
    "day": ("day", (_DAY,)),
    "1/day": ("per_day", (_PER_DAY,)),
    "um": ("micrometre", (_UM,)),
    "1/um": ("per_micrometre", (_PER_UM,)),
    "1/um/day": ("per_micrometre_per_day", (_PER_UM, _PER_DAY)),
    "item/day": ("item_per_day", (Factor("item"), _PER_DAY)),
    "nmol": ("nanomole", (Factor("mole", 1, -9),)),
    "nmol/day": ("nanomole_per_day", (Factor("mole", 1, -9), _PER_DAY)),
    "nM": ("nanomolar", (Factor("mole", 1, -9), Factor("litre", -1))),
    "L/kg": ("litre_per_kilogram", (Factor("litre"), _PER_KG)),
    "L/day/kg": ("litre_per_day_per_kilogram", (Factor("litre"), _PER_DAY, _PER_KG)),
    "mg/kg": ("milligram_per_kilogram", (Factor("gram", 1, -3), _PER_KG)),
    "mg": ("milligram", (Factor("gram", 1, -3),)),
    "g/mol": ("gram_per_mole", (Factor("gram"), Factor("mole", -1))),
    "nmol/mmol": (
        "nanomole_per_milligram_over_molar_mass",
        (Factor("mole", 1, -9), Factor("gram", -1, -3), Factor("gram"), Factor("mole", -1)),
    ),
}
"""Unit of the package -> identifier, and factors; base units of SBML have none."""


def unit_id(unit: str) -> str:
    """Identifier of a unit.

    Raises
    ------
    ValueError
        For a unit that is not in the table.
    """
    if unit not in UNITS:
        message = f"unit {unit!r} has no definition for exports; known are {', '.join(UNITS)}"
        raise ValueError(message)
    return UNITS[unit][0]
