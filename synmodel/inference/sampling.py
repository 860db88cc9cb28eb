"""The seam between a likelihood and a sampler: log-likelihood and prior transform in, weighted draws out.

A sampler is any function with the signature of :class:`Sampler`; another one may take the place of those below, if
it recovers the standard deviations of a five-dimensional Gaussian (``tests/laws/test_samplers.py``).

:func:`nested` asks little of the problem. :func:`importance` takes points of the prior as they come (a scrambled
Sobol sequence) and weighs them by the likelihood: on a problem that was repartitioned around its mode
(:mod:`synmodel.inference.dendrites.repartition`) that costs a tenth, and the shape of the largest weights tells whether
it may be trusted.

References
----------
Skilling 2006, doi:10.1214/06-BA127 (nested sampling). Speagle 2020, doi:10.1093/mnras/staa278 (dynesty).
Vehtari, Simpson, Gelman, Yao and Gabry 2024, J Mach Learn Res 25(72) (Pareto-smoothed importance sampling).
"""

import json
import re
import secrets
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from synmodel.core.errors import FitError
from synmodel.core.private import private_folder
from synmodel.core.progress import Progress
from synmodel.core.randomness import generator_of, stream_key

__all__ = [
    "LARGEST_PARETO_K",
    "Progress",
    "Sample",
    "Sampler",
    "SamplerSettings",
    "importance",
    "nested",
    "smoothed",
    "sobol_points",
]

Array = NDArray[np.float64]
Function = Callable[[Array], Any]
_SECONDS_BETWEEN_CHECKPOINTS = 10.0
_TOLERANCE = 0.1
"""Change of the log-evidence that the live points could still bring when sampling ends."""
_MOVE = "rwalk"  # by default dynesty samples uniformly in fewer than ten dimensions, which stalls on long tails
_SCRAMBLES = 8
_HAIR = 1e-12
_NAME = re.compile("[0-9a-f]{32}")
_FEWEST_POINTS = 32
_IMPOSSIBLE = 1e300  # smoothing wants finite weights
LARGEST_PARETO_K = 0.7
"""Above this shape of the tail of the weights, importance sampling may not be trusted."""


class Sample(NamedTuple):
    """Weighted draws from a posterior.

    Attributes
    ----------
    points : (n_point, n_dim) ndarray
    log_weight : (n_point,) ndarray
        Normalised: the weights sum to 1.
    log_likelihood : (n_point,) ndarray
    log_evidence, log_evidence_error : float
    n_calls : int
        Evaluations of the likelihood.
    pareto_k : float
        Shape of the tail of the weights of importance sampling; NaN for other samplers.
    """

    points: Array
    log_weight: Array
    log_likelihood: Array
    log_evidence: float
    log_evidence_error: float
    n_calls: int
    pareto_k: float = np.nan

    @property
    def effective_size(self) -> float:
        """Kish's effective number of draws, (sum w)^2 / sum w^2."""
        weight = np.exp(self.log_weight)
        return float(weight.sum() ** 2 / (weight**2).sum())

    def draws(self, n: int, seed: int) -> Array:
        """(n, n_dim) draws of equal weight, by systematic resampling, in random order."""
        generator = _generator(seed, "posterior draws")
        cumulated = np.cumsum(np.exp(self.log_weight))
        places = (generator.random() + np.arange(n)) / n * cumulated[-1]
        index = np.minimum(np.searchsorted(cumulated, places), len(cumulated) - 1)
        return self.points[generator.permutation(index)]


@dataclass(frozen=True)
class SamplerSettings:
    """How the parameters of a fit are sampled.

    Parameters
    ----------
    engine : str, optional
        See :func:`synmodel.inference.fit`; default: what suits the fit.
    seed : int
        Of all draws.
    size : int, optional
        Live points of the nested sampler or points of importance sampling; default: what is usual for it.
    checkpoint : Path, optional
        File from which an interrupted run goes on.
    """

    engine: str | None = None
    seed: int = 1
    size: int | None = None
    checkpoint: Path | None = None


class Sampler(Protocol):
    """What draws from a posterior: :func:`nested`, :func:`importance`, or another function of this signature."""

    def __call__(
        self,
        log_likelihood: Function,
        prior_transform: Function,
        n_dim: int,
        *,
        seed: int,
        size: int,
        checkpoint: Path | None = None,
        identity: str = "",
        progress: Progress | None = None,
    ) -> Sample:
        """Draw from the posterior, as :func:`nested` does."""
        ...


