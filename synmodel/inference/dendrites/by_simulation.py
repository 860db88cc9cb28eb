"""Fit of spines that interact: no exact likelihood, so simulated experiments are compared with the observed one.

Approximate Bayesian computation by sequential Monte Carlo (pyABC): parameters are drawn, the coupled engine repeats the
experiment from the observed first counts, and draws whose statistics lie near the observed ones are kept, nearer in
every round. The statistics, per arm: gains and losses of all dendrites in each interval, which decide the rates of
spines that do not influence each other, and how gains and losses go along with the number of spines, which
decides whether they do.

What the last tolerance still allows is taken out by a linear regression of the kept draws on their statistics. The
result is an approximation whose error is not known in general. Without interaction it must give the exact posterior,
and a test holds it to that. Where spines are independent use :func:`synmodel.inference.fit`, which is exact and far
faster.

References
----------
Beaumont, Zhang and Balding 2002, doi:10.1093/genetics/162.4.2025 (regression of kept draws).
Toni, Welch, Strelkowa, Ipsen and Stumpf 2009, doi:10.1098/rsif.2008.0172 (sequential Monte Carlo). Schaelte, Klinger,
Alamoudi and Hasenauer 2022, doi:10.21105/joss.04304 (pyABC).
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri

from synmodel.core.errors import FitError
from synmodel.core.randomness import checked_seed, stream_key
from synmodel.core.settings import by_fields
from synmodel.inference.dendrites.priors import Priors
from synmodel.inference.likelihood.runs import Seen, checked_lengths
from synmodel.inference.sampling import Progress, Sample
from synmodel.library.parameters import ParameterSet
from synmodel.library.provenance import provenance
from synmodel.turnover import Interaction, TurnoverModel, simulate

__all__ = ["Course", "Narrowing", "fit_by_simulation"]

Array = NDArray[np.float64]


class Course(NamedTuple):
    """What parameters mean: rates, interaction, class probabilities at the first session, and a Drive or None."""

    model: TurnoverModel
    interaction: Interaction
    composition: ArrayLike
    drive: xr.Dataset | None = None


@dataclass(frozen=True)
class Narrowing:
    """How near simulated experiments are brought to the observed one.

    Parameters
    ----------
    particles, rounds : int
        Size of the population, and the most rounds of narrowing.
    least_accepted : float
        Share of simulations that must be near enough; when fewer are, narrowing ends.
    database : Path, optional
        SQLite file of all rounds; a run that was interrupted goes on from the last complete one, with draws that no
        round before it had.
    """

    particles: int = 500
    rounds: int = 8
    least_accepted: float = 0.01
    database: Path | None = None


@by_fields(seen=Seen, narrowing=Narrowing)
def fit_by_simulation(
    course: Callable[[Mapping[str, float]], Course],
    parameters: ParameterSet,
    *,
    seen: Seen,
    length_um: ArrayLike | None = None,
    narrowing: Narrowing,
    draws: int = 1000,
    seed: int,
    progress: Progress | None = None,
) -> xr.DataTree:
    """Fit tracked counts of dendrites whose spines interact.

    Parameters
    ----------
    course : callable
        From parameter values by name to a :class:`Course`.
    parameters : ParameterSet
        Supports and priors; all of them are free.
    seen : Seen
        ``n0`` (dendrite,), the spines at the first session; ``gained`` and ``lost`` (dendrite, interval), all of them;
        ``times`` (interval + 1,), the sessions [day]. Fields of this and of ``narrowing`` are given by keywords of
        their own.
    length_um : float or (dendrite,) array_like, optional
        Length of each dendrite [um]; multiplies formation.
    narrowing : Narrowing
        ``particles`` (500), the size of the population; the most ``rounds`` of narrowing (8); ``least_accepted``
        (0.01), the share of simulations that must be near enough, or narrowing ends; ``database``, an SQLite file of
        all rounds, from which an interrupted run goes on.
    draws : int
        Draws of equal weight in the result.
    seed : int
        Of all draws; the same seed gives the same result.
    progress : callable, optional
        Called with (simulations done, 0).

    Returns
    -------
    DataTree
        ``posterior``, and in the attributes of ``sample_stats`` the last tolerance, rounds and simulations.

    Raises
    ------
    FitError
        For counts that are none, for a database of other counts, or if pyABC is not installed.

    Examples
    --------
    >>> data = {"n0": [8, 12], "gained": [[1], [0]], "lost": [[0], [2]], "times": [0, 2]}
    >>> fit_by_simulation(course, parameters, **data, particles=400, rounds=5, seed=1)  # doctest: +SKIP
    """
    pyabc = _pyabc()
    checked_seed(seed)
    sessions, runs = seen.checked()
    if runs.partial.any():
        message = "gained or lost is negative, not recorded, but a fit by simulation compares all of them: give them"
        raise FitError(message)
    lengths = checked_lengths(length_um, len(runs.n))
    free = list(parameters)
    prior = Priors(parameters, free)
    names = [f"u{i}" for i in range(len(free))]
    done = 0

    def values_of(cube: Mapping[str, float]) -> dict[str, float]:
        return parameters.unpack(prior.transform(np.array([cube[name] for name in names])), free)

    def experiment(cube: Mapping[str, float]) -> dict[str, Array]:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, 0)
        own = int(stream_key(seed, f"simulated experiment {done}")[0])
        return {"statistics": _statistics(runs.n, *_repeated(course(values_of(cube)), runs.n, sessions, lengths, own))}

    with TemporaryDirectory() as folder:
        engine = pyabc.ABCSMC(
            experiment,
            pyabc.Distribution(**{name: pyabc.RV("uniform", 0, 1) for name in names}),
            pyabc.AdaptivePNormDistance(p=2),
            population_size=narrowing.particles,
            sampler=pyabc.sampler.SingleCoreSampler(),
        )
        file = Path(folder) / "rounds.db" if narrowing.database is None else narrowing.database
        observed = {"statistics": _statistics(runs.n, runs.gained, runs.lost)}
        history = _history(engine, file, observed)
        done = int(history.total_nr_simulations)
        left = narrowing.rounds - history.n_populations
        if left > 0:
            with _seeded(seed, done):
                engine.run(max_nr_populations=left, min_acceptance_rate=narrowing.least_accepted)
        particles_kept = history.get_population().particles
        populations = history.get_all_populations()
        history.done()
    cube = np.array([[each.parameter[name] for name in names] for each in particles_kept])
    weight = np.array([each.weight for each in particles_kept])
    excess = np.array([each.sum_stat["statistics"] for each in particles_kept]) - observed["statistics"]
    points = ndtr(_adjusted(ndtri(cube), weight, excess))
    sample = Sample(points, np.log(weight), np.zeros(len(weight)), np.nan, np.nan, done)
    chosen = sample.draws(draws, seed)
    return _tree(parameters, free, np.array([prior.transform(u) for u in chosen]), populations, sample, seed)


def _history(engine: Any, file: Path, observed: Mapping[str, Array]) -> Any:
    """The rounds that a database holds, or none in a new one."""
    url = f"sqlite:///{file.absolute()}"
    if not file.exists():
        return engine.new(url, observed)
    history = engine.load(url, 1)
    if not np.array_equal(history.observed_sum_stat()["statistics"], observed["statistics"]):
        message = f"database is {file}, which holds rounds of other counts; give another file, or delete it"
        raise FitError(message)
    return history


def _repeated(
    course: Course, n0: NDArray[np.int64], times: Array, lengths: Array, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Gains and losses of the same dendrites, simulated; hidden classes at the first session are drawn."""
    generator = np.random.Generator(np.random.Philox(key=stream_key(seed, "classes at the first session")))
    seen = simulate(
        course.model,
        initial=generator.multinomial(n0, np.asarray(course.composition, float)),
        times=times,
        replicates=1,
        dendrites=len(n0),
        drive=course.drive,
        seed=seed,
        engine="coupled",
        length_um=lengths,
        interaction=course.interaction,
    )
    return seen["gained"].to_numpy()[0], seen["lost"].to_numpy()[0]


