"""The job behind ``synmodel measure-next``: one ensemble, three rankings."""

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from synmodel.analysis.measuring.conclusions import Measurable, conclusions, evaluate
from synmodel.analysis.measuring.ensemble import Ensemble, Fixed, fixed_numbers
from synmodel.analysis.measuring.experiments import Measurement, measurements
from synmodel.analysis.measuring.shares import expected_reduction, share_known, sobol_normal
from synmodel.core.errors import FitError, SimulationError
from synmodel.core.progress import Steps
from synmodel.core.randomness import checked_seed, generator_of
from synmodel.inference.summaries.hierarchy import EFFECTS
from synmodel.inference.summaries.joint import Posterior, load_posterior
from synmodel.turnover.arguments import whole_number

__all__ = ["Ranking", "rank"]

Array = NDArray[np.float64]
_FEWEST = 20
_SCREENED = 0.02
_RESAMPLES = 200
_SHIFTS = 20
_BY_NUMBER = ("number", "conclusion")
_ENDS = {"": "", "_low": ", lower end of 95 % of resamples", "_high": ", upper end of 95 % of resamples"}


@dataclass(frozen=True, eq=False)
class Ranking:
    """What a ranking rests on and what it says.

    Attributes
    ----------
    ensemble : Ensemble
    conclusions : tuple of Measurable
    measurements : tuple of Measurement
    chosen : tuple of Fixed
        Fixed numbers that were not screened out.
    result : Dataset
        ``median``, ``low``, ``high``, ``laboratory_share`` and ``fixed_share`` on (conclusion); ``share`` on
        (number, conclusion), with the coordinate ``kind`` (fixed or posterior), and ``spread_left``; ``chance``, a mean
        share that is not told from chance; ``linear_share`` on (fixed, conclusion); ``first_order`` and
        ``total_order`` with ``_low`` and ``_high`` on (factor, conclusion), of the variance that fixed numbers make;
        ``reduction`` with ``_low`` and ``_high`` on (measurement, conclusion).
    """

    ensemble: Ensemble
    conclusions: tuple[Measurable, ...]
    measurements: tuple[Measurement, ...]
    chosen: tuple[Fixed, ...]
    result: xr.Dataset


def rank(
    *,
    draws: int = 500,
    points: int = 64,
    seed: int = 1,
    posterior: Posterior | None = None,
    progress: Steps | None = None,
) -> Ranking:
    """Rank numbers and measurements by how much of the variance of the main conclusions they carry or remove.

    Parameters
    ----------
    draws : int
        Of the ensemble.
    points : int
        Of the Sobol sequence, a power of two.
    seed : int
        Of all draws.
    posterior : Posterior, optional
        Default: that of the library.
    progress : callable, optional
        Called with (what, done, of).

    Raises
    ------
    FitError
        If points is no power of two, or most draws are not possible.
    """
    checked_seed(seed)
    whole_number("draws", draws)
    if draws < _FEWEST or points < 2 or points & (points - 1):
        message = f"draws is {draws} and points {points}; give at least {_FEWEST} draws, and a power of two of points"
        raise FitError(message)
    source = load_posterior() if posterior is None else posterior
    wanted, candidates = conclusions(), tuple(measurements(seed))
    ensemble = Ensemble(source, tuple(fixed_numbers(source, wanted)))
    sample = _sample(ensemble, wanted, candidates, draws, seed, progress)
    linear = _linear(ensemble, wanted)
    chosen = np.flatnonzero((linear > _SCREENED).any(axis=1))
    sobol = _sobol(ensemble, wanted, chosen, points, seed, progress)
    result = _dataset(ensemble, wanted, candidates, sample, linear, chosen, sobol, seed)
    result.attrs.update(draws=len(sample.z), points=points)
    return Ranking(ensemble, wanted, candidates, tuple(ensemble.fixed[i] for i in chosen), result)


@dataclass(frozen=True, eq=False)
class _Sample:
    """Draws of the ensemble, and what follows from each: (n, ...) arrays."""

    places: NDArray[np.int64]
    vectors: Array
    z: Array
    conclusions: Array
    elsewhere: Array
    observed: list[Array]


