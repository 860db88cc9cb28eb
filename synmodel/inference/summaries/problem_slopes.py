r"""Exact slopes of the residuals of a joint fit.

With r = W (published - expected) / SEM, where W whitens the means of an arm, r' = -W expected' / SEM; the change of
head width is (1 + bias) e^s - 1 with the shift s of ln w. Signed roots of deviances have the slopes of
:func:`synmodel.inference.summaries.twitch_terms.root_slopes`.

The gradient of the log-density is -r' r. Slopes are in the values of parameters first, and then times that of the
value on the scale of the fit.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from synmodel.core.errors import SimulationError
from synmodel.imaging.expectation import Expected
from synmodel.inference.summaries.arm_slopes import arm_slopes, has_exact_slope
from synmodel.inference.summaries.differences import scale_slopes, slope_by_differences
from synmodel.inference.summaries.targets import ArmTargets, Persistence
from synmodel.inference.summaries.twitch_terms import root_slopes

if TYPE_CHECKING:
    from synmodel.inference.summaries.problem import SummaryProblem, Term

__all__ = ["Columns", "SlopedTerm", "arm_rows", "columns_of", "problem_rows", "root_deviance_slopes"]

Array = NDArray[np.float64]


class Columns(NamedTuple):
    """Parameters that move an arm or a term, and the (n,) columns of the free parameters that they follow."""

    names: list[str]
    at: NDArray[np.int64]


@runtime_checkable
class SlopedTerm(Protocol):
    """A term of the likelihood that knows its slopes."""

    def slopes(self, values: Mapping[str, float], names: Sequence[str]) -> Array:
        """(n, name) slopes of its residuals in the values of parameters."""
        ...


def columns_of(read: Iterable[str], free: Sequence[str], tied: Mapping[str, str]) -> Columns:
    """Which of the parameters that are read follow free ones: those that are free, and those tied to one of them."""
    read = frozenset(read)
    follow = [(name, at) for at, name in enumerate(free)]
    follow += [(tie, list(free).index(other)) for tie, other in tied.items() if other in free]
    found = [(name, at) for name, at in follow if name in read]
    return Columns([name for name, _ in found], np.array([at for _, at in found], np.int64))


def problem_rows(problem: "SummaryProblem", columns: tuple[list[Columns], list[Columns]], vector: Array) -> Array:
    """(n_residual, n_free) slopes of all residuals but those of the prior, on the scales of the fit.

    Parameters
    ----------
    problem : SummaryProblem
    columns : tuple of lists of Columns
        Of the arms, and of the terms.
    vector : (n_free,) ndarray
    """
    values = problem.values(vector)
    found = [(each, arm_rows(problem, place, values, each.names)) for place, each in enumerate(columns[0])]
    found += [(each, term_rows(problem.terms[at], values, each.names)) for at, each in enumerate(columns[1])]
    pieces = []
    for each, slopes in found:
        rows = np.zeros((len(slopes), len(vector)))
        for column, slope in zip(each.at.tolist(), slopes.T, strict=True):
            rows[:, column] += slope
        pieces.append(rows)
    return np.concatenate(pieces) * scale_slopes(problem.parameters, problem.free, vector)


def arm_rows(problem: "SummaryProblem", place: int, values: Mapping[str, float], names: Sequence[str]) -> Array:
    """(n_residual, name) slopes of the whitened residuals of an arm in the values of parameters.

    Parameters
    ----------
    problem : SummaryProblem
    place : int
        Of the arm.
    values : mapping
        All parameter values.
    names : sequence of str
        Parameters on which the arm depends.
    """
    target = problem.arms[place]
    size = sum(len(means.at) for means in target.means)
    rows = np.zeros((size + (0 if target.persistence is None else len(target.persistence.end)), len(names)))
    exact = [at for at, name in enumerate(names) if has_exact_slope(name)]
    wanted = [names[at] for at in exact]
    try:
        prediction = problem.predict_arm(place, values)
        state = problem.state(place, values)
        drive = problem.drives.slopes(target, values, wanted)
        expected, shift = arm_slopes(target, state, values, wanted, drive, problem.protected)
        for at, name in enumerate(names):
            if not has_exact_slope(name):
                rows[:, at] = slope_by_differences(lambda given: problem.whitened(place, given), values, name)
    except SimulationError:
        return rows
    of_shift = (1.0 + prediction.head_width) * (shift[:, 1:] - shift[:, :1])
    slopes = prediction._replace(expected=expected, head_width=of_shift)
    of_means = np.concatenate(
        [-slopes.of(means.quantity)[:, means.at] / means.sem(problem.unit) for means in target.means], axis=1
    )
    rows[:size, exact] = problem.whitening[place] @ of_means.T
    if target.persistence is not None:
        rows[size:, exact] = _persistence_rows(target, target.persistence, prediction.expected, expected).T
    return rows


def _persistence_rows(target: ArmTargets, persistence: Persistence, expected: Expected, slopes: Expected) -> Array:
    """(direction, n) slopes of :meth:`SummaryProblem.persistence_residuals`."""
    later = target.sessions[target.sessions > 0][1:]
    at = np.searchsorted(later, persistence.end)
    if target.study.persistence != "followed":
        p, d_p, trials = expected.persistence_seen[at], slopes.persistence_seen[:, at], persistence.new
        return d_p * root_deviance_slopes(persistence.present, trials, p)
    reach, d_reach = expected.persistence_followed[at], slopes.persistence_followed[:, at]
    before = np.concatenate([[1.0], reach[:-1]])
    d_before = np.concatenate([np.zeros((len(d_reach), 1)), d_reach[:, :-1]], axis=1)
    trials = np.concatenate([persistence.new[:1], persistence.present[:-1]])
    p = reach / before
    return (d_reach - p * d_before) / before * root_deviance_slopes(persistence.present, trials, p)


def root_deviance_slopes(successes: Array, trials: Array, probability: Array) -> Array:
    """(n,) slopes of :func:`synmodel.inference.summaries.problem.signed_root_deviance` in the probabilities."""
    from synmodel.inference.summaries.problem import signed_root_deviance

    p = np.clip(probability, 1e-12, 1 - 1e-12)
    root = signed_root_deviance(successes, trials, probability)
    with np.errstate(divide="ignore", invalid="ignore"):
        q = successes / trials
        slopes = root_slopes(
            root, p - q, p * (1.0 - p) / trials, q * (1.0 - q) / trials, (1.0 - 2.0 * q) / trials,
            np.minimum(successes, trials - successes),
        )  # fmt: skip
    return np.where(trials > 0, slopes, 0.0)


def term_rows(term: "Term", values: Mapping[str, float], names: Sequence[str]) -> Array:
    """(n, name) slopes of the residuals of a term: its own, or by differences where it has none."""
    if isinstance(term, SlopedTerm):
        return term.slopes(values, names)
    size = len(term.residuals(values))
    columns = [slope_by_differences(term.residuals, values, name) for name in names]
    return np.stack(columns, axis=1) if columns else np.zeros((size, 0))