def _statistics(n0: NDArray[np.int64], gained: NDArray[np.int64], lost: NDArray[np.int64]) -> Array:
    """Logarithms of totals by interval, and sums of gains and losses times the excess of spines before the interval."""
    before = n0[:, None] + np.concatenate(
        [np.zeros((len(n0), 1), int), np.cumsum(gained - lost, axis=1)[:, :-1]], axis=1
    )
    excess = before - before.mean(axis=0)
    along = [(excess * each).sum() / max(np.sqrt((excess**2).sum()), 1.0) for each in (gained, lost)]
    # On the scale of logarithms totals depend on logarithms of rates linearly, as the regression wants.
    totals = np.log(np.concatenate([gained.sum(axis=0), lost.sum(axis=0)]) + 0.5)
    return np.concatenate([totals, along])


def _adjusted(z: Array, weight: Array, excess: Array) -> Array:
    """Parameters less what a linear regression says that they owe to statistics above or below the observed ones."""
    root = np.sqrt(weight)[:, None]
    scale = np.maximum(excess.std(axis=0), 1e-12)
    design = np.concatenate([np.ones((len(z), 1)), excess / scale], axis=1)
    slope = np.linalg.lstsq(root * design, root * z, rcond=None)[0][1:]
    adjusted: Array = z - (excess / scale) @ slope
    return adjusted


def _pyabc() -> Any:
    try:
        import pyabc
    except ImportError as fault:
        message = "fitting spines that interact needs pyABC; install it with: pip install 'synmodel[abc]'"
        raise FitError(message) from fault
    return pyabc


@contextmanager
def _seeded(seed: int, done: int = 0) -> Iterator[None]:
    """Within the block numpy's global generator, the only one that pyABC knows, is seeded; then it is as before.

    After simulations that an earlier run has done the draws are others than its own.
    """
    before = np.random.get_state()  # noqa: NPY002
    of = f"perturbations after {done} simulations" if done else "perturbations"
    try:
        np.random.seed(stream_key(seed, of).astype(np.uint32))  # noqa: NPY002
        yield
    finally:
        np.random.set_state(before)  # noqa: NPY002


def _tree(
    parameters: ParameterSet, free: list[str], vectors: Array, populations: Any, sample: Sample, seed: int
) -> xr.DataTree:
    from arviz_base import from_dict  # import on use: it takes a second

    columns = {
        name: np.array([[parameters[name].from_coordinate(x) for x in column.tolist()]])
        for name, column in zip(free, vectors.T, strict=True)
    }
    tree: xr.DataTree = from_dict({"posterior": columns, "sample_stats": {"particle": np.arange(len(vectors))[None]}})
    for name in free:
        tree["posterior"][name].attrs.update(units=parameters[name].unit, long_name=parameters[name].long_name)
    tree.attrs.update({**provenance(seed=seed, parameters=parameters.digest()), "engine": "abc"})
    tree["sample_stats"].attrs.update(
        tolerance=float(populations["epsilon"].iloc[-1]),
        rounds=int((populations["t"] >= 0).sum()),
        n_simulations=int(populations["samples"].sum()),
        effective_size=sample.effective_size,
    )
    return tree