def _sample(
    ensemble: Ensemble,
    wanted: tuple[Measurable, ...],
    candidates: tuple[Measurement, ...],
    draws: int,
    seed: int,
    progress: Steps | None,
) -> _Sample:
    """Conclusions in the typical laboratory; and, with what is measured, in one that no study is of."""
    vectors, z = ensemble.draws(draws, seed)
    labs = generator_of(seed, "laboratories").standard_normal((draws, len(EFFECTS)))
    asked = (*wanted, *(quantity for each in candidates for quantity in each.quantities))
    rows, kept = [], []
    for at in range(draws):
        vectors[at] += ensemble.moved(z[at])
        try:
            typical = evaluate(wanted, ensemble.parameters(vectors[at], z[at]))
            rows.append(np.concatenate([typical, evaluate(asked, ensemble.parameters(vectors[at], z[at], labs[at]))]))
        except SimulationError:
            continue  # more young spines than spines: not a possible dendrite
        kept.append(at)
        if progress is not None:
            progress("draws of all that is uncertain", at + 1, draws)
    if len(kept) < draws / 2:
        message = (
            f"in only {len(kept)} of {draws} draws of the posterior, and of the numbers it holds fixed, a dendrite has "
            "no more nascent spines than spines, and at least half of them are needed; give a posterior that leaves "
            "less open, such as that of the library"
        )
        raise FitError(message)
    values, n = np.array(rows), len(wanted)
    vectors, z = vectors[kept], z[kept]
    observed, first = [], 2 * n
    for each in candidates:
        if each.numbers:
            observed.append(_logarithms(ensemble, each.numbers, vectors, z))
            continue
        observed.append(values[:, first : first + len(each.quantities)])
        first += len(each.quantities)
    places = ensemble.posterior.places(draws, seed)[kept]
    return _Sample(places, vectors, z, values[:, :n], values[:, n : 2 * n], observed)


def _logarithms(ensemble: Ensemble, names: tuple[str, ...], vectors: Array, z: Array) -> Array:
    """(n, n_name) logarithms of numbers, free or fixed, up to a constant."""
    free, fixed = ensemble.posterior.problem.free, [each.parameter.name for each in ensemble.fixed]
    columns = [
        vectors[:, free.index(name)]
        if name in free
        else z[:, fixed.index(name)] * ensemble.fixed[fixed.index(name)].spread
        for name in names
    ]
    return np.stack(columns, axis=1)


def _linear(ensemble: Ensemble, wanted: tuple[Measurable, ...]) -> Array:
    """(n_fixed, n_conclusion) squared effect of one spread of each fixed number, over the sum of all."""
    effects = []
    for at in range(len(ensemble.fixed)):
        z = np.zeros(len(ensemble.fixed))
        ends = []
        for sign in (0.5, -0.5):
            z[at] = sign * ensemble.spreads[at]
            ends.append(_at(ensemble, wanted, z))
        effects.append(ends[0] - ends[1])
    squares = np.array(effects) ** 2
    total = squares.sum(axis=0)
    return np.divide(squares, total, out=np.zeros_like(squares), where=total > 0)


def _at(ensemble: Ensemble, wanted: tuple[Measurable, ...], z: Array) -> Array:
    """Conclusions where fixed numbers are z spreads from the library's values and the data were fitted again."""
    return evaluate(wanted, ensemble.parameters(ensemble.posterior.vector + ensemble.moved(z), z))


def _sobol(
    ensemble: Ensemble,
    wanted: tuple[Measurable, ...],
    chosen: NDArray[np.int64],
    points: int,
    seed: int,
    progress: Steps | None,
) -> tuple[Array, Array]:
    """Sobol indices over what the data leave of the priors of fixed numbers, and the variance that these make."""
    done, of = 0, points * (len(chosen) + 2)

    def outcome(u: Array) -> Array:
        nonlocal done
        z = np.zeros(len(ensemble.fixed))
        z[chosen] = u * ensemble.spreads[chosen]
        done += 1
        if progress is not None:
            progress("numbers that are held fixed", done, of)
        return _at(ensemble, wanted, z)

    return sobol_normal(outcome, len(chosen), points=points, seed=seed, resamples=_RESAMPLES)


