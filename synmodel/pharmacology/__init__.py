"""Pharmacology: doses become free concentrations in brain and the receptors that they occupy."""

from synmodel.pharmacology.compounds import Compound, acting_doses, drug_doses, load_compound
from synmodel.pharmacology.exposure import exposure

__all__ = ["Compound", "acting_doses", "drug_doses", "exposure", "load_compound"]
