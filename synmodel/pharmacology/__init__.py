"""Pharmacology: doses become free concentrations in brain and the receptors that they occupy."""

from synmodel.pharmacology.compounds import Compound, load_compound
from synmodel.pharmacology.exposure import exposure

__all__ = ["Compound", "exposure", "load_compound"]