def nested(
    log_likelihood: Function,
    prior_transform: Function,
    n_dim: int,
    *,
    seed: int,
    size: int = 300,
    checkpoint: Path | None = None,
    identity: str = "",
    progress: Progress | None = None,
) -> Sample:
    """Nested sampling by dynesty.

    Parameters
    ----------
    log_likelihood : callable
        From (n_dim,) to a float.
    prior_transform : callable
        From the unit cube to parameters, (n_dim,) each.
    n_dim : int
        Number of parameters.
    seed : int
        The same seed gives the same draws, also when a run was interrupted and resumed.
    size : int
        Number of live points; more give a more precise evidence, the cost is proportional.
    checkpoint : Path, optional
        Where a file says that the run is not finished. Its state, which dynesty reads as a pickle, is kept every ten
        seconds in a folder that is the user's alone (:mod:`synmodel.core.private`). If both are there, the run goes on;
        they are removed at the end.
    identity : str
        What the run is of (a digest). A checkpoint of something else is refused.
    progress : callable, optional
        Called with (evaluations done, 0): how many it will take is not known.

    Raises
    ------
    FitError
        If the checkpoint is that of another run or cannot be read.
    """
    from dynesty import NestedSampler  # import on use: it takes half a second

    state, started = (None, False) if checkpoint is None else _state_of(checkpoint, identity)
    if started and checkpoint is not None:
        try:
            sampler = NestedSampler.restore(str(state))
        except Exception as error:  # pickle raises whatever the file makes it raise
            message = f"cannot go on from {state}: {error}; remove {_identity_file(checkpoint)} to start anew"
            raise FitError(message) from error
    else:
        sampler = NestedSampler(
            _Hushed(log_likelihood),
            _Hushed(prior_transform),
            n_dim,
            nlive=size,
            sample=_MOVE,
            rstate=_generator(seed, "nested sampling"),
        )

    def report(*state: Any, **_: Any) -> None:
        if progress is not None:
            progress(int(state[2]), 0)  # results, iteration, evaluations

    streams = sys.stdout, sys.stderr
    try:
        sampler.run_nested(
            dlogz=_TOLERANCE,
            print_progress=progress is not None,
            print_func=report,
            checkpoint_file=None if state is None else str(state),
            checkpoint_every=_SECONDS_BETWEEN_CHECKPOINTS,
            resume=started,
        )
    finally:
        sys.stdout, sys.stderr = streams
    results = sampler.results
    _remove(checkpoint)
    _remove(state)
    log_weight = results.logwt - results.logz[-1]
    return Sample(
        points=results.samples,
        log_weight=log_weight - np.log(np.exp(log_weight).sum()),
        log_likelihood=results.logl,
        log_evidence=float(results.logz[-1]),
        log_evidence_error=float(results.logzerr[-1]),
        n_calls=int(np.sum(results.ncall)),
    )


@dataclass(frozen=True)
class _Hushed:
    """A function that may be interrupted: dynesty would print where it was, with all arguments, and then pass it on.

    Whoever runs the sampler gives the streams back.
    """

    function: Function

    def __call__(self, x: Array) -> object:
        try:
            return self.function(x)
        except KeyboardInterrupt:
            sys.stdout = sys.stderr = StringIO()
            raise


def importance(
    log_likelihood: Function,
    prior_transform: Function,
    n_dim: int,
    *,
    seed: int,
    size: int = 8192,
    checkpoint: Path | None = None,
    identity: str = "",
    progress: Progress | None = None,
) -> Sample:
    """Weighted points of the prior, their largest weights smoothed; good where the prior resembles the posterior.

    Parameters
    ----------
    log_likelihood, prior_transform, n_dim, seed, checkpoint, identity, progress
        As in :func:`nested`.
    size : int
        Number of points, rounded up to eight times a power of two: eight scrambles of a Sobol sequence, whose
        spread is the error of the evidence.

    Raises
    ------
    FitError
        As :func:`nested`.
    """
    each = int(np.ceil(np.log2(max(size / _SCRAMBLES, 2))))
    generator = generator_of(seed, "importance sampling")
    cube = np.concatenate([sobol_points(n_dim, each, generator) for _ in range(_SCRAMBLES)])
    points = np.array([prior_transform(u) for u in cube])
    log_l = _evaluated(log_likelihood, points, checkpoint, identity, progress)
    by_scramble = logsumexp(log_l.reshape(_SCRAMBLES, -1), axis=1) - np.log(2.0**each)
    log_evidence = float(logsumexp(by_scramble) - np.log(_SCRAMBLES))
    relative = np.exp(by_scramble - log_evidence)
    log_weight, pareto_k = smoothed(log_l)
    return Sample(
        points=points,
        log_weight=log_weight - logsumexp(log_weight),
        log_likelihood=log_l,
        log_evidence=log_evidence,
        log_evidence_error=float(relative.std(ddof=1) / np.sqrt(_SCRAMBLES)),
        n_calls=len(points),
        pareto_k=float(pareto_k),
    )


