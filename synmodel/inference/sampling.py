"""The seam between a likelihood and a sampler: log-likelihood and prior transform in, weighted draws out.

A sampler is any function with the signature of :func:`nested`; another one may take its place, if it
recovers the standard deviations of a five-dimensional Gaussian (``tests/laws/test_samplers.py``).

References
----------
Skilling 2006, doi:10.1214/06-BA127 (nested sampling). Speagle 2020, doi:10.1093/mnras/staa278 (dynesty).
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from synmodel.errors import FitError
from synmodel.randomness import stream_key

__all__ = ["Progress", "Sample", "Sampler", "nested"]

Array = NDArray[np.float64]
Function = Callable[[Array], Any]
Progress = Callable[[int, int], None]
_SECONDS_BETWEEN_CHECKPOINTS = 10.0
_TOLERANCE = 0.1
"""Change of the log-evidence that the live points could still bring when sampling ends."""


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
    """

    points: Array
    log_weight: Array
    log_likelihood: Array
    log_evidence: float
    log_evidence_error: float
    n_calls: int

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


class Sampler(Protocol):
    """What can take the place of :func:`nested`."""

    def __call__(
        self,
        log_likelihood: Function,
        prior_transform: Function,
        n_dim: int,
        *,
        seed: int,
        live_points: int,
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
    live_points: int = 300,
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
    live_points : int
        More give a more precise evidence; the cost is proportional.
    checkpoint : Path, optional
        File in which the state is kept every ten seconds. If it is there, the run goes on from it; it is
        removed at the end.
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

    started = checkpoint is not None and checkpoint.exists()
    if started and checkpoint is not None:
        _check_identity(checkpoint, identity)
        try:
            sampler = NestedSampler.restore(str(checkpoint))
        except Exception as error:  # pickle raises whatever the file makes it raise
            message = f"cannot go on from {checkpoint}: {error}; remove the file to start anew"
            raise FitError(message) from error
    else:
        sampler = NestedSampler(
            log_likelihood, prior_transform, n_dim, nlive=live_points, rstate=_generator(seed, "nested sampling")
        )
        if checkpoint is not None:
            _identity_file(checkpoint).write_text(json.dumps({"identity": identity}))

    def report(*state: Any, **_: Any) -> None:
        if progress is not None:
            progress(int(state[2]), 0)  # results, iteration, evaluations

    sampler.run_nested(
        dlogz=_TOLERANCE,
        print_progress=progress is not None,
        print_func=report,
        checkpoint_file=None if checkpoint is None else str(checkpoint),
        checkpoint_every=_SECONDS_BETWEEN_CHECKPOINTS,
        resume=started,
    )
    results = sampler.results
    if checkpoint is not None:
        for file in (checkpoint, _identity_file(checkpoint)):
            file.unlink(missing_ok=True)
    log_weight = results.logwt - results.logz[-1]
    return Sample(
        points=results.samples,
        log_weight=log_weight - np.log(np.exp(log_weight).sum()),
        log_likelihood=results.logl,
        log_evidence=float(results.logz[-1]),
        log_evidence_error=float(results.logzerr[-1]),
        n_calls=int(np.sum(results.ncall)),
    )


def _generator(seed: int, name: str) -> np.random.Generator:
    """A generator of its own for each purpose: dynesty draws as many numbers as it needs."""
    return np.random.Generator(np.random.Philox(key=stream_key(seed, name)))


def _identity_file(checkpoint: Path) -> Path:
    return checkpoint.with_suffix(checkpoint.suffix + ".json")


def _check_identity(checkpoint: Path, identity: str) -> None:
    file = _identity_file(checkpoint)
    found = json.loads(file.read_text())["identity"] if file.exists() else "unknown"
    if found != identity:
        message = (
            f"{checkpoint} belongs to another run (data, model, seed or version differ); remove it, or give "
            "another --out"
        )
        raise FitError(message)
