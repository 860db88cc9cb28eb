"""A piece of work: a run of consecutive replicates of one cell, and its summaries.

A cell is cut into pieces of nearly equal numbers of replicates; the cut depends on the plan alone. Of each piece and
statistic there remain n, the mean and M2 = sum (x - mean)^2, and quantiles. Pieces are merged in their order::

    n = n_a + n_b      d = mean_b - mean_a      mean = mean_a + d n_b / n      M2 = M2_a + M2_b + d^2 n_a n_b / n

so bits do not depend on who did which piece when. Quantiles of a cell of one piece are exact (linear between order
statistics). Those of several pieces are the mean, weighted by n, of the pieces' quantiles at Weibull's positions
p (n + 1), whose expected level is p: memory stays bounded, and the bias is of order 1 / 1024 of the spread.

The control of a cell runs on the same replicates with the same draws; the contrast is formed replicate by replicate.

A sweep of exact expectations has one piece per cell, whose record holds a row for every draw of the posterior (one row
without a posterior) in place of a summary; the contrast is formed draw by draw.

References
----------
Chan, Golub and LeVeque 1983, Am Stat 37:242, doi:10.1080/00031305.1983.10483115 (merging).
"""

import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from synmodel import library
from synmodel.analysis.sweeps.draws import Draws
from synmodel.analysis.sweeps.outputs import Point, exact_values_of, values_of
from synmodel.analysis.sweeps.plan import Plan
from synmodel.core.documents import FrozenMapping
from synmodel.core.errors import SynmodelError
from synmodel.library import Own
from synmodel.library.parameters import ParameterSet
from synmodel.library.provenance import libraries, version_of_synmodel
from synmodel.scenario import Scenario
from synmodel.simulation import parameters_of
from synmodel.simulation.cells import Ready, prepared, setup_of
from synmodel.simulation.tissue import tissue_names
from synmodel.turnover.simulator import thread_count

__all__ = [
    "ROWS",
    "Answer",
    "Piece",
    "Work",
    "arms_of",
    "compute",
    "computed",
    "made_with",
    "merged",
    "pieces_per_cell",
    "rows_of",
    "works_of",
]

Array = NDArray[np.float64]

ROWS = 3
"""Rows of a record before its quantiles: n, mean, M2."""

_MOST_IN_PIECE = 1024
_FEWEST_IN_PIECE = 32
_DENDRITES_IN_PIECE = 131_072
_FEWEST_TO_SHARE = 500  # dendrites; a few hundredths of a second for one thread
_SECONDS_PER_DENDRITE = 5e-5  # of seven sessions; only to make tasks of about a second
_SECONDS_PER_PIECE = 0.1
_SECONDS_PER_EXPECTATION = 0.004
_TASK_SECONDS = 1.0
_MOST_AT_ONCE = 256  # pieces that are made ready together in this process, which does them one by one
_REMEMBERED_BYTES, _REMEMBERED_CONTROLS = 64_000_000, 1000


class Piece(NamedTuple):
    """A run of replicates of one cell."""

    slot: int
    scenario: Scenario
    control: Scenario | None
    first: int
    replicates: int


@dataclass(frozen=True)
class Work:
    """Pieces that are done together, with all that a worker needs to do them."""

    pieces: tuple[Piece, ...]
    base: ParameterSet | None
    seed: int
    points: tuple[Point, ...]
    quantiles: tuple[float, ...]
    whole_cells: bool
    own: Own
    exact: bool = False
    draws: Draws | None = None

    @property
    def rows(self) -> int:
        """Rows of a record."""
        return _rows(self.exact, self.draws, self.quantiles)


@dataclass(frozen=True, eq=False)
class Answer:
    """What became of pieces: per piece its slot, its record (arm, row, point), and why it failed if it did."""

    records: list[tuple[int, Array, str]]
    made_with: str


def arms_of(plan: Plan) -> tuple[str, ...]:
    """Prefixes of the variables of a result: the cell itself, its control, the contrast."""
    return ("",) if plan.control == "none" else ("", "control_", "contrast_")


def rows_of(plan: Plan) -> int:
    """Rows of a record: draws of exact expectations, or n, mean, M2 and quantiles."""
    return _rows(plan.exact, plan.draws, plan.quantiles)


def _rows(exact: bool, draws: Draws | None, quantiles: Sequence[float]) -> int:
    if not exact:
        return ROWS + len(quantiles)
    return 1 if draws is None else len(draws)


def made_with() -> str:
    """Versions that numbers may depend on."""
    return f"synmodel {version_of_synmodel()}, {libraries()}"


