"""Run a plan: what is not done yet, in this process or on Dask, then the result in one move.

Nothing is lost when the process is killed: every piece is in the journal as soon as it is done, and the same call goes
on.
"""

import tempfile
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing, nullcontext
from pathlib import Path

import xarray as xr

from synmodel.analysis.sweeps import journal as journals
from synmodel.analysis.sweeps.plan import Asked, Plan, plan_of
from synmodel.analysis.sweeps.store import NETCDF, ZARR, assemble, open_result, to_netcdf
from synmodel.analysis.sweeps.work import Answer, Work, computed, made_with, works_of
from synmodel.core.errors import SweepError
from synmodel.core.settings import by_fields
from synmodel.scenario import Scenario

__all__ = ["open_sweep", "run_plan", "sweep"]

Progress = Callable[[int, int], None]


@by_fields(asked=Asked)
def sweep(
    scenarios: str | Path | Scenario | Sequence[str | Path | Scenario],
    *,
    asked: Asked,
    out: str | Path | None = None,
    netcdf: bool = False,
    scheduler: object = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Simulate scenarios, or expect from them, over a grid, a sample or a table of parameters and scenario fields.

    Parameters
    ----------
    scenarios : str, Path, Scenario or sequence of them
        Names in the library, TOML files, or objects.
    asked : Asked
        What is varied, observed and reported. Mostly its fields are given by keywords of their own:
        ``sweep("ketamine-mouse-single", grid={...}, replicates=100, seed=1)``.
    out : path, optional
        Folder for the result; the same call on it goes on where an earlier one was interrupted. Default: in memory.
    netcdf : bool
        Write ``sweep.nc`` instead of ``sweep.zarr``.
    scheduler : optional
        None: in this process. ``"local"``: Dask worker processes here. ``"tcp://..."``, a path of a scheduler file or
        a ``distributed.Client``: a Dask cluster.
    workers : int, optional
        With ``"local"``: number of processes; default: one per processor.
    progress : callable, optional
        Called with (simulated experiments, or exact cells, done, all).

    Returns
    -------
    Dataset
        On the dims of the cells (``scenario``, then one per factor of a grid, or ``sample``) and ``point``: ``mean``,
        ``variance``, ``quantiles``, ``known`` (replicates with a value), the same with ``control_`` and
        ``contrast_`` before it, and ``failed``. Of exact cells only the means, with a dim ``draw`` before ``point`` if
        draws are asked for.

    Raises
    ------
    SynmodelError
        One line, if the plan is not valid, or ``out`` holds another sweep.

    Examples
    --------
    >>> import synmodel
    >>> doses = {"scenario.regimen.doses[0].amount": [0.3, 1.0, 3.0]}
    >>> swept = synmodel.sweep("psilocybin-mouse", grid=doses, observe="expected", seed=1, quantities="density_change")
    >>> week = swept["contrast_mean"].isel(scenario=0).sel(point=swept["end_day"] == 7).squeeze()
    >>> (100 * week).round(1).values.tolist()  # % extra spines on day 7
    [6.9, 9.9, 12.2]
    """
    plan = plan_of(scenarios, asked=asked)
    return run_plan(plan, out, netcdf=netcdf, scheduler=scheduler, workers=workers, progress=progress)


def run_plan(
    plan: Plan,
    out: str | Path | None = None,
    *,
    netcdf: bool = False,
    scheduler: object = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Run a plan, or go on with it; the arguments are those of :func:`sweep`."""
    if workers is not None and scheduler != "local":
        message = f"sweep: workers is {workers}, which only the scheduler 'local' takes; a cluster has its own"
        raise SweepError(message)
    with tempfile.TemporaryDirectory() if out is None else nullcontext(out) as folder:
        _run(plan, Path(folder), netcdf, scheduler, workers, progress)
        return open_result(Path(folder)).load() if out is None else open_result(Path(folder))


def open_sweep(out: str | Path) -> xr.Dataset:
    """The result in a folder, read when it is needed.

    Raises
    ------
    SweepError
        If there is none, or it is not finished.
    """
    folder = Path(out)
    if not any((folder / name).exists() for name in (ZARR, NETCDF)):
        message = f"sweep: {folder} holds no finished sweep; run it, or go on with it, first"
        raise SweepError(message)
    return open_result(folder)


def _run(
    plan: Plan, out: Path, netcdf: bool, scheduler: object, workers: int | None, progress: Progress | None
) -> None:
    made = not out.exists()
    journals.claim(plan, out)
    if not any((out / name).exists() for name in (ZARR, NETCDF)):
        with journals.opened(plan, out, made=made) as journal:
            _do(plan, journal, scheduler, workers, progress)
            assemble(plan, journal, out)
    if netcdf and (out / ZARR).exists():
        to_netcdf(out)
    journals.forget(out)


def _do(
    plan: Plan, journal: journals.Journal, scheduler: object, workers: int | None, progress: Progress | None
) -> None:
    """Fill the journal."""
    is_done = journal.done()
    finished = int(is_done.sum())
    if finished == len(is_done):
        return

    def tell() -> None:
        if progress is not None:
            total = plan.n_cell * (plan.replicates or 1)
            progress(total * finished // len(is_done), total)

    mine = made_with()
    with closing(_answers(works_of(plan, is_done, alone=scheduler is None), scheduler, workers)) as answers:
        tell()
        for answer in answers:
            if answer.made_with != mine:
                message = f"sweep: a worker has {answer.made_with}, this process {mine}; give all the same versions"
                raise SweepError(message)
            try:
                for slot, record, reason in answer.records:
                    journal.write(slot, record, reason)
            except OSError as fault:
                message = f"sweep: the journal cannot be written: {fault.strerror}; make room and run it again to go on"
                raise SweepError(message) from fault
            finished += len(answer.records)
            tell()


def _answers(works: Iterable[Work], scheduler: object, workers: int | None) -> Generator[Answer]:
    if scheduler is None:
        return (answer for work in works for answer in computed(work))
    from synmodel.analysis.sweeps.cluster import compute_on

    return compute_on(works, scheduler, workers)
