"""Passports of the Datasets that pass between rooms.

A passport lists what a Dataset must carry: variables with dims, unit and meaning. :func:`stamped` attaches
``units`` and ``long_name`` where a Dataset is made; :func:`conform` checks them where it is received. xarray
keeps ``units`` through arithmetic that changes them, so units are checked at doors and trusted nowhere else.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import xarray as xr
from numpy.typing import NDArray

from synmodel.core.errors import SchemaError, did_you_mean

__all__ = [
    "DRIVE",
    "EXPOSURE",
    "HEAD_TWITCHES",
    "IMMUNOBLOT",
    "OBSERVATIONS",
    "PET_SCANS",
    "PRESENCE",
    "SPINES",
    "TRAJECTORY",
    "UNCAGING",
    "Passport",
    "Quantity",
    "arrays_of",
    "conform",
    "stamped",
]


@dataclass(frozen=True)
class Quantity:
    """What one variable or coordinate of a Dataset is."""

    dims: tuple[str, ...]
    units: str
    long_name: str
    optional: bool = False


@dataclass(frozen=True)
class Passport:
    """The variables and coordinates that a kind of Dataset carries.

    ``leading`` names dims that may stand before those of every variable, for replicates or posterior draws.
    """

    kind: str
    variables: Mapping[str, Quantity]
    coordinates: Mapping[str, Quantity]
    leading: tuple[str, ...] = field(default=())

    @cached_property
    def entries(self) -> Mapping[str, Quantity]:
        """Variables and coordinates together."""
        return {**self.variables, **self.coordinates}


_TIME = Quantity(("time",), "day", "time since the first dose")
_INTERVAL_START = Quantity(("interval",), "day", "session at which the interval starts")
_INTERVAL_END = Quantity(("interval",), "day", "session at which the interval ends")

EXPOSURE = Passport(
    "Exposure",
    {
        "free_concentration": Quantity(("time", "compound"), "nM", "free concentration in brain"),
        "plasma_concentration": Quantity(("time", "compound"), "nM", "total concentration in plasma"),
        "nmda_block_interneuron": Quantity(("time",), "1", "blocked fraction of interneuron-facing NMDA receptors"),
        "nmda_block_pyramidal": Quantity(("time",), "1", "blocked fraction of pyramidal-facing NMDA receptors"),
        "agonism_5ht2a": Quantity(("time",), "1", "agonist-bound fraction of 5-HT2A receptors"),
        "agonism_5ht2a_intracellular": Quantity(
            ("time",), "1", "agonist-bound fraction of 5-HT2A receptors that antagonists do not reach"
        ),
        "trkb_bound": Quantity(("time",), "1", "fraction of TrkB bound by a direct potentiator"),
        "target_occupancy": Quantity(
            ("time", "target"), "1", "fraction of an open target with agonist or antagonist bound", optional=True
        ),
        "target_activation": Quantity(("time", "target"), "1", "activated fraction of an open target", optional=True),
        "target_block": Quantity(
            ("time", "target"), "1", "fraction of an open target that cannot signal", optional=True
        ),
    },
    {"time": _TIME},
)
"""Free drug and engaged receptors over time: what a regimen does to the brain."""

DRIVE = Passport(
    "Drive",
    {
        "formation": Quantity(("time",), "1", "formation, fold over baseline", optional=True),
        "maturation": Quantity(("time",), "1", "transitions to a later class, fold over baseline", optional=True),
        "elimination": Quantity(("time",), "1", "elimination of all classes, fold over baseline", optional=True),
        "head_size": Quantity(("time",), "1", "head width to which spines tend, fold over baseline", optional=True),
        "evoked": Quantity(
            ("time",), "1", "hazard of glutamate-evoked spinogenesis, fold over baseline", optional=True
        ),
        "protein": Quantity(("time",), "1", "synaptic proteins, fold over baseline", optional=True),
    },
    {"time": _TIME},
)
"""Folds of the rates of turnover over time: what signalling does to spines."""

TRAJECTORY = Passport(
    "Trajectory",
    {
        "count": Quantity(("replicate", "dendrite", "time", "spine_class"), "1", "spines present"),
        "gained": Quantity(("replicate", "dendrite", "interval"), "1", "spines present now, absent one session before"),
        "lost": Quantity(("replicate", "dendrite", "interval"), "1", "spines present one session before, absent now"),
        "transient": Quantity(
            ("replicate", "dendrite", "interval"), "1", "spines formed and lost between two sessions", optional=True
        ),
    },
    {"time": Quantity(("time",), "day", "session"), "start_day": _INTERVAL_START, "end_day": _INTERVAL_END},
)
"""Spines present, gained and lost by simulated dendrite."""

SPINES = Passport(
    "Spines",
    {
        "replicate": Quantity(("spine",), "1", "replicate the spine belongs to"),
        "dendrite": Quantity(("spine",), "1", "dendrite the spine belongs to"),
        "spine_key": Quantity(("spine",), "1", "key of the spine's random stream within its dendrite"),
        "birth_day": Quantity(("spine",), "day", "time of formation; first session or earlier for the first spines"),
        "death_day": Quantity(("spine",), "day", "time of elimination; infinite when alive at the last session"),
        "spine_class": Quantity(("spine", "time"), "1", "class at each session; -1 when absent"),
        "head_width": Quantity(("spine", "time"), "um", "head width at each session; NaN when absent", optional=True),
    },
    {"time": Quantity(("time",), "day", "session")},
)
"""Every simulated spine from its formation to its elimination."""

_DENDRITE_SESSION = ("animal", "dendrite", "session")
_DENDRITE_INTERVAL = ("animal", "dendrite", "interval")
OBSERVATIONS = Passport(
    "Observations",
    {
        "spine_count": Quantity(_DENDRITE_SESSION, "1", "spines scored"),
        "gained": Quantity(_DENDRITE_INTERVAL, "1", "spines scored now, not one session before"),
        "lost": Quantity(_DENDRITE_INTERVAL, "1", "spines scored one session before, not now"),
        "length_um": Quantity(_DENDRITE_SESSION, "um", "measured length of dendrite"),
        "head_width": Quantity(_DENDRITE_SESSION, "um", "mean head width of scored spines", optional=True),
        "new_spines_seen": Quantity(
            _DENDRITE_SESSION, "1", "of the spines new at the reference session, those scored", optional=True
        ),
        "new_spines_followed": Quantity(
            _DENDRITE_SESSION,
            "1",
            "of the spines new at the reference session, those scored at every session since",
            optional=True,
        ),
    },
    {
        "session": Quantity(("session",), "day", "time of the session since the first dose"),
        "start_day": _INTERVAL_START,
        "end_day": _INTERVAL_END,
    },
    leading=("replicate",),
)
"""What a microscope reports of dendrites, simulated or real."""

PRESENCE = Passport(
    "Presence",
    {
        "present": Quantity(
            ("spine", "session"), "1", "1 scored, 0 not there, -1 not known: censored, unsure or not imaged"
        ),
    },
    {
        "session": Quantity(("session",), "day", "time of the session since the first dose"),
        "animal": Quantity(("spine",), "1", "position of the animal in the Observations of the same file"),
        "dendrite": Quantity(("spine",), "1", "position of the dendrite in the Observations of the same file"),
        "spine_label": Quantity(("spine",), "1", "name of the spine on its dendrite"),
    },
)
"""Single spines by session: present, absent or not known."""

_ASSAY_TIME = {"time": Quantity(("time",), "day", "time of the assay since the first dose")}

UNCAGING = Passport(
    "Uncaging",
    {"success": Quantity(("time", "animal", "neuron", "trial"), "1", "1 if a trial of uncaging made a spine, else 0")},
    _ASSAY_TIME,
    leading=("replicate",),
)
"""Trials of glutamate uncaging."""

IMMUNOBLOT = Passport(
    "Immunoblot",
    {
        "signal": Quantity(
            ("time", "animal", "blot", "protein"), "1", "protein over loading control, relative to no drug"
        )
    },
    _ASSAY_TIME,
    leading=("replicate",),
)
"""Western blots of synaptic proteins."""

HEAD_TWITCHES = Passport(
    "HeadTwitches",
    {
        "count": Quantity(("time", "animal"), "1", "head twitches of a mouse in a bin"),
        "expected": Quantity(("time",), "1", "mean over mice of the head twitches in a bin"),
    },
    {
        "time": Quantity(("time",), "day", "start of the bin since the first dose"),
        "end_day": Quantity(("time",), "day", "end of the bin since the first dose"),
    },
    leading=("replicate",),
)
"""Head twitches of mice by bin of time."""

PET_SCANS = Passport(
    "PetScans",
    {
        "volume": Quantity(("subject", "scan", "region"), "mL/cm3", "measured distribution volume V_T"),
        "true_volume": Quantity(("subject", "scan", "region"), "mL/cm3", "distribution volume without error"),
    },
    {"time": Quantity(("scan",), "day", "time of the scan since the first dose")},
    leading=("replicate",),
)
"""PET scans of synaptic density."""


def stamped(dataset: xr.Dataset, passport: Passport) -> xr.Dataset:
    """The Dataset with ``units`` and ``long_name`` of its passport on every variable and coordinate."""
    variables = dataset.variables  # not dataset[name]: to look for the coordinates of each takes most of the time
    for name, quantity in passport.entries.items():
        if name in variables:
            variables[name].attrs.update(units=quantity.units, long_name=quantity.long_name)
    return conform(dataset, passport)


def arrays_of(dataset: xr.Dataset, passport: Passport) -> dict[str, NDArray[Any]]:
    """Variables and coordinates that a passport names, as arrays by name."""
    variables = dataset.variables
    return {name: variables[name].to_numpy() for name in passport.entries if name in variables}


def conform(dataset: xr.Dataset, passport: Passport) -> xr.Dataset:
    """The same Dataset, after a check against its passport.

    A variable without ``units`` is taken to be in the unit of the passport, so that a Dataset made by hand needs
    none; one with other ``units`` is refused.

    Raises
    ------
    SchemaError
        If it is no Dataset, or a variable is missing or unknown, or has other dims or another unit.
    """
    if not isinstance(dataset, xr.Dataset):
        message = (
            f"{passport.kind} is a {type(dataset).__name__}; give an xarray.Dataset of "
            f"{', '.join(passport.variables)} on {', '.join(passport.coordinates)}"
        )
        raise SchemaError(message)
    known, variables = passport.entries, dataset.variables
    for name, quantity in known.items():
        if name not in variables:
            if quantity.optional:
                continue
            message = f"{passport.kind}.{name} is missing; it holds {quantity.long_name} [{quantity.units}]"
            raise SchemaError(message)
        found = tuple(map(str, variables[name].dims))
        lead = found[: len(found) - len(quantity.dims)]
        if found[len(lead) :] != quantity.dims or not set(lead) <= set(passport.leading):
            message = f"{passport.kind}.{name} has dims {found}; expected {quantity.dims}"
            raise SchemaError(message)
        units = variables[name].attrs.get("units", quantity.units)
        if units != quantity.units:
            message = f"{passport.kind}.{name} has units {units!r}; expected {quantity.units!r}: convert it first"
            raise SchemaError(message)
    for variable in map(str, dataset.data_vars):
        if variable not in known:
            message = f"{passport.kind} has no variable {variable!r}; {did_you_mean(variable, passport.variables)}"
            raise SchemaError(message)
    return dataset
