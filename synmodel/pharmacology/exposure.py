"""Exposure: from a list of doses to concentrations and engaged receptors on the time grid."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from synmodel.errors import ScenarioError
from synmodel.pharmacology.binding import channel_block, gaddum, trapped_block
from synmodel.pharmacology.compounds import Compound, load_compound
from synmodel.pharmacology.kinetics import amounts_after_dose, compartments_of
from synmodel.scenario import Dose, Subject
from synmodel.schema import EXPOSURE, stamped

__all__ = ["exposure"]


def exposure(
    doses: Sequence[Dose],
    subject: Subject,
    times: NDArray[np.float64],
    *,
    hill: float = 1.0,
    unblock_half_life: float = 0.0,
) -> xr.Dataset:
    """Concentrations and target engagement after a series of doses.

    Parameters
    ----------
    doses : sequence of Dose
        Linear kinetics: doses superpose.
    subject : Subject
        Species chooses the kinetics; the 5-HT2A knock-out has no 5-HT2A occupancy.
    times : (n_time,) ndarray
        Rising [day].
    hill : float
        Slope of NMDA-receptor block.
    unblock_half_life : float
        Half-life of NMDA-receptor block after clearance [day]; 0 for block at equilibrium.

    Returns
    -------
    Dataset
        An Exposure (:data:`synmodel.schema.EXPOSURE`); concentrations have dims (time, compound).

    Raises
    ------
    ScenarioError
        If a route has no kinetics for the species.
    LibraryError
        If a compound has none.
    """
    plasma: dict[str, NDArray[np.float64]] = {}
    for index, dose in enumerate(doses):
        if load_compound(dose.compound).kind == "vehicle":
            continue
        for name, concentration in _after(dose, index, subject, times).items():
            plasma[name] = plasma.get(name, np.zeros(len(times))) + concentration
    names = sorted(plasma)
    compounds = {name: load_compound(name) for name in names}
    free = {
        name: plasma[name]
        * compounds[name].kinetics[subject.species].fraction_unbound.to("1")
        * compounds[name].kinetics[subject.species].kp_uu.to("1")
        for name in names
    }
    empty = np.zeros((len(times), 0))
    block = {
        cell: trapped_block(times, _relative(free, compounds, f"nmda_ic50_{cell}", times), hill, unblock_half_life)
        for cell in ("interneuron", "pyramidal")
    }
    agonist = _relative(free, compounds, "agonist_5ht2a_ec50", times)
    antagonist = _relative(free, compounds, "antagonist_5ht2a_kb", times)
    most = _maximum(free, compounds, times) * subject.factor("5ht2a")
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
            "nmda_block_interneuron": ("time", block["interneuron"]),
            "nmda_block_pyramidal": ("time", block["pyramidal"]),
            "agonism_5ht2a": ("time", most * gaddum(agonist, antagonist)),
            "agonism_5ht2a_intracellular": ("time", most * gaddum(agonist, np.zeros_like(agonist))),
            "trkb_bound": ("time", channel_block(_relative(free, compounds, "trkb_kd", times), 1.0)),
        },
        coords={"time": times, "compound": np.array(names, dtype=object if not names else None)},
    )
    return stamped(dataset, EXPOSURE)


def _after(dose: Dose, index: int, subject: Subject, times: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Plasma concentrations [nM] that one series of doses adds, by compound."""
    system = compartments_of(dose.compound, subject.species)
    molar_mass = load_compound(dose.compound).molar_mass
    assert molar_mass is not None  # only a vehicle has none
    micromoles = dose.mg_per_kg(subject.body_weight_kg) / molar_mass.to("g/mol") * 1e3
    start = np.zeros(len(system.rates))
    if dose.route == "i.v.":
        start[system.central[dose.compound]] = micromoles
    elif dose.route in system.depot:
        depot, bioavailability = system.depot[dose.route]
        start[depot] = micromoles * bioavailability
    else:
        known = ", ".join(["i.v.", *system.depot])
        message = (
            f"scenario.regimen.doses[{index}].route is {dose.route!r}; "
            f"{dose.compound} in {subject.species} has kinetics for: {known}"
        )
        raise ScenarioError(message)
    amounts = np.zeros((len(times), len(start)))
    for day in dose.days:
        amounts += amounts_after_dose(system.matrix, start, times - day, dose.duration_day)
    added = {}
    for name, place in system.central.items():
        volume = load_compound(name).kinetics[subject.species].volume.to("L/kg")
        # umol/kg over L/kg is uM; rounding of the exponential may leave -1e-20
        added[name] = np.maximum(amounts[:, place], 0.0) / volume * 1e3
    return added


def _relative(
    free: dict[str, NDArray[np.float64]],
    compounds: dict[str, Compound],
    target: str,
    times: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Sum over compounds of free concentration over the concentration of half engagement."""
    total = np.zeros(len(times))
    for name, concentration in free.items():
        half = getattr(compounds[name].targets, target)
        if half is not None:
            total += concentration / half.to("nM")
    return total


def _maximum(
    free: dict[str, NDArray[np.float64]], compounds: dict[str, Compound], times: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Largest occupancy that the agonists present can reach, weighted by their share of the binding."""
    weighted, total = np.zeros(len(times)), np.zeros(len(times))
    for name, concentration in free.items():
        targets = compounds[name].targets
        if targets.agonist_5ht2a_ec50 is None:
            continue
        most = targets.agonist_5ht2a_maximum
        relative = concentration / targets.agonist_5ht2a_ec50.to("nM")
        weighted += relative * (1.0 if most is None else most.to("1"))
        total += relative
    return np.divide(weighted, total, out=np.ones(len(times)), where=total > 0)