def _dataset(
    ensemble: Ensemble,
    wanted: tuple[Measurable, ...],
    candidates: tuple[Measurement, ...],
    sample: _Sample,
    linear: Array,
    chosen: NDArray[np.int64],
    sobol: tuple[Array, Array],
    seed: int,
) -> xr.Dataset:
    free = ensemble.posterior.problem.free
    fixed = [each.parameter.name for each in ensemble.fixed]
    numbers = np.concatenate([sample.z, sample.vectors], axis=1)
    prior = [ensemble.posterior.problem.parameters[name].prior for name in free]
    left = [
        *ensemble.spreads,
        *(np.nan if p is None else x.std() / p.spread for p, x in zip(prior, sample.vectors.T, strict=True)),
    ]
    reductions = np.array([_reductions(sample, at, each, seed) for at, each in enumerate(candidates)])
    indices, variance = sobol
    of_fixed = variance / sample.conclusions.var(axis=0)
    laboratories = 1.0 - sample.conclusions.var(axis=0) / sample.elsewhere.var(axis=0)
    low, median, high = np.quantile(sample.conclusions, [0.025, 0.5, 0.975], axis=0)
    content: dict[str, tuple[tuple[str, ...], Array, str]] = {
        "median": (("conclusion",), median, "median over draws of all that is uncertain"),
        "low": (("conclusion",), low, "lower end of 95 % of draws"),
        "high": (("conclusion",), high, "upper end of 95 % of draws"),
        "laboratory_share": (("conclusion",), laboratories, "share of the variance elsewhere: laboratories differ"),
        "fixed_share": (("conclusion",), of_fixed, "share of the variance that fixed numbers make"),
        "share": (
            _BY_NUMBER,
            share_known(sample.conclusions, numbers),
            "share of the variance that knowing it removes",
        ),
        "chance": ((), np.array(_chance(ensemble, sample)), "mean share that one number in twenty has by chance"),
        "spread_left": (("number",), np.array(left), "spread after the data over that of the prior"),
        "linear_share": (("fixed", "conclusion"), linear, "squared effect of one spread over the sum of all"),
    }
    for j, (end, words) in enumerate(_ENDS.items()):
        text = "share of the variance that the measurement is expected to remove" + words
        content[f"reduction{end}"] = (("measurement", "conclusion"), reductions[:, j], text)
        for k, order in enumerate(("first_order", "total_order")):
            text = f"Sobol index, {order.replace('_', ' ')}{words}"
            content[order + end] = (("factor", "conclusion"), indices[k, j], text)
    return xr.Dataset(
        {name: (dims, values, {"units": "1", "long_name": text}) for name, (dims, values, text) in content.items()},
        {
            "conclusion": [each.name for each in wanted],
            "unit": ("conclusion", [each.unit for each in wanted]),
            "number": [*fixed, *free],
            "kind": ("number", ["fixed"] * len(fixed) + ["posterior"] * len(free)),
            "fixed": fixed,
            "factor": [fixed[i] for i in chosen],
            "measurement": [each.name for each in candidates],
            "error": ("measurement", [each.why for each in candidates]),
        },
    )


def _chance(ensemble: Ensemble, sample: _Sample) -> float:
    """Mean share over conclusions that one free number in twenty reaches by chance.

    Draws of a chain depend on each other, and tell as much as fewer independent ones. A chain that is shifted against
    the conclusions keeps its own dependence and has no other.
    """
    vectors, found = ensemble.posterior.vectors, []
    for shift in np.linspace(0.1, 0.9, _SHIFTS) * len(vectors):
        elsewhere = vectors[(sample.places + int(shift)) % len(vectors)]
        found.append(share_known(sample.conclusions, elsewhere).mean(axis=1))
    return float(np.quantile(found, 0.95))


def _reductions(sample: _Sample, at: int, measurement: Measurement, seed: int) -> Array:
    """(3, n_conclusion) expected reduction, and the ends of 95 % over resampled draws."""
    observed, error = sample.observed[at], np.array(measurement.error_sd)
    generator = generator_of(seed, "reductions")
    n = len(observed)
    drawn = []
    for _ in range(_RESAMPLES):
        rows = generator.integers(n, size=n)
        drawn.append(expected_reduction(sample.conclusions[rows], observed[rows], error))
    ends = np.quantile(drawn, [0.025, 0.975], axis=0)
    return np.stack([expected_reduction(sample.conclusions, observed, error), *ends])
