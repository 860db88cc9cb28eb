"""Pharmacology: doses become free concentrations in brain and the receptors that they occupy."""

from synmodel.pharmacology.compounds import Compound, acting_doses, dose_text, drug_doses, load_compound
from synmodel.pharmacology.exposure import (
    concentrations,
    concentrations_of_many,
    corners_of,
    engagement,
    exposure,
    exposure_parameters,
    fixed_parameters,
    kinetic_parameters,
    open_targets,
)

__all__ = [
    "Compound",
    "acting_doses",
    "concentrations",
    "concentrations_of_many",
    "corners_of",
    "dose_text",
    "drug_doses",
    "engagement",
    "exposure",
    "exposure_parameters",
    "fixed_parameters",
    "kinetic_parameters",
    "load_compound",
    "open_targets",
]
