"""A described model as SBML level 3 version 2."""

import re
from types import ModuleType
from typing import Any

from synmodel.core.errors import SynmodelError
from synmodel.report.exporting.description import Description, Quantity
from synmodel.report.exporting.optional import library_of
from synmodel.report.exporting.units import UNITS, unit_id

__all__ = ["ExportError", "checked", "to_sbml"]

_LEVEL, _VERSION = 3, 2
_DOI = re.compile(r"doi:(10\.\d{4,9}/[^\s;,)\]]+)")
_PMC = re.compile(r"\b(PMC\d{4,})\b")


class ExportError(SynmodelError):
    """A file of an export is not valid, which is a fault of the package."""


def to_sbml(model: Description, *, extent: str = "nmol", notes: tuple[str, ...] = ()) -> str:
    """The model as a document, checked for consistency with units.

    Parameters
    ----------
    extent : str
        Unit of reactions.
    notes : tuple of str
        Paragraphs about the model.

    Raises
    ------
    ExportError
        If libSBML finds an error in it.
    """
    libsbml = library_of("libsbml")
    document = libsbml.SBMLDocument(_LEVEL, _VERSION)
    made = document.createModel()
    made.setId(model.id)
    made.setName(model.name)
    made.setMetaId("model")
    made.setTimeUnits(unit_id("day"))
    made.setSubstanceUnits(unit_id(extent))
    made.setExtentUnits(unit_id(extent))
    made.setVolumeUnits("litre")
    _notes(made, [*notes, *model.notes])
    writer = _Writer(libsbml, made, model)
    writer.units()
    writer.functions()
    writer.compartments()
    for quantity in model.quantities.values():
        writer.quantity(quantity)
    writer.reactions()
    writer.events()
    _annotate(libsbml, made, model.sources.get("model", ""))
    return checked(libsbml.writeSBMLToString(document))


def checked(text: str) -> str:
    """The document, if libSBML reads it without an error or a warning, units included.

    Raises
    ------
    ExportError
        With the first fault.
    """
    libsbml = library_of("libsbml")
    document = libsbml.readSBMLFromString(text)
    document.setConsistencyChecks(libsbml.LIBSBML_CAT_UNITS_CONSISTENCY, True)
    document.checkConsistency()
    faults = [document.getError(at) for at in range(document.getNumErrors())]
    faults = [fault for fault in faults if fault.getSeverity() >= libsbml.LIBSBML_SEV_WARNING]
    if faults:
        message = f"the SBML is not consistent: {' '.join(faults[0].getMessage().split())}"
        raise ExportError(message)
    return str(text)


