"""The jobs of the command line as functions: fit, compare, simulate, each with one report of progress."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import xarray as xr

from synmodel.claims import Cell, compared
from synmodel.comparison import DRUGS, Contrast, contrasts, paired, study_scenario
from synmodel.data import Reading, read_observations, select
from synmodel.errors import FitError
from synmodel.imaging import summarise
from synmodel.inference import Fit, Verdict, fit_summaries, judge
from synmodel.inference import fit as fit_observations
from synmodel.inference.posterior import DEFAULT_MODEL
from synmodel.inference.problem import STUDIES
from synmodel.inference.targets import Unit
from synmodel.inference.variants import VariantFit, fit_mechanism, fit_variants
from synmodel.inference.verdicts import Profiles, profile
from synmodel.scenario import Scenario
from synmodel.simulation import simulate

__all__ = ["Comparison", "FitResult", "compare_drugs", "fit_dendrites", "fit_studies", "simulate_scenario", "stage"]

Steps = Callable[[str, int, int], None]
_DRAWS = 300
_EXPERIMENTS = 200


@dataclass(frozen=True, eq=False)
class Comparison:
    """Both drugs against their controls: contrasts, curves, simulated experiments by drug, and the table of claims."""

    fit: Fit
    contrasts: dict[str, dict[str, Contrast]]
    curves: dict[str, xr.Dataset]
    simulated: dict[str, xr.Dataset]
    claims: list[Cell] = field(default_factory=list)

    def scenario_digest(self) -> str:
        """SHA-256 over the scenarios of both drugs, with and without their dose."""
        scenarios = [study_scenario(drug, treated=treated) for drug in self.contrasts for treated in (True, False)]
        return hashlib.sha256("".join(scenario.digest() for scenario in scenarios).encode()).hexdigest()


@dataclass(frozen=True, eq=False)
class FitResult:
    """A fit with verdicts, profiles (empty unless asked for) and other readings of the data."""

    fit: Fit
    verdicts: list[Verdict]
    profiles: Profiles
    variants: list[VariantFit]
    mechanisms: dict[str, Fit]


def stage(progress: Steps | None, what: str) -> Callable[[int, int], None] | None:
    """The progress of one stage of a job, called with (done, of); None without progress."""
    if progress is None:
        return None
    return lambda done, of: progress(what, done, of)


def compare_drugs(*, seed: int, unit: Unit = "mouse", progress: Steps | None = None) -> Comparison:
    """Fit the embedded studies jointly and compare every drug with its control.

    Parameters
    ----------
    seed : int
        Of starts, parameter draws and simulated experiments.
    unit : {"mouse", "dendrite"}
        Unit of replication.
    progress : callable, optional
        Called with (what, done, of).
    """
    fit = fit_summaries(unit=unit, seed=seed, progress=stage(progress, "fitting"))
    tables, curves, simulated = {}, {}, {}
    for number, drug in enumerate(DRUGS):
        tables[drug], curves[drug] = contrasts(
            fit, drug, draws=_DRAWS, seed=seed, progress=stage(progress, f"contrasts of {drug}")
        )
        simulated[drug] = paired(drug, fit.parameters, replicates=_EXPERIMENTS, seed=seed)
        if progress is not None:
            progress("simulating experiments", number + 1, len(DRUGS))
    return Comparison(fit, tables, curves, simulated, compared(fit, tables, seed=seed))


def fit_studies(
    *,
    studies: Sequence[str] | None = None,
    unit: Unit = "mouse",
    seed: int = 1,
    with_profiles: bool = False,
    progress: Steps | None = None,
) -> FitResult:
    """Fit studies and say of each parameter, and of other readings of the data, how sure the data are.

    Parameters
    ----------
    studies : sequence of str, optional
        At least one; default: all embedded ones.
    with_profiles : bool
        Also profile the effects of the drugs, which takes as long as all the rest.
    unit, seed, progress
        As in :func:`compare_drugs`.

    Raises
    ------
    FitError
        If no study is named.
    """
    chosen = STUDIES if studies is None else tuple(dict.fromkeys(studies))  # a study given twice is fitted once
    if not chosen or isinstance(studies, str):
        message = f"studies is {studies!r}; give a list of at least one of {', '.join(STUDIES)}"
        raise FitError(message)
    fit = fit_summaries(studies=chosen, unit=unit, seed=seed, progress=stage(progress, "fitting"))
    variants = fit_variants(fit, seed=seed, progress=stage(progress, "other readings"))
    mechanisms = {}
    if set(STUDIES) <= set(fit.problem.studies):
        mechanisms = fit_mechanism(fit, seed=seed, progress=stage(progress, "mechanisms"))
    verdicts = judge(fit, progress=stage(progress, "intervals"))
    profiles: Profiles = {}
    if with_profiles:
        of_drugs = [name for name in fit.problem.free if name.endswith(("_fold", "decay"))]
        profiles = profile(fit, of_drugs, progress=stage(progress, "profiles"))
    return FitResult(fit, verdicts, profiles, variants, mechanisms)


def fit_dendrites(
    paths: Sequence[Path],
    *,
    model: str | None = None,
    engine: str = "map",
    without: Sequence[str] = (),
    form: str | None = None,
    columns: Path | None = None,
    seed: int = 1,
    live_points: int = 300,
    checkpoint: Path | None = None,
    progress: Steps | None = None,
) -> tuple[Reading, xr.DataTree]:
    """Fit the single dendrites of a laboratory's file.

    Parameters
    ----------
    paths : sequence of Path
        One table, or the workbooks of one deposit.
    model : str, optional
        Terms of :mod:`synmodel.inference.terms`.
    engine : {"map", "nested"}
        See :func:`synmodel.inference.summary_fit`.
    without : sequence of str
        Flags of dendrites to leave out, see :func:`synmodel.data.select`.
    form, columns
        See :func:`synmodel.data.read_observations`.
    seed, live_points, checkpoint
        Of the sampler.
    progress : callable, optional
        As in :func:`compare_drugs`.
    """
    reading = read_observations(paths, form=form, columns=columns)
    observations = select(reading.observations, without=without)
    tree = fit_observations(
        observations,
        model=DEFAULT_MODEL if model is None else model,
        engine=engine,
        seed=seed,
        live_points=live_points,
        checkpoint=checkpoint,
        progress=stage(progress, "fitting dendrites"),
    )
    return reading, tree


def simulate_scenario(
    plan: Scenario, *, replicates: int, seed: int, progress: Steps | None = None
) -> tuple[xr.Dataset, xr.Dataset]:
    """Observations of a scenario and their group summaries."""
    observations = simulate(plan, replicates=replicates, seed=seed, progress=stage(progress, "simulating"))
    return observations, summarise(observations)
