"""The joint posterior: sampled once, shipped with the library, read by everything that reports a number of a drug.

``synmodel posterior`` makes it anew (docs/fit.md): maximum, chains, file. The file is a DataTree with the
groups of ArviZ; it carries a digest of the model's parameters and of the data, and the log posterior of each draw, so
that a file that does not belong to the code is noticed (:func:`Posterior.check`).
"""

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from synmodel import library
from synmodel.core import manifest, netcdf
from synmodel.core.errors import FitError
from synmodel.core.plain import Json
from synmodel.core.progress import Steps, stage
from synmodel.core.randomness import generator_of
from synmodel.core.settings import by_fields
from synmodel.inference.summaries.estimate import Estimate
from synmodel.inference.summaries.problem import STUDIES, SummaryProblem
from synmodel.inference.summaries.readings import DEFAULT, joint_problem, reading_named
from synmodel.inference.summaries.walks import Walks
from synmodel.library.parameters import ParameterSet

if TYPE_CHECKING:
    from synmodel.inference.summaries.chains import Chains

__all__ = [
    "Posterior",
    "data_digest",
    "load_posterior",
    "make_posteriors",
    "recorded_readings",
    "sample_posterior",
    "save_posterior",
    "without_study",
]

Array = NDArray[np.float64]
_TOLERANCE = 1e-5


@dataclass(frozen=True, eq=False)
class Posterior(Estimate):
    """Draws of a joint posterior.

    Attributes
    ----------
    vectors : (n_draw, n_free) ndarray
        Draws on the scales of the fit, chain after chain.
    log_posterior : (n_draw,) ndarray
        -1/2 of the sum of squared residuals of each.
    """

    vectors: Array
    log_posterior: Array

    def draws(self, n: int, seed: int) -> Array:
        """(n, n_free) draws: all of them in random order, again and again if more are asked for than there are."""
        return self.vectors[self.places(n, seed)]

    def places(self, n: int, seed: int) -> NDArray[np.int64]:
        """(n,) places of :meth:`draws` among the vectors."""
        order = generator_of(seed, "posterior draws").permutation(len(self.vectors))
        return order[np.arange(n) % len(order)]

    def check(self, at: int) -> None:
        """Compute the log posterior of one draw again.

        Raises
        ------
        FitError
            If it is not the one that the file gives.
        """
        again = -0.5 * float(np.sum(self.problem.residuals(self.vectors[at]) ** 2))
        if abs(again - self.log_posterior[at]) > _TOLERANCE * (1.0 + abs(again)):
            message = (
                f"draw {at} of the posterior has log posterior {again:.6f} here, {self.log_posterior[at]:.6f} in its "
                "file; model or data have changed: make it anew with `synmodel posterior`"
            )
            raise FitError(message)


def data_digest(problem: SummaryProblem) -> str:
    """SHA-256 over the parameters that are read (values, supports, priors), which are free, and all data."""
    read = ParameterSet(problem.parameters[name] for name in problem.reads)
    content: list[object] = [read.digest(), problem.free, problem.unit, sorted(problem.tied.items())]
    for target in problem.arms:
        content.append([target.study.name, target.arm.model_dump(mode="json"), target.density])
        for means in target.means:
            content.append([means.quantity, *(np.asarray(each).tolist() for each in (
                means.start, means.end, means.mean, means.sem_dendrite, means.sem_mouse, means.n_dendrites
            ))])  # fmt: skip
        if target.persistence is not None:
            content.append([each.tolist() for each in (
                target.persistence.end, target.persistence.present, target.persistence.new
            )])  # fmt: skip
    content.append([[term.name, term.content()] for term in problem.terms])
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