def pieces_per_cell(plan: Plan) -> int:
    """Into how many pieces each cell is cut: at most 1024 replicates, fewer of a large cohort."""
    if plan.exact:
        return 1
    cohorts = [plan.cell(number).scenario.cohort for number in (0, plan.n_cell - 1)]
    dendrites = max(cohort.animals * cohort.dendrites_per_animal for cohort in cohorts)
    most = min(_MOST_IN_PIECE, max(_FEWEST_IN_PIECE, _DENDRITES_IN_PIECE // dendrites))
    return -(-plan.replicates // most)


def works_of(plan: Plan, is_done: Sequence[bool] | NDArray[np.bool_], *, alone: bool) -> Iterator[Work]:
    """What is left to do, in order.

    Parameters
    ----------
    is_done : sequence of bool
        By slot: cells in order, pieces within each.
    alone : bool
        For this process alone, which notes them one by one: up to 256; else as many as take about a second.
    """
    per_cell = pieces_per_cell(plan)
    edges = [plan.replicates * k // per_cell for k in range(per_cell + 1)]
    collected: list[Piece] = []
    seconds = 0.0
    for number in range(plan.n_cell):
        slots = [number * per_cell + k for k in range(per_cell)]
        if all(is_done[slot] for slot in slots):
            continue
        cell = plan.cell(number)
        dendrites = cell.scenario.cohort.animals * cell.scenario.cohort.dendrites_per_animal
        for k, slot in enumerate(slots):
            if is_done[slot]:
                continue
            count = edges[k + 1] - edges[k]
            collected.append(Piece(slot, cell.scenario, cell.control, edges[k], count))
            if plan.exact:
                seconds += 2 * rows_of(plan) * _SECONDS_PER_EXPECTATION
            else:
                seconds += _SECONDS_PER_PIECE + 2 * count * dendrites * _SECONDS_PER_DENDRITE
            if len(collected) == _MOST_AT_ONCE if alone else seconds > _TASK_SECONDS:
                yield _work(plan, collected, whole_cells=per_cell == 1)
                collected, seconds = [], 0.0
    if collected:
        yield _work(plan, collected, whole_cells=per_cell == 1)


def _work(plan: Plan, pieces: list[Piece], *, whole_cells: bool) -> Work:
    own = library.in_use()  # goes with the task: a worker may be elsewhere
    return Work(
        tuple(pieces), plan.base, plan.seed, plan.points, plan.quantiles, whole_cells, own, plan.exact, plan.draws
    )


_ONE_AT_A_TIME = threading.Lock()  # a piece may take all threads, so tasks of one process take turns


def compute(work: Work, threads: int | None = None) -> Answer:
    """Do the pieces; a piece whose scenario no simulator can run fails with a reason, and does not stop the others.

    Parameters
    ----------
    work : Work
    threads : int, optional
        Threads of the compiled loops; default: all. The bits do not depend on it.
    """
    return Answer([record for answer in computed(work, threads) for record in answer.records], made_with())


def computed(work: Work, threads: int | None = None) -> Iterator[Answer]:
    """:func:`compute`, piece by piece."""
    ready, versions = _prepared(work), made_with()
    for piece in work.pieces:
        with _ONE_AT_A_TIME, library.using(own=work.own):
            try:
                with thread_count(1 if _is_small(work, piece) else threads):
                    answer = piece.slot, _record(work, piece, next(ready)), ""
            except SynmodelError as error:
                arms = 1 if piece.control is None else 3
                answer = piece.slot, np.full((arms, work.rows, len(work.points)), np.nan), str(error)
        yield Answer([answer], versions)


def _prepared(work: Work) -> Iterator[Ready | None]:
    """The cells of all pieces, made ready together; those at draws of a posterior one by one where they are used."""
    if work.draws is not None:
        return (None for _ in work.pieces)
    return prepared((piece.scenario for piece in work.pieces), work.base)


def _is_small(work: Work, piece: Piece) -> bool:
    """Whether threads would take longer to wake up than the piece takes one of them; exact cells have no such loops."""
    cohort = piece.scenario.cohort
    return work.exact or piece.replicates * cohort.animals * cohort.dendrites_per_animal < _FEWEST_TO_SHARE


def _record(work: Work, piece: Piece, ready: Ready | None) -> Array:
    """(arm, row, point) summaries, or expectations, of one piece."""
    method: Literal["linear", "weibull"] = "linear" if work.whole_cells else "weibull"
    values = _values(work, piece.scenario, piece, ready)
    arms = [values]
    if piece.control is not None:
        control = _remembered(work, _shared(piece.control), piece)
        arms += [control, values - control]
    if work.exact:
        return np.stack(arms)
    if values.shape[1] == 1:  # whose sums over replicates numpy adds up in another order than those of several columns
        return np.stack([_summary(arm, work.quantiles, method) for arm in arms])
    side_by_side = _summary(np.concatenate(arms, axis=1), work.quantiles, method)
    return np.stack(np.split(side_by_side, len(arms), axis=1))


def _values(work: Work, scenario: Scenario, piece: Piece, ready: Ready | None = None) -> Array:
    """(replicate or draw, point) statistics of a cell or its control, which may have been made ready already."""
    if work.draws is not None:
        setup = setup_of(scenario)
        return exact_values_of([setup.at(parameters_of(scenario, each)) for each in work.draws.sets()], work.points)
    made = next(prepared([scenario], work.base)) if ready is None else ready
    if isinstance(made, SynmodelError):
        raise made
    if work.exact:
        return exact_values_of([made], work.points)
    return values_of(made, work.seed, piece.first, piece.replicates, work.points)


_MEMORY: OrderedDict[tuple[Scenario, str, str, int, int, int, int], Array] = OrderedDict()


def _shared(control: Scenario) -> Scenario:
    """A control without the parameters of drugs and of the cascade where nothing acts, so that more cells share it."""
    acts = control.regimen.doses or control.spells or control.subject.genotype != "wild-type"
    if acts or not control.parameters:
        return control
    of_tissue = tissue_names(control.baseline)
    kept = {name: value for name, value in control.parameters.items() if name in of_tissue}
    return control.model_copy(update={"parameters": FrozenMapping(kept)})


def _remembered(work: Work, control: Scenario, piece: Piece) -> Array:
    """Values of a control, which neighbouring cells often share; the last ones are kept."""
    base = (work.own.digest if work.own else "") + ("" if work.base is None else work.base.digest())
    kind = "" if not work.exact else "exact " + ("" if work.draws is None else work.draws.digest)
    key = (control, base, kind, hash(work.points), work.seed, piece.first, piece.replicates)
    if key in _MEMORY:
        _MEMORY.move_to_end(key)
    else:
        _MEMORY[key] = _values(work, control, piece)
        # Pieces are about alike, so the last one tells how many there is room for.
        while len(_MEMORY) > max(1, min(_REMEMBERED_CONTROLS, _REMEMBERED_BYTES // max(1, _MEMORY[key].nbytes))):
            _MEMORY.popitem(last=False)
    return _MEMORY[key]


def _summary(values: Array, quantiles: Sequence[float], method: Literal["linear", "weibull"]) -> Array:
    """(row, point): n, mean, M2 and quantiles over the replicates in which a statistic is known."""
    known = np.isfinite(values)
    n = known.sum(axis=0).astype(float)
    at_least_one = np.maximum(n, 1.0)
    mean = np.where(known, values, 0.0).sum(axis=0) / at_least_one
    squares = (np.where(known, values - mean, 0.0) ** 2).sum(axis=0)
    rows = np.full((ROWS + len(quantiles), values.shape[1]), np.nan)
    rows[0] = n
    some = n > 0
    rows[1, some], rows[2, some] = mean[some], squares[some]
    if quantiles:
        always = n == len(values)
        rows[ROWS:, always] = np.quantile(values[:, always], quantiles, axis=0, method=method)
        for column in np.flatnonzero(some & ~always):
            rows[ROWS:, column] = np.quantile(values[known[:, column], column], quantiles, method=method)
    return rows


def merged(pieces: Iterable[Array]) -> Array:
    """(..., row, point) summary of a cell from those of its pieces, in their order; one at a time is held."""
    total = None
    for piece in pieces:
        total = piece.copy() if total is None else _together(total, piece)
    assert total is not None
    return total


def _together(total: Array, piece: Array) -> Array:
    n_a, n_b = total[..., 0, :], piece[..., 0, :]
    n = n_a + n_b
    share = np.divide(n_b, n, out=np.zeros_like(n), where=n > 0)
    difference = piece[..., 1, :] - total[..., 1, :]
    both = np.empty_like(total)
    both[..., 0, :] = n
    both[..., 1, :] = total[..., 1, :] + difference * share
    both[..., 2, :] = total[..., 2, :] + piece[..., 2, :] + difference**2 * n_a * share
    both[..., ROWS:, :] = total[..., ROWS:, :] + (piece[..., ROWS:, :] - total[..., ROWS:, :]) * share[..., None, :]
    # A piece in which a statistic is never known adds nothing.
    return np.where((n_b == 0)[..., None, :], total, np.where((n_a == 0)[..., None, :], piece, both))
