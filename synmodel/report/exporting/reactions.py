"""Turnover of spines as mass-action reactions with whole numbers, for simulators of single events (SSA).

Hazards are constant between steps, as they are within the cells of a run: cells are put together as long as no fold
changes by more than a share of itself, each with its mean; what that does to the moments is said. Numbers at the start
are whole, the means of the first session rounded; a run draws them from Poisson laws.
"""

from typing import Literal, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from synmodel.core.schema import DRIVE, stamped
from synmodel.report.exporting.description import Description, Event, Quantity, Reaction, identifier
from synmodel.report.exporting.plan import Plan
from synmodel.report.exporting.spines import ELIMINATION_OF, FORMATION_OF
from synmodel.simulation.tissue import Tissue
from synmodel.turnover import TurnoverModel, moments
from synmodel.turnover.hazards import Folds, folds_between

__all__ = ["Reactions", "reactions_of"]

Array = NDArray[np.float64]
By = Literal["time", "events"]
_SPREAD = 0.02
_HOW = {
    "time": "Rate constants are formulas of time, constant between its steps: for a simulator that reads them again at "
    "every reaction and every output, such as libRoadRunner; ask for outputs every 0.1 day or less.",
    "events": "Rate constants change at events and are constant between them: for a simulator that meets events at "
    "their time, such as COPASI.",
}
_FOLDS = ("formation", "maturation", "elimination")


class Reactions(NamedTuple):
    """A model of reactions, the turnover model and start of which it is, and its drive.

    ``difference`` is the largest relative change of mean or variance of a count at a session by cells put together.
    """

    model: Description
    turnover: TurnoverModel
    initial: tuple[int, ...]
    drive: xr.Dataset
    difference: float


def reactions_of(plan: Plan, drive: xr.Dataset, by: By = "time") -> Reactions:
    """Reactions of one dendrite from the first session on, which is time 0.

    Parameters
    ----------
    drive : Dataset
        The Drive of the scenario.
    by : {"time", "events"}
        Whether rate constants are formulas of time, which some simulators read again at every step (libRoadRunner),
        or change at events, which others meet exactly (COPASI). Neither does both.
    """
    tissue, sessions = plan.tissue, np.array(plan.sessions)
    means = tissue.initial_means(plan.density_per_um) * plan.length_um
    initial = tuple(round(mean) for mean in means)
    folds = _together(folds_between(tissue.model, sessions, drive), _SPREAD)
    merged = stamped(
        xr.Dataset({name: ("time", getattr(folds, name)) for name in _FOLDS}, {"time": folds.edges[:-1]}), DRIVE
    )
    constant = _of_dendrite(tissue, plan.length_um, trend=0.0)
    exact = moments(_of_dendrite(tissue, plan.length_um, trend=tissue.model.formation_trend),
                    initial=initial, times=sessions, drive=drive)  # fmt: skip
    coarse = moments(constant, initial=initial, times=sessions, drive=merged)
    changes = [
        np.abs(coarse[name] - exact[name]).max() / np.abs(exact[name]).max()
        for name in ("count_mean", "count_variance")
    ]
    difference = float(max(map(float, changes)))
    return Reactions(_model(plan, tissue, initial, folds, difference, by), constant, initial, merged, difference)


def _of_dendrite(tissue: Tissue, length: float, trend: float) -> TurnoverModel:
    model = tissue.model
    return TurnoverModel(
        model.classes, (model.formation_rates * length).tolist(), model.transition, model.elimination, trend
    )


def _together(folds: Folds, spread: float) -> Folds:
    """Neighbouring cells as one while each fold stays within a share of its largest value there."""
    table = np.array([getattr(folds, name) for name in _FOLDS])
    starts, low, high = [0], table[:, 0].copy(), table[:, 0].copy()
    for cell in range(1, table.shape[1]):
        lower, upper = np.minimum(low, table[:, cell]), np.maximum(high, table[:, cell])
        if np.any(upper - lower > spread * upper):
            starts.append(cell)
            lower = upper = table[:, cell]
        low, high = lower.copy(), upper.copy()
    width = np.diff(folds.edges)
    edges = np.append(folds.edges[starts], folds.edges[-1])
    means = [np.add.reduceat(row * width, starts) / np.add.reduceat(width, starts) for row in table]
    return Folds(edges, means[0], means[1], means[2], np.ones(len(starts)))