@by_fields(walks=Walks)
def sample_posterior(
    *,
    studies: tuple[str, ...] = STUDIES,
    parameters: ParameterSet | None = None,
    reading: str = DEFAULT.name,
    seed: int = 1,
    walks: Walks,
    progress: Steps | None = None,
) -> "tuple[Posterior, Chains]":
    """Sample the joint posterior of studies.

    Parameters
    ----------
    studies : tuple of str
        Names in the library.
    parameters : ParameterSet, optional
        Values of what is not free, and where the search for the mode begins; default: those of the library.
    reading : str
        Name of a reading, see :mod:`synmodel.inference.summaries.readings`.
    seed, walks
        As in :func:`synmodel.inference.summaries.chains.sample_chains`.
    progress : callable, optional
        Called with (what, done, of).
    """
    from synmodel.inference.summaries.chains import sample_chains  # on use: who reads a posterior does without
    from synmodel.inference.summaries.summary_fit import fit_problem

    chosen = reading_named(reading)
    held = joint_problem(studies, parameters=parameters, reading=chosen)
    best = fit_problem(held, seed=seed, starts=1)
    problem = joint_problem(studies, parameters=parameters, reading=chosen, with_spreads=True)
    mode = problem.parameters.replace(held.parameters.unpack(best.vector, held.free)).pack(problem.free)
    report = stage(progress, "chains")
    made = sample_chains(problem, mode, seed=seed, walks=walks, progress=report)
    flat = made.vectors.reshape(-1, made.vectors.shape[-1])
    return Posterior(problem, mode, flat, made.log_posterior.ravel()), made


def save_posterior(posterior: Posterior, chains: "Chains", path: Path, *, reading: str, seed: int) -> None:
    """Write a posterior as a DataTree with groups ``posterior``, ``constant_data`` and ``sample_stats`` (netCDF).

    The estimate is no draw, and ArviZ summarises all that is in ``posterior``; it stands in ``constant_data``.
    """
    problem = posterior.problem
    free = problem.free
    shape = chains.vectors.shape[:2]
    inside = np.array([
        [problem.parameters[name].from_coordinate(x) for name, x in zip(free, vector, strict=True)]
        for vector in chains.vectors.reshape(-1, len(free)).tolist()
    ]).reshape(*shape, len(free))  # fmt: skip
    coords = {"chain": np.arange(shape[0]), "draw": np.arange(shape[1]), "parameter": free}
    posterior_group = xr.Dataset(
        {"value": (("chain", "draw", "parameter"), inside)},
        coords | {"unit": ("parameter", [problem.parameters[name].unit for name in free])},
    )
    stats = xr.Dataset(
        {
            "lp": (("chain", "draw"), chains.log_posterior),
            "accepted": (("chain", "block"), chains.accepted),
        },
        {name: coords[name] for name in ("chain", "draw")},
    )
    estimate = xr.Dataset({"estimate": ("parameter", [posterior.values[n] for n in free])}, {"parameter": free})
    tree = xr.DataTree.from_dict({"posterior": posterior_group, "constant_data": estimate, "sample_stats": stats})
    tree.attrs.update(digest=data_digest(problem), reading=reading, studies=" ".join(problem.studies), seed=str(seed))
    path.parent.mkdir(parents=True, exist_ok=True)
    compressed = {"/posterior": {"value": {"zlib": True, "complevel": 9}}}
    netcdf.write(tree, path, encoding=compressed)


