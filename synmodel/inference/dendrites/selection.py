"""Which mechanisms the data of single dendrites ask for: evidence, and prediction of mice that were left out.

Two questions, which need not have one answer. The *evidence* asks how probable all data were beforehand, priors
included: an unneeded parameter costs what its prior wastes. *Leave-one-mouse-out* (Pareto-smoothed importance
sampling over mice, their formation integrated out) asks how well the fitted model predicts another mouse. The data
decide where both agree and the difference is well above its error; otherwise the question is open.

References
----------
Kass and Raftery 1995, doi:10.1080/01621459.1995.10476572 (evidence in words: 3 and 5 are their limits of strong and
very strong, in units of the logarithm of the evidence). Vehtari, Gelman and Gabry 2017,
doi:10.1007/s11222-016-9696-4 (leave-one-out).
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.special import logsumexp

from synmodel.core import netcdf
from synmodel.core.errors import FitError
from synmodel.core.settings import by_fields
from synmodel.inference.dendrites import DendriteProblem
from synmodel.inference.dendrites.arms import Dendrites
from synmodel.inference.dendrites.posterior import Searching, fit
from synmodel.inference.sampling import smoothed
from synmodel.library.parameters import ParameterSet

__all__ = ["compare_models", "left_out"]

Array = NDArray[np.float64]
_STRONG = 3.0
_ERRORS = 2.0


@by_fields(searching=Searching("importance", draws=1000))
def compare_models(
    observations: Dendrites,
    models: Sequence[str],
    *,
    searching: Searching,
    seed: int,
    parameters: ParameterSet | None = None,
    checkpoint: Path | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> tuple[xr.DataTree, xr.Dataset]:
    """Fit several models to the same dendrites and set them side by side.

    Parameters
    ----------
    observations, seed, parameters, checkpoint
        As in :func:`synmodel.inference.fit`; models that are done are kept beside the checkpoint until all are.
    models : sequence of str
        Two or more different ones.
    searching : Searching
        ``engine`` ("importance"), ``draws`` (1000) and ``size``, as there. Its fields are given by keywords of their
        own.
    progress : callable, optional
        Called with (model, done, of how many).

    Returns
    -------
    DataTree
        One fit per model, under its name.
    Dataset
        By ``model``: ``log_evidence`` and its error, ``elpd`` (leaving out mice) with standard error, their
        differences from the best, ``pareto_k`` of the sampler and the largest of the mice, and a ``verdict``.

    Raises
    ------
    FitError
        For fewer than two models, one that is given twice, or the engine ``map``, which has no evidence.

    Examples
    --------
    >>> import synmodel
    >>> seen = synmodel.simulate("saline-mouse", replicates=1, seed=1).isel(replicate=0, animal=slice(4))
    >>> labels = {"study": ["lab"] * 4, "arm": ["saline", "psilocybin"] * 2, "mouse": ["m1", "m2", "m3", "m4"]}
    >>> seen = seen.assign_coords({name: ("animal", values) for name, values in labels.items()})
    >>> _, table = compare_models(seen, ["none", "formation"], engine="importance", size=128, draws=50, seed=1)
    >>> table["verdict"].to_series().to_dict()  # neither had a drug
    {'none': 'highest evidence', 'formation': 'open'}
    """
    engine = searching.engine
    if len(models) < 2 or len(set(models)) < len(models) or engine == "map":
        message = (
            f"models are {', '.join(models)} with engine {engine}; give two or more different ones, and an engine that "
            "computes an evidence: importance or nested"
        )
        raise FitError(message)
    trees = {}
    for model in models:
        kept = None if checkpoint is None else checkpoint.with_name(f"{checkpoint.name}.{model}.nc")
        report = None if progress is None else (lambda done, of, model=model: progress(model, done, of))
        if kept is not None and kept.exists():
            trees[model] = _kept(kept, DendriteProblem(observations, model, parameters).digest(), engine, seed)
            continue
        trees[model] = fit(
            observations, model=model, searching=searching, seed=seed, parameters=parameters, checkpoint=checkpoint,
            progress=report,
        )  # fmt: skip
        if kept is not None:
            netcdf.write(trees[model], kept)
    table = _table(trees)
    if checkpoint is not None:
        for model in models:
            checkpoint.with_name(f"{checkpoint.name}.{model}.nc").unlink(missing_ok=True)
    return xr.DataTree(name="models", children=trees), table


def _kept(file: Path, data: str, engine: str, seed: int) -> xr.DataTree:
    """The fit of a model that an earlier run has finished, if it is of the same data and settings."""
    with xr.open_datatree(file, engine="h5netcdf") as tree:
        if (tree.attrs["data"], tree.attrs["engine"], int(tree.attrs["seed"])) != (data, engine, seed):
            message = (
                f"{file} belongs to another run (data, model, engine or seed differ); remove it, or give another --out"
            )
            raise FitError(message)
        return tree.load()


def left_out(tree: xr.DataTree) -> tuple[Array, Array]:
    """(mouse,) log predictive density of each mouse when it is left out, and (mouse,) Pareto k.

    Parameters
    ----------
    tree : DataTree
        From :func:`synmodel.inference.fit` with a posterior.
    """
    values = tree["log_likelihood"]["mouse"].to_numpy()
    # Draws of equal weight repeat a point that weighs much; smoothing wants each point once, with its weight.
    points, number = np.unique(values.reshape(-1, values.shape[-1]), axis=0, return_counts=True)
    log_likelihood = points.T
    log_weight, pareto = smoothed(np.log(number) - log_likelihood)
    density: Array = logsumexp(log_likelihood + log_weight, axis=1) - logsumexp(log_weight, axis=1)
    return density, pareto


def _table(trees: dict[str, xr.DataTree]) -> xr.Dataset:
    stats = [tree["sample_stats"].attrs for tree in trees.values()]
    evidence = np.array([each["log_evidence"] for each in stats])
    evidence_error = np.array([each["log_evidence_error"] for each in stats])
    by_mouse, pareto = zip(*(left_out(tree) for tree in trees.values()), strict=True)
    elpd = np.array([each.sum() for each in by_mouse])
    best, foremost = int(evidence.argmax()), int(elpd.argmax())
    difference = np.stack([each - by_mouse[foremost] for each in by_mouse])
    error = np.sqrt(difference.shape[1]) * difference.std(axis=1, ddof=1)
    gap = evidence - evidence[best]
    content = {
        "log_evidence": (evidence, "logarithm of the evidence"),
        "log_evidence_error": (evidence_error, "its Monte Carlo error"),
        "evidence_difference": (gap, "log evidence less that of the best"),
        "elpd": (elpd, "expected log predictive density, leaving out mice"),
        "elpd_difference": (elpd - elpd[foremost], "elpd less that of the best"),
        "elpd_difference_error": (error, "its standard error over mice"),
        "pareto_k": (np.array([each.get("pareto_k", np.nan) for each in stats]), "shape of the sampler's weights"),
        "largest_pareto_k": (np.array([k.max() for k in pareto]), "largest of the shapes of leave-one-mouse-out"),
    }
    verdicts = [_verdict(*row) for row in zip(gap, difference.sum(axis=1), error, strict=True)]
    return xr.Dataset(
        {
            **{name: ("model", values, {"units": "1", "long_name": text}) for name, (values, text) in content.items()},
            "verdict": ("model", verdicts),
        },
        {"model": list(trees)},
    )


def _verdict(evidence: float, elpd: float, error: float) -> str:
    """In words; below 0 speaks against the model."""
    if evidence == 0.0:
        return "highest evidence"
    against, worse = evidence < -_STRONG, elpd < -_ERRORS * error
    if against and worse:
        return "rejected by evidence and by prediction"
    if against:
        return "rejected by evidence; predicts other mice as well"
    return "predicts other mice worse; evidence open" if worse else "open"