def _pure(value: float) -> str:
    return f"{float(value)!r} dimensionless"


def _model(
    plan: Plan, tissue: Tissue, initial: tuple[int, ...], folds: Folds, difference: float, by: By
) -> Description:
    model = Description(
        f"{identifier(plan.name)}_reactions",
        f"{plan.title}: turnover of spines as reactions",
        (
            f"Time 0 is day {plan.sessions[0]:g}, the first session; time is in days. One dendrite.",
            _HOW[by],
            f"Cells of the run are put together where no fold changes by more than {_SPREAD:.0%}; mean and variance of "
            f"numbers of spines at the sessions change by at most {difference:.1e} of their largest values.",
            "Numbers at the start are the means, rounded; a run draws them from Poisson laws around "
            f"{', '.join(f'{name} {mean:.4g}' for name, mean in _starts(plan, tissue).items())}.",
            "What differs between dendrites and animals (formation, first density) is not in the file.",
        ),
    )
    model.compartments["dendrite"] = Quantity("dendrite", "one dendrite", "L", value=1.0,
                                              notes="its size has no effect: numbers of spines count")  # fmt: skip
    model.constant("one_spine", 1.0, "item", "one spine")
    model.constant("dendrite_length", plan.length_um, "um", "length of a dendrite")
    for name, number in zip(tissue.model.classes, initial, strict=True):
        model.amount(name, "dendrite", "item", f"{name} spines", float(number))
    first = {"formation": "formation", "maturation": "hazard to mature", "elimination": "elimination hazard"}
    ends = [
        model.constant(f"change_{cell}", float(folds.edges[cell]) - plan.sessions[0], "day",
                       f"time of day {folds.edges[cell]:g}")
        for cell in range(1, len(folds.formation))
    ]  # fmt: skip
    for place, name in enumerate(_FOLDS, start=1):
        words = f"{first[name]} over baseline" + (", age trend included" if name == "formation" else "")
        values = [float(value) for value in folds[place]]
        if by == "events" or not ends:
            model.add(Quantity(f"{name}_fold", words, "1", value=values[0], rate="held"))
            continue
        pieces = [text for value, end in zip(values, ends, strict=False) for text in (_pure(value), f"time < {end}")]
        model.rule(f"{name}_fold", f"piecewise({', '.join([*pieces, _pure(values[-1])])})", "1", words)
    for cell, end in enumerate(ends if by == "events" else (), start=1):
        then = {f"{name}_fold": _pure(folds[place][cell]) for place, name in enumerate(_FOLDS, start=1)}
        model.events.append(Event(f"{end}_event", f"rates of cell {cell}", f"time >= {end}", then, turn=cell))
    _add_reactions(model, plan, tissue)
    return model


def _starts(plan: Plan, tissue: Tissue) -> dict[str, float]:
    means = tissue.initial_means(plan.density_per_um) * plan.length_um
    return dict(zip(tissue.model.classes, means.tolist(), strict=True))


def _add_reactions(model: Description, plan: Plan, tissue: Tissue) -> None:
    def number(key: str) -> str:
        return model.parameter(plan.parameters[f"{plan.study}.{key}"])

    for name in tissue.model.classes:
        if name in FORMATION_OF:
            model.reactions.append(
                Reaction(f"birth_of_{name}", f"formation of a {name} spine", (), (name,),
                         f"{number(FORMATION_OF[name])} * dendrite_length * formation_fold * one_spine")
            )  # fmt: skip
        model.reactions.append(
            Reaction(f"loss_of_{name}", f"elimination of a {name} spine", (name,), (),
                     f"{number(ELIMINATION_OF[name])} * elimination_fold * {name}")
        )  # fmt: skip
    for key, start, end, fold in (
        ("maturation", "nascent", "mature", " * maturation_fold"),
        ("dematuration", "mature", "nascent", ""),
    ):
        model.reactions.append(
            Reaction(key, f"a {start} spine becomes {end}", (start,), (end,), f"{number(key)}{fold} * {start}")
        )
