"""Exposure: from a list of doses to concentrations and engaged receptors on the time grid."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from synmodel import library
from synmodel.core.errors import ScenarioError
from synmodel.core.schema import EXPOSURE, stamped
from synmodel.library.drug_numbers import OPEN_NUMBERS, route_key
from synmodel.library.parameters import default_parameters
from synmodel.pharmacology.binding import Bound, Engaged, channel_block, gaddum, open_target, trapped_block
from synmodel.pharmacology.compounds import drug_doses, load_compound
from synmodel.pharmacology.kinetics import amounts_after_bolus, amounts_after_dose, chain_of, compartments_of
from synmodel.scenario import Dose, Subject

__all__ = [
    "concentrations",
    "concentrations_of_many",
    "corners_of",
    "engagement",
    "exposure",
    "exposure_parameters",
    "fixed_parameters",
    "kinetic_parameters",
    "open_targets",
]

Array = NDArray[np.float64]
Species = Literal["mouse", "human"]
_JUMP_DAY = 1e-6  # a tenth of a second
_OF_BRAIN = ("_fraction_unbound", "_kp_uu")
_OF_BLOCK = ("nmda.hill", "nmda.unblock_half_life")


def exposure(
    doses: Sequence[Dose],
    subject: Subject,
    times: Array,
    values: Mapping[str, float] | None = None,
    plasma: Mapping[str, Array] | None = None,
) -> xr.Dataset:
    """Concentrations and target engagement after a series of doses.

    Equation and evidence: :doc:`/model/pharmacology`.

    Parameters
    ----------
    doses : sequence of Dose
        Linear kinetics: doses superpose.
    subject : Subject
        Species chooses the kinetics; the 5-HT2A knock-out has no 5-HT2A occupancy.
    times : (n_time,) ndarray
        Rising [day].
    values : mapping, optional
        Parameter values by dotted name: those of :func:`exposure_parameters`. Default: those of the library.
    plasma : mapping, optional
        Their :func:`concentrations`, where they are known already.

    Returns
    -------
    Dataset
        An Exposure (:data:`synmodel.core.schema.EXPOSURE`); concentrations have dims (time, compound).

    Raises
    ------
    ScenarioError
        If a route has no kinetics for the species.
    LibraryError
        If a compound has none.

    Examples
    --------
    >>> import numpy as np
    >>> from synmodel.pharmacology import exposure
    >>> from synmodel.scenario import Dose, Subject
    >>> dose = Dose(compound="ketamine", amount=10, route="i.p.")
    >>> seen = exposure([dose], Subject(species="mouse"), np.array([0.0, 0.25, 1.0]) / 24)
    >>> seen["nmda_block_interneuron"].values.round(2).tolist()
    [0.0, 0.88, 0.44]
    """
    values = default_parameters().as_floats() if values is None else values
    plasma = concentrations(doses, subject, times, values) if plasma is None else plasma
    free = _free(plasma, subject, values)
    names = sorted(plasma)
    empty = np.zeros((len(times), 0))
    engaged = engagement(plasma, subject, values, times)
    targets = engaged.pop("target", None)
    dataset = xr.Dataset(
        {
            "free_concentration": (
                ("time", "compound"),
                np.stack([free[n] for n in names], axis=1) if names else empty,
            ),
            "plasma_concentration": (
                ("time", "compound"),
                np.stack([plasma[n] for n in names], axis=1) if names else empty,
            ),
            **{name: (("time", "target")[: each.ndim], each) for name, each in engaged.items()},
        },
        coords={"time": times, "compound": np.array(names, dtype=object if not names else None)},
    )
    if targets is not None:
        dataset = dataset.assign_coords(target=targets)
    return stamped(dataset, EXPOSURE)


def concentrations(
    doses: Sequence[Dose], subject: Subject, times: Array, values: Mapping[str, float]
) -> dict[str, Array]:
    """Plasma concentrations [nM] by compound, each (n_time,); they depend on :func:`kinetic_parameters` alone."""
    many = concentrations_of_many([doses], subject, times, values)
    return {name: concentration[0] for name, concentration in many.items()}


def concentrations_of_many(
    regimens: Sequence[Sequence[Dose]], subject: Subject, times: Array, values: Mapping[str, float]
) -> dict[str, Array]:
    """:func:`concentrations` of regimens that differ in the amounts of their doses alone, each (regimen, n_time)."""
    plasma: dict[str, Array] = {}
    for index, series in enumerate(zip(*regimens, strict=True)):
        if load_compound(series[0].compound).kind == "vehicle":
            continue
        for name, concentration in _after(series, index, subject, times, values).items():
            plasma[name] = plasma.get(name, np.zeros(concentration.shape)) + concentration
    return plasma


def engagement(
    plasma: Mapping[str, Array], subject: Subject, values: Mapping[str, float], times: Array
) -> dict[str, Array]:
    """Engaged shares of receptors, each (..., n_time) as are plasma concentrations [nM] by compound.

    Values are floats; rows may have one each, (row, 1), of all but :func:`fixed_parameters` and numbers of open
    targets, where plasma has these rows too.

    Where a compound has open targets also ``target``, their names (n_target,), and ``target_occupancy``,
    ``target_activation`` and ``target_block`` (..., n_time, n_target).
    """
    free = _free(plasma, subject, values)
    hill, unblock = values["nmda.hill"], values["nmda.unblock_half_life"]
    agonist = _relative(free, "agonist_5ht2a_ec50", values, times)
    antagonist = _relative(free, "antagonist_5ht2a_kb", values, times)
    most = _maximum(free, values, times) * subject.factor("5ht2a")
    return {
        **{
            f"nmda_block_{cell}": trapped_block(
                times, _relative(free, f"nmda_ic50_{cell}", values, times), hill, unblock
            )
            for cell in ("interneuron", "pyramidal")
        },
        "agonism_5ht2a": most * gaddum(agonist, antagonist),
        "agonism_5ht2a_intracellular": most * gaddum(agonist, np.zeros_like(agonist)),
        "trkb_bound": channel_block(_relative(free, "trkb_kd", values, times), 1.0),
        **_open_targets(free, values),
    }


def _open_targets(free: Mapping[str, Array], values: Mapping[str, float]) -> dict[str, Array]:
    """Names and engagement of all open targets of compounds that are present; nothing without any."""
    bound: dict[str, list[Bound]] = {}
    for compound, concentration in free.items():
        for target, document in load_compound(compound).targets.open.items():
            of = f"{compound}.{target}_"
            hill = values.get(of + "hill", 1.0)
            strength = "cooperativity" if document.mode == "positive modulator" else "efficacy"
            relative = (concentration / values[of + "affinity"]) ** hill
            bound.setdefault(target, []).append(Bound(relative, document.mode, values.get(of + strength, 1.0)))
    if not bound:
        return {}
    names = sorted(bound)
    engaged = [open_target(bound[name]) for name in names]
    shares = {
        f"target_{share}": np.stack([getattr(each, share) for each in engaged], axis=-1) for share in Engaged._fields
    }
    return {"target": np.array(names), **shares}


def corners_of(doses: Sequence[Dose]) -> tuple[list[float], list[float]]:
    """Days on which the input changes, after which the grid must be fine; and days that it must hold."""
    drugs = drug_doses(doses)
    changes = [day for dose in drugs for start in dose.days for day in (start, start + dose.duration_day)]
    # A bolus jumps: without a time just before it, signals that are linear between times would begin too early.
    return changes, [day for dose in drugs for start in dose.days for day in (start - _JUMP_DAY, start)]


def kinetic_parameters(doses: Sequence[Dose], subject: Subject) -> tuple[str, ...]:
    """Names of the parameters on which the concentrations after doses depend."""
    return tuple(name for name in _numbers_of(_given(doses), subject.species) if not name.endswith(_OF_BRAIN))


def fixed_parameters(doses: Sequence[Dose], subject: Subject) -> tuple[str, ...]:
    """Names of those in which rows of :func:`engagement` must not differ: of kinetics, and of the form of a block."""
    return (*kinetic_parameters(doses, subject), *_OF_BLOCK)


def exposure_parameters(doses: Sequence[Dose], subject: Subject) -> tuple[str, ...]:
    """Names of all parameters on which the Exposure of doses depends."""
    return _exposure_names(_given(doses), subject.species)


def open_targets(doses: Sequence[Dose], subject: Subject) -> list[str]:
    """Names of the open targets that the compounds of doses, and their metabolites, engage."""
    present = _present(_given(doses), subject.species)
    return sorted({target for name in present for target in load_compound(name).targets.open})


def _given(doses: Sequence[Dose]) -> tuple[tuple[str, str], ...]:
    """Compound and route of the doses that are not of a vehicle."""
    return tuple((dose.compound, dose.route) for dose in drug_doses(doses))


def _present(given: Sequence[tuple[str, str]], species: str) -> list[str]:
    """Compounds that are given, and their metabolites."""
    return list(dict.fromkeys(name for compound, _ in given for name in chain_of(compound, species)))


@library.cached
def _exposure_names(given: tuple[tuple[str, str], ...], species: Species) -> tuple[str, ...]:
    targets = []
    for name in _present(given, species):
        at = load_compound(name).targets
        targets += [f"{name}.{key}" for key, entry in at if entry and key not in at.open]
        targets += [
            f"{name}.{key}_{part}" for key, entry in at.open.items() for part in OPEN_NUMBERS if getattr(entry, part)
        ]
    return (*_numbers_of(given, species), *targets, *_OF_BLOCK)


@library.cached
def _numbers_of(given: tuple[tuple[str, str], ...], species: Species) -> tuple[str, ...]:
    """Names of all numbers of kinetics of the compounds that are present."""
    of = {name: f"{name}.{species}_" for name in _present(given, species)}
    # Uptake by a route counts where the compound is given by it: not for a metabolite, which is not given.
    unused = tuple(
        f"{prefix}{route_key(route)}_"
        for name, prefix in of.items()
        for route in load_compound(name).kinetics[species].absorption
        if (name, route) not in given
    )
    prefixes = tuple(of.values())
    return tuple(name for name in default_parameters() if name.startswith(prefixes) and not name.startswith(unused))


def _free(plasma: Mapping[str, Array], subject: Subject, values: Mapping[str, float]) -> dict[str, Array]:
    """Free concentrations in brain [nM] by compound."""
    of = {name: f"{name}.{subject.species}_" for name in plasma}
    return {
        name: plasma[name] * (values[of[name] + "fraction_unbound"] * values[of[name] + "kp_uu"]) for name in plasma
    }


def _after(
    series: Sequence[Dose], index: int, subject: Subject, times: Array, values: Mapping[str, float]
) -> dict[str, Array]:
    """Plasma concentrations [nM] by compound that doses add which differ in amounts alone, each (series, n_time)."""
    dose = series[0]
    system = compartments_of(dose.compound, subject.species, values)
    molar_mass = load_compound(dose.compound).molar_mass
    assert molar_mass is not None  # only a vehicle has none
    grams = molar_mass.to("g/mol")
    given = np.array([each.mg_per_kg(subject.body_weight_kg) / grams * 1e3 for each in series])[:, None]  # umol/kg
    if dose.route == "i.v.":
        place = system.central[dose.compound]
    elif dose.route in system.depot:
        place, bioavailability = system.depot[dose.route]
        given = given * bioavailability
    else:
        known = ", ".join(["i.v.", *system.depot])
        message = (
            f"scenario.regimen.doses[{index}].route is {dose.route!r}; "
            f"{dose.compound} in {subject.species} has kinetics for: {known}"
        )
        raise ScenarioError(message)
    centres = list(system.central.values())
    amounts = np.zeros((len(centres), len(series), len(times)))
    for day in dose.days:
        if dose.duration_day <= 0:
            amounts += given * amounts_after_bolus(system.matrix, place, times - day).T[centres, None, :]
            continue
        for row, micromoles in enumerate(given[:, 0]):
            start = np.zeros(len(system.rates))
            start[place] = micromoles
            amounts[:, row] += amounts_after_dose(system.matrix, start, times - day, dose.duration_day).T[centres]
    added = {}
    for name, amount in zip(system.central, amounts, strict=True):
        volume = values[f"{name}.{subject.species}_volume"]
        # umol/kg over L/kg is uM; rounding of the exponential may leave -1e-20
        added[name] = np.maximum(amount, 0.0) / volume * 1e3
    return added


def _relative(free: Mapping[str, Array], target: str, values: Mapping[str, float], times: Array) -> Array:
    """Sum over compounds of free concentration over the concentration of half engagement."""
    total = _nothing(free, times)
    for name, concentration in free.items():
        if f"{name}.{target}" in values:
            total += concentration / values[f"{name}.{target}"]
    return total


def _nothing(free: Mapping[str, Array], times: Array) -> Array:
    """Zeros of the shape of concentrations."""
    return np.zeros(next(iter(free.values())).shape if free else len(times))


def _maximum(free: Mapping[str, Array], values: Mapping[str, float], times: Array) -> Array:
    """Largest occupancy that the agonists present can reach, weighted by their share of the binding."""
    weighted, total = _nothing(free, times), _nothing(free, times)
    for name, concentration in free.items():
        if f"{name}.agonist_5ht2a_ec50" in values:
            relative = concentration / values[f"{name}.agonist_5ht2a_ec50"]
            weighted += relative * values.get(f"{name}.agonist_5ht2a_maximum", 1.0)
            total += relative
    return np.divide(weighted, total, out=np.ones(total.shape), where=total > 0)