class _Writer:
    """Writes the parts of a description into a model of libSBML."""

    def __init__(self, libsbml: ModuleType, made: Any, model: Description) -> None:
        self.libsbml, self.made, self.model = libsbml, made, model

    def _math(self, formula: str) -> object:
        parsed = self.libsbml.parseL3Formula(formula)
        if parsed is None:
            message = f"the formula {formula!r} cannot be read: {self.libsbml.getLastParseL3Error()}"
            raise ExportError(message)
        return parsed

    def units(self) -> None:
        used = {each.unit for each in [*self.model.quantities.values(), *self.model.compartments.values()]}
        used |= {"day", "1/day", "1/um", "1/um/day", "nmol", "nmol/day"}
        for unit in UNITS:
            identity, factors = UNITS[unit]
            if unit not in used or not factors:
                continue
            definition = self.made.createUnitDefinition()
            definition.setId(identity)
            for factor in factors:
                part = definition.createUnit()
                part.setKind(self.libsbml.UnitKind_forName(factor.kind))
                part.setExponent(factor.exponent)
                part.setScale(factor.scale)
                part.setMultiplier(factor.multiplier)

    def functions(self) -> None:
        for identity, (arguments, formula) in self.model.functions.items():
            made = self.made.createFunctionDefinition()
            made.setId(identity)
            made.setMath(self._math(f"lambda({', '.join([*arguments, formula])})"))

    def compartments(self) -> None:
        for quantity in self.model.compartments.values():
            made = self.made.createCompartment()
            made.setSpatialDimensions(3)
            made.setConstant(True)
            made.setUnits("litre")
            self._named(made, quantity)
            if quantity.value is not None:
                made.setSize(quantity.value)
            else:
                self._start(quantity)

    def quantity(self, quantity: Quantity) -> None:
        if quantity.compartment:
            made = self.made.createSpecies()
            made.setCompartment(quantity.compartment)
            made.setHasOnlySubstanceUnits(True)
            made.setBoundaryCondition(False)
            made.setConstant(False)
            made.setSubstanceUnits(unit_id(quantity.unit))
            made.setInitialAmount(quantity.value or 0.0)
        else:
            made = self.made.createParameter()
            made.setUnits(unit_id(quantity.unit))
            made.setConstant(not quantity.rule and not quantity.rate)
            if quantity.value is not None:
                made.setValue(quantity.value)
        self._named(made, quantity)
        if quantity.start:
            self._start(quantity)
        if quantity.rule:
            rule = self.made.createAssignmentRule()
            rule.setVariable(quantity.id)
            rule.setMath(self._math(quantity.rule))
        elif quantity.rate and quantity.rate != "held":
            rule = self.made.createRateRule()
            rule.setVariable(quantity.id)
            rule.setMath(self._math(quantity.rate))

    def _named(self, made: Any, quantity: Quantity) -> None:
        made.setId(quantity.id)
        made.setName(quantity.name)
        made.setMetaId(f"meta_{quantity.id}")
        if quantity.notes:
            _notes(made, [quantity.notes])
        _annotate(self.libsbml, made, self.model.sources.get(quantity.id, ""))

    def _start(self, quantity: Quantity) -> None:
        assigned = self.made.createInitialAssignment()
        assigned.setSymbol(quantity.id)
        assigned.setMath(self._math(quantity.start))

    def reactions(self) -> None:
        for reaction in self.model.reactions:
            made = self.made.createReaction()
            made.setId(reaction.id)
            made.setName(reaction.name)
            made.setReversible(False)
            for species, create in (
                *((each, made.createReactant) for each in reaction.reactants),
                *((each, made.createProduct) for each in reaction.products),
            ):
                reference = create()
                reference.setSpecies(species)
                reference.setStoichiometry(1)
                reference.setConstant(True)
            for species in reaction.modifiers:
                made.createModifier().setSpecies(species)
            made.createKineticLaw().setMath(self._math(reaction.rate))

    def events(self) -> None:
        for event in self.model.events:
            made = self.made.createEvent()
            made.setId(event.id)
            made.setName(event.name)
            # With the values at the time of the assignment, doses at the same time add up.
            made.setUseValuesFromTriggerTime(False)
            trigger = made.createTrigger()
            trigger.setInitialValue(False)
            trigger.setPersistent(True)
            trigger.setMath(self._math(event.when))
            if event.turn:
                made.createPriority().setMath(self._math(f"{-event.turn} dimensionless"))
            for target, formula in event.then.items():
                assigned = made.createEventAssignment()
                assigned.setVariable(target)
                assigned.setMath(self._math(formula))


def _notes(made: Any, paragraphs: list[str]) -> None:
    if paragraphs:
        text = "".join(f"<p>{_escaped(each)}</p>" for each in paragraphs)
        made.setNotes(f'<body xmlns="http://www.w3.org/1999/xhtml">{text}</body>')


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _annotate(libsbml: ModuleType, made: Any, source: str) -> None:
    """Papers that a source cites by DOI or PMC number, as MIRIAM resources; no others."""
    found = [f"https://identifiers.org/doi:{doi.rstrip('.')}" for doi in _DOI.findall(source)]
    found += [f"https://identifiers.org/pmc:{number}" for number in _PMC.findall(source)]
    if not found:
        return
    for resource in dict.fromkeys(found):
        term = libsbml.CVTerm(libsbml.BIOLOGICAL_QUALIFIER)
        term.setBiologicalQualifierType(libsbml.BQB_IS_DESCRIBED_BY)
        term.addResource(resource)
        made.addCVTerm(term)
