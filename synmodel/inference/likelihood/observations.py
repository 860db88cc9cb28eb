"""Likelihood of Observations, real or simulated: the labelled layer over the class filters."""

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from synmodel.core.errors import FitError
from synmodel.core.schema import OBSERVATIONS, conform
from synmodel.data.counts import resolution
from synmodel.data.explanations import Piece, Record, pieces_of
from synmodel.inference.likelihood.blocks import Block, blocks_of, evidence_of_blocks
from synmodel.inference.likelihood.counts import one_level, refuse_animals
from synmodel.inference.likelihood.courses import LossFrailty, courses_of
from synmodel.inference.likelihood.runs import Runs, whole_numbers
from synmodel.turnover.hazards import checked_times
from synmodel.turnover.model import TurnoverModel

__all__ = ["Tables", "blocks_of_tables", "dendrite_tables", "log_likelihood"]

Array = NDArray[np.float64]


def log_likelihood(
    model: TurnoverModel,
    observations: xr.Dataset,
    *,
    drive: xr.Dataset | None = None,
    composition: str | ArrayLike = "stationary",
    per_um: bool = True,
    birth_effect: str = "lasting",
    frailty: LossFrailty | None = None,
) -> xr.DataArray:
    """Log-probability of the gains and losses of every dendrite given its counts at the start of each run.

    What was not recorded (NaN) is summed over: gains, losses, or both, of an interval whose ends are counted; a session
    that was skipped is joined over, and gains and losses at the next compare with the last session before. A dendrite's
    chain is cut where an interval does not add up (count, gained and lost disagree). Each longest piece without a
    cut, a *run*, is a factor of its own: it starts from its own count, with the composition and mean number
    that the model expects at that session of a dendrite that has not been looked at. With a cut this is a partial
    likelihood: what earlier runs tell of later ones is not used, and nothing is lost without one.

    Fractions need the length law of their study, so they are left to :func:`synmodel.inference.fit`.

    Parameters
    ----------
    model : TurnoverModel
        Rates, with up to three classes.
    observations : Dataset
        Observations (:data:`synmodel.core.schema.OBSERVATIONS`), with or without replicates.
    drive : Dataset, optional
        A Drive.
    composition : "stationary" or (K,) array_like
        Probabilities of the classes of a spine at the first session.
    per_um : bool
        Whether the model's births are per um of dendrite (each dendrite then has its mean length over
        sessions) or per dendrite.
    birth_effect, frailty
        As in :func:`counts_log_likelihood`.

    Returns
    -------
    DataArray
        ``log_likelihood`` on (animal, dendrite), after ``replicate`` if there is one; 0 for a dendrite of which
        no interval is known.

    Raises
    ------
    FitError
        For numbers that are no counts, a dendrite without a length, or what
        :func:`counts_log_likelihood` refuses.
    """
    conform(observations, OBSERVATIONS)
    refuse_animals(model)
    sessions = checked_times(observations["session"].to_numpy())
    count = observations["spine_count"]
    shape = count.shape[:-1]
    leading = {str(dim): size for dim, size in count.sizes.items() if dim != "session"}
    tables = dendrite_tables(observations, leading)._replace(formation=None, elimination=None)
    blocks = blocks_of_tables(tables, lambda: _scales(tables.length_um, per_um=per_um), 1.0)
    total = np.zeros(len(tables.spine_count))
    if blocks:
        evidence, dendrite = evidence_of_blocks(blocks, courses_of(model, sessions, drive, composition, frailty))
        np.add.at(total, dendrite, one_level(evidence, model, birth_effect))
        _refuse_no_length(blocks, tables.length_um)
    return xr.DataArray(
        total.reshape(shape),
        dims=tuple(leading),
        coords={name: values for name, values in count.coords.items() if "session" not in values.dims},
        name="log_likelihood",
        attrs={"units": "1", "long_name": "log-probability of gains and losses given the first count"},
    )


class Tables(NamedTuple):
    """Numbers of dendrites, NaN where not known.

    Attributes
    ----------
    spine_count, length_um, density_per_um : (dendrite, session) ndarray
    gained, lost : (dendrite, interval) ndarray
    formation, elimination : (dendrite, interval) ndarray or None
        Fractions; None where there are none.
    """

    spine_count: Array
    gained: Array
    lost: Array
    length_um: Array
    density_per_um: Array
    formation: Array | None
    elimination: Array | None


