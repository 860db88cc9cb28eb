"""Fits of single dendrites, as a DataTree with ArviZ groups.

``posterior``, ``sample_stats``, ``log_likelihood`` (by mouse, the unit of cross-validation), ``log_prior``, ``prior``,
``posterior_predictive`` and ``observed_data`` (statistics by arm and interval) from the nested sampler;
``maximum`` (estimates, intervals, verdicts) from the other engine.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from synmodel.core.compiled import one_blas_thread
from synmodel.core.errors import FitError, did_you_mean
from synmodel.core.randomness import checked_seed, stream_key
from synmodel.core.settings import by_fields
from synmodel.inference.dendrites import DendriteProblem
from synmodel.inference.dendrites.arms import Dendrites
from synmodel.inference.dendrites.laplace import judge_laplace, laplace
from synmodel.inference.dendrites.maximum import Maximum, judge_maximum, maximise
from synmodel.inference.dendrites.predictive import CELL, cells_of, observed_statistics, predicted_statistics
from synmodel.inference.dendrites.repartition import cube_of, repartition
from synmodel.inference.sampling import Progress, Sample, Sampler, importance, nested
from synmodel.inference.summaries.verdicts import Verdict
from synmodel.library.parameters import ParameterSet
from synmodel.library.provenance import provenance

__all__ = ["DEFAULT_MODEL", "Searching", "fit"]

Array = NDArray[np.float64]
DEFAULT_MODEL = "formation+maturation+elimination"
_PREDICTIVE_DRAWS = 200
_STARTS_OF_MANY = 2
_FEWEST_POINTS, _MOST_POINTS = 256, 2048  # from which the repartition is made
_SAMPLERS: dict[str, tuple[Sampler, int]] = {"nested": (nested, 300), "importance": (importance, 8192)}
"""Engine -> sampler and its usual size."""


@dataclass(frozen=True)
class Searching:
    """How the posterior is searched, and how much is kept of it.

    Parameters
    ----------
    engine : {"nested", "importance", "laplace", "map"}
        Posterior and evidence by nested or by importance sampling (ten times faster; it says when it may not be
        trusted), or the highest posterior: with intervals of its curvature and Laplace's evidence (many parameters), or
        with profile intervals (few).
    draws : int
        Posterior draws of equal weight.
    size : int, optional
        Live points of the nested sampler (300) or points of importance sampling (8192).
    """

    engine: str
    draws: int
    size: int | None = None


@one_blas_thread()  # vectors are short
@by_fields(searching=Searching("nested", draws=1000))
def fit(
    observations: Dendrites,
    *,
    model: str = DEFAULT_MODEL,
    searching: Searching,
    seed: int,
    parameters: ParameterSet | None = None,
    checkpoint: Path | None = None,
    sampler: Sampler | None = None,
    progress: Progress | None = None,
) -> xr.DataTree:
    """Fit a model to the tracked counts of single dendrites by their exact likelihood.

    Parameters
    ----------
    observations : Dataset, or several, or DendriteData
        Observations with coordinates ``study``, ``arm`` and ``mouse`` on ``animal``
        (:func:`synmodel.data.read_observations`).
    model : str
        Terms joined by ``+``, see :mod:`synmodel.inference.dendrites.terms`.
    searching : Searching
        ``engine``: posterior and evidence by "nested" (default) or by "importance" sampling (ten times faster; it says
        when it may not be trusted), or the highest posterior, with intervals of its curvature and Laplace's evidence
        ("laplace": many parameters) or with profile intervals ("map": few); posterior ``draws`` of equal weight (1000);
        ``size``, live points of the nested sampler (300) or points of importance sampling (8192). Its fields are given
        by keywords of their own.
    seed : int
        Of all draws.
    parameters : ParameterSet, optional
        Other starting values, supports or priors, by name.
    checkpoint : Path, optional
        File from which an interrupted run goes on.
    sampler : Sampler, optional
        What takes the place of the engine's sampler.
    progress : callable, optional
        Called with (done, of how many; 0 if not known).

    Returns
    -------
    DataTree

    Raises
    ------
    FitError
        For data or a model that cannot be fitted.

    Examples
    --------
    >>> import synmodel
    >>> from synmodel import inference
    >>> seen = synmodel.simulate("saline-mouse", replicates=1, seed=1).isel(replicate=0, animal=slice(2))
    >>> labels = {"study": ["lab"] * 2, "arm": ["saline"] * 2, "mouse": ["m1", "m2"]}
    >>> seen = seen.assign_coords({name: ("animal", values) for name, values in labels.items()})
    >>> found = inference.fit(seen, model="none", engine="laplace", seed=1)["maximum"]
    >>> one = found.sel(parameter="lab.loss_nascent")
    >>> [round(float(one[name]), 2) for name in ("estimate", "low", "high")], one["unit"].item()
    ([0.34, 0.25, 0.47], '1/day')
    """
    checked_seed(seed)
    problem = DendriteProblem(observations, model, parameters)
    engine = searching.engine
    about: dict[str, Any] = {
        **provenance(seed=seed, parameters=problem.parameters.digest()),
        "model": problem.terms.name,
        "engine": engine,
        "data": problem.digest(),
        "n_dendrite_intervals": problem.n_intervals,
        "n_mice": len(problem.mice),
        "nominal_length": int(any(arm.nominal_length for arm in problem.arms)),
    }
    if engine == "map":
        maximum = maximise(problem, seed=seed, progress=progress)
        verdicts = judge_maximum(problem, maximum, progress)
        return _tree_of_maximum(problem, maximum, verdicts, about)
    if engine == "laplace":
        maximum = maximise(problem, seed=seed, starts=_STARTS_OF_MANY, progress=progress)
        around_it = laplace(problem, maximum, progress)
        about["log_evidence"] = around_it.log_evidence
        return _tree_of_maximum(problem, maximum, judge_laplace(problem, maximum, around_it), about)
    if engine not in _SAMPLERS:
        message = f"engine is {engine!r}; {did_you_mean(str(engine), ['map', 'laplace', *_SAMPLERS])}"
        raise FitError(message)
    draw, usual = _SAMPLERS[engine]
    size = usual if searching.size is None else searching.size
    around = repartition(
        problem.log_likelihood_at,
        len(problem.free),
        seed=seed,
        points=min(_MOST_POINTS, max(_FEWEST_POINTS, size // 2)),
    )
    sample = (sampler or draw)(
        around.log_likelihood,
        around.prior_transform,
        len(problem.free),
        seed=seed,
        size=size,
        checkpoint=checkpoint,
        identity=f"{problem.digest()} {engine} seed {seed} size {size}",
        progress=progress,
    )
    points = np.array([problem.prior_transform(cube_of(z)) for z in sample.points])
    return _tree(problem, sample._replace(points=points), searching.draws, seed, about)


def _tree_of_maximum(
    problem: DendriteProblem, maximum: Maximum, verdicts: list[Verdict], about: dict[str, Any]
) -> xr.DataTree:
    return xr.DataTree(name="fit", children={"maximum": xr.DataTree(_maximum(problem, maximum, verdicts, about))})


def _maximum(problem: DendriteProblem, maximum: Maximum, verdicts: list[Verdict], about: dict[str, Any]) -> xr.Dataset:
    dataset = xr.Dataset(
        {
            "estimate": ("parameter", [each.estimate for each in verdicts]),
            "low": ("parameter", [each.low for each in verdicts]),
            "high": ("parameter", [each.high for each in verdicts]),
            "verdict": ("parameter", [each.verdict for each in verdicts]),
            "sentence": ("parameter", [each.sentence for each in verdicts]),
            "unit": ("parameter", [each.unit for each in verdicts]),
        },
        coords={"parameter": problem.free},
        attrs={
            **about,
            "log_likelihood": maximum.log_likelihood,
            "log_posterior": maximum.log_posterior,
            "starts_that_agree": f"{maximum.found} of {maximum.starts}",
        },
    )
    for name, text in (("estimate", "highest posterior"), ("low", "95 % interval"), ("high", "95 % interval")):
        dataset[name].attrs["long_name"] = text
    return dataset


def _tree(problem: DendriteProblem, sample: Sample, draws: int, seed: int, about: dict[str, Any]) -> xr.DataTree:
    from arviz_base import from_dict  # import on use: it takes a second

    vectors = sample.draws(draws, seed)
    some = vectors[: min(draws, _PREDICTIVE_DRAWS)]
    cells = cells_of(problem)
    by_mouse = np.array([problem.mouse_log_likelihood(vector) for vector in vectors])
    log_prior = np.array([problem.log_prior(vector) for vector in vectors])
    generator = np.random.Generator(np.random.Philox(key=stream_key(seed, "prior draws")))
    prior = np.array([problem.prior_transform(u) for u in generator.random((draws, len(problem.free)))])
    tree: xr.DataTree = from_dict(
        {
            "posterior": _named(problem, vectors),
            "prior": _named(problem, prior),
            "log_likelihood": {"mouse": by_mouse[None]},
            "log_prior": {"parameters": log_prior[None]},
            "sample_stats": {"lp": (by_mouse.sum(axis=1) + log_prior)[None]},
            "posterior_predictive": {"statistic": predicted_statistics(problem, some, seed)[None]},
            "observed_data": {"statistic": observed_statistics(problem)},
        },
        coords={"mouse_label": problem.mice, "cell": [cell.label for cell in cells]},
        dims={"mouse": ["mouse_label"], "statistic": ["cell"]},
    )
    of_cells = {name: ("cell", [getattr(cell, name) for cell in cells]) for name in CELL}
    for group in ("posterior_predictive", "observed_data"):
        tree[group] = tree[group].to_dataset().assign_coords(of_cells)
    for name in problem.free:
        parameter = problem.parameters[name]
        for group in ("posterior", "prior"):
            tree[group][name].attrs.update(units=parameter.unit, long_name=parameter.long_name)
    tree.attrs.update(about)
    tree["sample_stats"].attrs.update(
        log_evidence=sample.log_evidence,
        log_evidence_error=sample.log_evidence_error,
        n_calls=sample.n_calls,
        effective_size=sample.effective_size,
        pareto_k=sample.pareto_k,
    )
    return tree


def _named(problem: DendriteProblem, vectors: Array) -> dict[str, Array]:
    """(1, draw) values of every free parameter, in its own unit."""
    return {
        name: np.array([[problem.parameters[name].from_coordinate(x) for x in column.tolist()]])
        for name, column in zip(problem.free, vectors.T, strict=True)
    }