@library.cached
def load_posterior(path: Path | None = None) -> Posterior:
    """A posterior from its file; by default the one of the library.

    Raises
    ------
    FitError
        If the file cannot be read, or belongs to another model or to other data.

    Examples
    --------
    >>> from synmodel.inference.summaries.joint import load_posterior
    >>> posterior = load_posterior()
    >>> posterior.draws(100, seed=1).shape == (100, len(posterior.problem.free))
    True
    """
    where = library.posterior_path() if path is None else path
    if not where.is_file():
        why = "it is a folder; give a file such as joint.nc in it, or" if where.is_dir() else "there is no such file;"
        message = f"cannot read a posterior from {where}: {why} make one with `synmodel posterior`"
        raise FitError(message)
    manifest.check(where.parent, [where.name])
    try:
        with xr.open_datatree(where, engine="h5netcdf") as tree:
            loaded = tree.load()
        draws = loaded["posterior"].to_dataset()
        studies, reading, digest = (str(loaded.attrs[name]) for name in ("studies", "reading", "digest"))
        # Files of an earlier version have it among the draws.
        place = "constant_data" if "constant_data" in loaded.children else "posterior"
        at = loaded[place].to_dataset()["estimate"].values.tolist()
        stats = loaded["sample_stats"].to_dataset()
    except (OSError, KeyError, ValueError) as fault:
        why = "it holds none" if isinstance(fault, KeyError) else netcdf.why_not_read(fault)
        message = f"cannot read a posterior from {where}: {why}; make one with `synmodel posterior`"
        raise FitError(message) from fault
    problem = joint_problem(tuple(studies.split()), reading=reading_named(reading), with_spreads=True)
    if digest != data_digest(problem):
        message = (
            f"the posterior in {where} belongs to another model or to other data; make it anew with "
            "`synmodel posterior`"
        )
        raise FitError(message)
    values = draws["value"].stack(row=("chain", "draw")).transpose("row", "parameter").to_numpy()
    parameters = [problem.parameters[name] for name in problem.free]
    vectors = np.column_stack([np.log(column) if parameter.scale == "log" else column
                               for parameter, column in zip(parameters, values.T, strict=True)])  # fmt: skip
    estimate = np.array([parameter.to_coordinate(x) for parameter, x in zip(parameters, at, strict=True)])
    return Posterior(problem, estimate, vectors, stats["lp"].stack(row=("chain", "draw")).to_numpy())


def without_study(name: str) -> Estimate:
    """The posterior of all embedded studies but one, from the library.

    Raises
    ------
    FitError
        As :func:`load_posterior`.
    """
    return load_posterior(library.posterior_path().with_name(f"without_{name}.nc"))


@by_fields(walks=Walks)
def make_posteriors(folder: Path, *, seed: int, walks: Walks, progress: Steps | None = None) -> list[str]:
    """Write the joint posterior, that without each study, and the comparison of readings; returns the files' names.

    A file that is there and belongs to the model and the data as they are is kept, so that an interrupted run goes on.
    """
    from synmodel.inference.summaries.evidence import compare_readings  # on use, as above

    written = []
    left_out: list[str | None] = [None, *STUDIES]
    for number, missing in enumerate(left_out):
        name = "joint.nc" if missing is None else f"without_{missing}.nc"
        studies = tuple(study for study in STUDIES if study != missing)
        if not _is_current(folder / name):
            # What only serves validation may be coarser.
            own = walks if missing is None else replace(walks, draws=(walks.draws + 1) // 2)
            made, of_chains = sample_posterior(studies=studies, seed=seed, walks=own)
            save_posterior(made, of_chains, folder / name, reading=DEFAULT.name, seed=seed)
        written.append(name)
        if progress is not None:
            progress("posteriors", number + 1, len(left_out))
    report = stage(progress, "readings")
    readings = compare_readings(seed=seed, progress=report)
    table = {"digest": data_digest(joint_problem()), "readings": [each.document() for each in readings]}
    (folder / "readings.json").write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
    return [*written, "readings.json"]


def _is_current(path: Path) -> bool:
    try:
        load_posterior.__wrapped__(path)
    except FitError:
        return False
    return True


def recorded_readings(problem: SummaryProblem) -> list[Json]:
    """All readings as they were compared with the library's posterior; none if model or data are others."""
    path = library.posterior_path().with_name("readings.json")
    if not path.is_file():
        return []
    table = json.loads(path.read_text(encoding="utf-8"))
    if table["digest"] != data_digest(problem):
        return []
    return [entry | {"note": "recorded with the posterior"} for entry in table["readings"]]