def dendrite_tables(observations: xr.Dataset, leading: dict[str, int] | None = None) -> Tables:
    """Numbers of all dendrites of Observations, in the order of animal and dendrite (after other leading dims)."""
    dims = leading or {"animal": observations.sizes["animal"], "dendrite": observations.sizes["dendrite"]}

    def table(name: str, last: str) -> Array:
        each = observations[name].reset_coords(drop=True)
        each = each.expand_dims({d: n for d, n in dims.items() if d not in each.dims})
        shape = (math.prod(dims.values()), observations.sizes[last])
        return each.transpose(*dims, last).to_numpy().reshape(shape).astype(float)

    def by_session(name: str) -> Array | None:
        known = name in observations and observations[name].dtype.kind == "f"
        if not known or "session" not in observations[name].dims:
            return None
        return table(name, "session")

    count = table("spine_count", "session")
    formation, elimination = by_session("formation_fraction"), by_session("elimination_fraction")
    density = by_session("density_per_um")
    both = formation is not None and elimination is not None
    return Tables(
        count,
        table("gained", "interval"),
        table("lost", "interval"),
        table("length_um", "session"),
        np.full(count.shape, np.nan) if density is None else density,
        formation[:, 1:] if both and formation is not None else None,
        elimination[:, 1:] if both and elimination is not None else None,
    )


def blocks_of_tables(tables: Tables, length_um: Callable[[], Array], density: float) -> list[Block]:
    """Blocks of all dendrites.

    Parameters
    ----------
    tables : Tables
    length_um : callable
        Gives the (dendrite,) mean lengths, if any dendrite was counted.
    density : float
        Of the study, see :func:`synmodel.inference.likelihood.blocks.blocks_of`.

    Raises
    ------
    FitError
        For numbers that are no counts, and whatever ``length_um`` raises.
    """
    for name, table in (("spine_count", tables.spine_count), ("gained", tables.gained), ("lost", tables.lost)):
        whole_numbers(name, np.where(np.isnan(table), 0.0, table))
    whole = _whole_rows(tables)
    others = list(_pieces(tables, np.flatnonzero(~whole)))
    counted = whole.any() or any(piece.counted for _, piece in others)
    lengths = length_um() if counted else np.empty(0)
    blocks = blocks_of(others, lengths, tables.spine_count.shape[1], density)
    return [*_whole_block(tables, np.flatnonzero(whole), lengths), *blocks]


def _whole_rows(tables: Tables) -> NDArray[np.bool_]:
    """(dendrite,) whether all is counted and adds up; without a length, it may have been found from fractions."""
    count = tables.spine_count
    adds_up = (count[:, 1:] == count[:, :-1] + tables.gained - tables.lost) & (tables.lost <= count[:, :-1])
    counted = np.isfinite(tables.length_um).any(axis=1) | (tables.formation is None)
    return np.asarray(adds_up.all(axis=1) & (count.shape[1] > 1) & counted)


def _whole_block(tables: Tables, rows: NDArray[np.int64], length_um: Array) -> list[Block]:
    if len(rows) == 0:
        return []
    count, gained, lost = (each[rows].astype(np.int64) for each in (tables.spine_count, tables.gained, tables.lost))
    runs = Runs.recorded(count[:, 0], gained, lost)
    return [Block(np.arange(count.shape[1]), runs, np.arange(len(rows)), rows, length_um[rows], None)]


def _pieces(tables: Tables, rows: NDArray[np.int64]) -> Iterator[tuple[int, Piece]]:
    """Pieces of the dendrites of which something is not known."""
    blank = np.full(tables.gained.shape, np.nan)
    formation = blank if tables.formation is None else tables.formation
    elimination = blank if tables.elimination is None else tables.elimination
    tolerance = (resolution(formation), resolution(elimination))
    for row in rows.tolist():
        record = Record(
            spine_count=tables.spine_count[row],
            gained=tables.gained[row],
            lost=tables.lost[row],
            formation=formation[row],
            elimination=elimination[row],
            density_per_um=tables.density_per_um[row],
            length_um=tables.length_um[row],
        )
        for piece in pieces_of(record, tolerance)[0]:
            yield row, piece


def _scales(length_um: Array, *, per_um: bool) -> Array:
    """(dendrite,) mean length of each dendrite [um], NaN where none is known; 1 for births per dendrite."""
    if not per_um:
        return np.ones(len(length_um))
    known = np.isfinite(length_um)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(known, length_um, 0.0).sum(axis=1) / known.sum(axis=1))


def _refuse_no_length(blocks: list[Block], length_um: Array) -> None:
    for block in blocks:
        wrong = block.dendrite[block.record][~(block.scale > 0)]
        if len(wrong):
            message = (
                f"length_um of dendrite {wrong[0]} (in the order of the table) is {length_um[wrong[0]].tolist()}; "
                "births are per um, so give its length [um], or per_um=False for births per dendrite"
            )
            raise FitError(message)