def smoothed(log_weight: Array) -> tuple[Array, Array]:
    """Pareto-smoothed logarithms of weights along the last axis, and the shape of their tail.

    Where there are too few points for a tail, or it has no shape, weights are as given and the shape is infinite.
    """
    from arviz_stats.base import array_stats  # import on use: it takes half a second

    if log_weight.shape[-1] < _FEWEST_POINTS:
        return log_weight, np.full(log_weight.shape[:-1], np.inf)
    with np.errstate(all="ignore"):  # it is made for leave-one-out, where weights are 1 / L
        changed, shape = array_stats.psislw(-log_weight, axis=-1)
    known = np.isfinite(shape) & np.isfinite(changed).all(axis=-1)
    return np.where(known[..., None], changed, log_weight), np.where(known, shape, np.inf)


def _evaluated(
    log_likelihood: Function, points: Array, checkpoint: Path | None, identity: str, progress: Progress | None
) -> Array:
    """Log-likelihoods of points; those that an earlier run kept are not computed again."""
    log_l = np.full(len(points), np.nan)
    if checkpoint is not None and checkpoint.exists():
        _check_identity(checkpoint, identity)
        try:
            log_l[:] = np.frombuffer(checkpoint.read_bytes())
        except ValueError as error:
            message = f"cannot go on from {checkpoint}: {error}; remove the file to start anew"
            raise FitError(message) from error
    elif checkpoint is not None:
        _identity_file(checkpoint).write_text(json.dumps({"identity": identity}), encoding="utf-8")
    kept = time.monotonic()
    for i in np.flatnonzero(np.isnan(log_l)):
        value = float(log_likelihood(points[i]))
        log_l[i] = value if value > -np.inf else -_IMPOSSIBLE
        if progress is not None:
            progress(int(i) + 1, len(points))
        if checkpoint is not None and time.monotonic() - kept > _SECONDS_BETWEEN_CHECKPOINTS:
            kept = time.monotonic()
            _replaced(checkpoint, log_l.tobytes())
    _remove(checkpoint)
    return log_l


def _replaced(file: Path, content: bytes) -> None:
    """Write a file so that a kill leaves the old one or the new one."""
    new = file.with_suffix(file.suffix + ".new")
    new.write_bytes(content)
    new.replace(file)


def _remove(checkpoint: Path | None) -> None:
    if checkpoint is not None:
        for file in (checkpoint, _identity_file(checkpoint)):
            file.unlink(missing_ok=True)


def sobol_points(n_dim: int, power: int, generator: np.random.Generator) -> Array:
    """(2**power, n_dim) points of a scrambled Sobol sequence, none on an edge: a support may be unbounded there."""
    from scipy.stats import qmc  # on use: it takes a while to load

    return np.clip(qmc.Sobol(n_dim, rng=generator).random_base2(power), _HAIR, 1.0 - _HAIR)


def _generator(seed: int, name: str) -> np.random.Generator:
    """A generator of its own for each purpose: dynesty draws as many numbers as it needs."""
    return np.random.Generator(np.random.Philox(key=stream_key(seed, name)))


def _identity_file(checkpoint: Path) -> Path:
    return checkpoint.with_suffix(checkpoint.suffix + ".json")


def _state_of(checkpoint: Path, identity: str) -> tuple[Path | None, bool]:
    """File for the state of a run, and whether it is there; None where no folder is the user's alone."""
    folder = private_folder("checkpoints")
    if folder is None:
        return None, False
    if _identity_file(checkpoint).exists():
        name = _check_identity(checkpoint, identity).get("state", "")
        if _NAME.fullmatch(name) and (folder / name).exists():
            return folder / name, True
    name = secrets.token_hex(16)
    _identity_file(checkpoint).write_text(json.dumps({"identity": identity, "state": name}), encoding="utf-8")
    return folder / name, False


def _check_identity(checkpoint: Path, identity: str) -> dict[str, str]:
    """What the file beside the checkpoint says, if it is of the same run."""
    file = _identity_file(checkpoint)
    try:
        found = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    except ValueError:
        found = {}
    if not isinstance(found, dict) or found.get("identity") != identity:
        message = (
            f"{file} belongs to another run (data, model, seed or version differ); remove it, or give another --out"
        )
        raise FitError(message)
    return {key: str(value) for key, value in found.items()}
