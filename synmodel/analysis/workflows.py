"""The jobs of the command line as functions: fit, compare, simulate, each with one report of progress."""

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import xarray as xr

from synmodel.analysis import intervals
from synmodel.analysis.claims import RECEPTORS, Cell, compared
from synmodel.analysis.comparison import FEWEST_DRAWS, Contrast, contrasts, paired, study_scenario
from synmodel.analysis.embedded import embedded_arms
from synmodel.analysis.sweeps import Plan, draws_digest, expected_cells, run_plan, sobol_indices
from synmodel.core.errors import FitError
from synmodel.core.plain import Json
from synmodel.core.progress import Steps, stage
from synmodel.core.settings import by_fields
from synmodel.data import Arm, ReadingOptions, read_each, select
from synmodel.data import Reading as TableReading
from synmodel.inference import Fit, Verdict, fit_summaries
from synmodel.inference import fit as fit_observations
from synmodel.inference.conventional import Conventional, conventional_analysis
from synmodel.inference.conventional.expected_differences import beside
from synmodel.inference.dendrites.arms import DendriteData
from synmodel.inference.dendrites.posterior import DEFAULT_MODEL
from synmodel.inference.dendrites.selection import compare_models
from synmodel.inference.sampling import SamplerSettings
from synmodel.inference.summaries.estimate import Estimate
from synmodel.inference.summaries.evidence import ReadingFit, compare_readings
from synmodel.inference.summaries.folders import fitted_studies
from synmodel.inference.summaries.joint import load_posterior, recorded_readings
from synmodel.inference.summaries.problem import STUDIES
from synmodel.inference.summaries.readings import READINGS, Reading, readings_of
from synmodel.inference.summaries.summary_fit import settled_parameters
from synmodel.inference.summaries.targets import Unit
from synmodel.inference.summaries.verdicts import Profiles, profile, verdicts_of
from synmodel.turnover.arguments import whole_number

__all__ = [
    "Comparison",
    "DendriteFits",
    "FitResult",
    "compare_drugs",
    "fit_dendrites",
    "fit_studies",
    "run_sweep",
    "stage",
    "sweep_intervals",
]

_DRAWS = 300
_EXPERIMENTS = 200
_FEWEST = 60
MAIN_READINGS = (
    *(Reading(receptor=receptor) for receptor in RECEPTORS),
    Reading("pulse"),
    Reading("pulse, one decay"),
)
"""Readings that are fitted by default."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """Both drugs against their controls: contrasts, curves, simulated experiments by drug, and the table of claims.

    ``fit`` is the maximum of the joint fit of the mechanism, ``source`` what intervals rest on: the posterior of the
    library, or draws of the fit where that does not apply. ``readings`` are all readings as plain data, and ``pulse``
    contrasts of the pulse with decays of its own.
    """

    fit: Fit
    source: Estimate
    contrasts: dict[str, dict[str, Contrast]]
    curves: dict[str, xr.Dataset]
    simulated: dict[str, xr.Dataset]
    readings: list[Json] = field(default_factory=list)
    pulse: dict[str, dict[str, Contrast]] = field(default_factory=dict)
    claims: list[Cell] = field(default_factory=list)

    def scenario_digest(self) -> str:
        """SHA-256 over the scenarios of both drugs, with and without their dose."""
        scenarios = [study_scenario(drug, treated=treated) for drug in self.contrasts for treated in (True, False)]
        return hashlib.sha256("".join(scenario.digest() for scenario in scenarios).encode()).hexdigest()


@dataclass(frozen=True, eq=False)
class FitResult:
    """A fit with verdicts, profiles (empty unless asked for) and readings of the data side by side.

    ``notes`` say which readings cannot be fitted to these studies.
    """

    fit: Fit
    source: Estimate
    verdicts: list[Verdict]
    profiles: Profiles
    readings: list[ReadingFit]
    notes: list[str] = field(default_factory=list)


def compare_drugs(
    *,
    seed: int,
    unit: Unit = "mouse",
    draws: int = _DRAWS,
    posterior: Estimate | None = None,
    progress: Steps | None = None,
) -> Comparison:
    """Fit the embedded studies jointly and compare every drug with its control.

    Parameters
    ----------
    seed : int
        Of starts, parameter draws and simulated experiments.
    unit : {"mouse", "dendrite"}
        Unit of replication.
    draws : int
        Of the posterior, behind intervals; at least 50.
    posterior : Estimate, optional
        In place of the one of the library.
    progress : callable, optional
        Called with (what, done, of).

    Returns
    -------
    Comparison
        Contrasts of each drug with its control, with 95 % intervals, by name; curves over days; the table of claims.

    Raises
    ------
    FitError
        If the unit of replication is none of the two.
    SimulationError
        If the draws are too few for an interval, before any work.

    Examples
    --------
    >>> import synmodel
    >>> made = synmodel.compare_drugs(seed=1)  # doctest: +SKIP
    >>> fold = made.contrasts["psilocybin"]["formation_peak_fold"]  # doctest: +SKIP
    >>> [round(float(value), 1) for value in (fold.estimate, fold.low, fold.high)]  # doctest: +SKIP
    [3.0, 2.2, 4.4]
    """
    draws = whole_number("draws", draws, least=FEWEST_DRAWS)
    chosen = (Reading(), Reading("pulse"))
    readings = compare_readings(chosen, unit=unit, seed=seed, progress=stage(progress, "fitting"))
    fit, pulse = (each.fit for each in readings)
    others = recorded_readings(fit.problem)
    if not others:
        wanted = [reading for reading in MAIN_READINGS if reading not in chosen]
        readings += compare_readings(wanted, unit=unit, seed=seed, progress=stage(progress, "other readings"))
    entries = [each.document() for each in readings]
    entries += [each for each in others if each["name"] not in {entry["name"] for entry in entries}]
    source = _source(fit, STUDIES, unit) if posterior is None else posterior
    tables, curves, simulated, of_pulse = {}, {}, {}, {}
    arms = embedded_arms()
    for number, (drug, shown) in enumerate(arms.items()):
        tables[drug], curves[drug] = contrasts(
            source, drug, draws=draws, seed=seed, progress=stage(progress, f"contrasts of {drug}")
        )
        of_pulse[drug], _ = contrasts(
            pulse, drug, draws=max(draws // 3, _FEWEST), seed=seed, progress=stage(progress, f"{drug} by pulses")
        )
        simulated[drug] = paired(drug, fit.in_library(shown.study, drug), replicates=_EXPERIMENTS, seed=seed)
        if progress is not None:
            progress("simulating experiments", number + 1, len(arms))
    return Comparison(fit, source, tables, curves, simulated, entries, of_pulse, compared(source, tables, entries))


def _source(fit: Fit, studies: Sequence[str], unit: Unit) -> Estimate:
    """What intervals rest on: the posterior of the library where it is of these studies and this unit, else the fit."""
    if tuple(studies) != STUDIES or unit != "mouse":
        return fit
    return load_posterior()


def fit_studies(
    *,
    studies: Sequence[str | Path] | None = None,
    unit: Unit = "mouse",
    seed: int = 1,
    with_profiles: bool = False,
    all_readings: bool = False,
    progress: Steps | None = None,
) -> FitResult:
    """Fit studies and say of each parameter, and of other variants of the mechanism, how sure the data are.

    Parameters
    ----------
    studies : sequence of str or Path, optional
        At least one name of an embedded study, or folder with ``study.toml`` and ``summaries.csv``; default, and beside
        folders alone: all embedded ones.
    with_profiles : bool
        Also profile the parameters of the cascade, which takes some minutes.
    all_readings : bool
        Fit every variant of the mechanism, which takes some minutes, and not only the main ones.
    unit, seed, progress
        As in :func:`compare_drugs`.

    Returns
    -------
    FitResult
        The fit, a verdict for each parameter, and the evidence of the variants.

    Raises
    ------
    FitError
        If no study is named.

    Examples
    --------
    >>> import synmodel
    >>> found = synmodel.fit_studies(studies=["shao2021"], seed=1)  # doctest: +SKIP
    >>> next(each.sentence for each in found.verdicts if each.name == "head_twitch.fading")  # doctest: +SKIP
    '43.5 1/day (95 % interval 28.3 to 68.6)'
    """
    chosen = () if isinstance(studies, str) else fitted_studies(STUDIES if studies is None else studies, STUDIES)
    if not chosen:
        message = f"studies is {studies!r}; give a list of at least one of {', '.join(STUDIES)}, or of folders"
        raise FitError(message)
    begun = settled_parameters(chosen, unit=unit, seed=seed, progress=stage(progress, "first fit"))
    fit = fit_summaries(
        studies=chosen, parameters=begun, unit=unit, seed=seed, starts=1, progress=stage(progress, "fitting")
    )
    source = _source(fit, fit.problem.studies, unit)
    names = [name for name in source.problem.free if name.partition(".")[0] not in source.problem.studies]
    verdicts = verdicts_of(source, names, seed=seed)
    wanted = READINGS.values() if all_readings else MAIN_READINGS
    fitted, notes = readings_of(wanted, chosen)
    readings = compare_readings(
        fitted, studies=chosen, parameters=begun, unit=unit, seed=seed, progress=stage(progress, "readings")
    )
    profiles: Profiles = {}
    if with_profiles:
        of_cascade = [name for name in fit.problem.free if name.startswith(("cascade.", "serotonin."))]
        profiles = profile(fit, of_cascade, progress=stage(progress, "profiles"))
    return FitResult(fit, source, verdicts, profiles, readings, notes)


@dataclass(frozen=True)
class DendriteFits:
    """Tables of single dendrites, one fit of them, or several side by side, and the conventional analysis.

    The conventional analysis stands beside the fit, of several that with the highest evidence.
    """

    readings: list[TableReading]
    tree: xr.DataTree
    table: xr.Dataset | None
    conventional: Conventional


@by_fields(sampler=SamplerSettings)
def fit_dendrites(
    paths: Sequence[Path],
    *,
    models: Sequence[str] = (),
    without: Sequence[str] = (),
    options: ReadingOptions | None = None,
    regimens: Mapping[str, Arm] | None = None,
    sampler: SamplerSettings,
    progress: Steps | None = None,
) -> DendriteFits:
    """Fit the single dendrites of a laboratory's files.

    Parameters
    ----------
    paths : sequence of Path
        Tables, each of other arms or of new spines followed, and the workbooks of one deposit.
    models : sequence of str
        Terms of :mod:`synmodel.inference.dendrites.terms`; several are compared.
    without : sequence of str
        Flags of dendrites to leave out, see :func:`synmodel.data.select`.
    options : ReadingOptions, optional
        How the files are to be read.
    regimens : mapping, optional
        What arms were given, by name, where the library does not know them (:func:`synmodel.data.regimens_of`).
    sampler : SamplerSettings
        By default ``map``, and ``importance`` for several models; its fields may be given by keywords of their own.
    progress : callable, optional
        As in :func:`compare_drugs`.
    """
    readings = read_each(paths, options=options)
    flagged = [flag for flag in without if any(flag in reading.observations.coords for reading in readings)]
    if len(flagged) < len(without):
        select(readings[0].observations, without=without)  # says which flag is in none of the tables
    observations = [
        select(each.observations, without=[flag for flag in flagged if flag in each.observations.coords])
        for each in readings
    ]
    presence = [each.presence for each in readings if each.presence is not None]
    data = DendriteData(observations, presence, regimens or {})
    chosen, seed = list(models) or [DEFAULT_MODEL], sampler.seed
    if len(chosen) > 1:
        tree, table = compare_models(
            data,
            chosen,
            engine=sampler.engine or "importance",
            seed=seed,
            size=sampler.size,
            checkpoint=sampler.checkpoint,
            progress=progress,
        )
        best = tree.children[str(table["model"].to_numpy()[int(np.argmax(table["log_evidence"].to_numpy()))])]
        return DendriteFits(readings, tree, table, _conventional(data, flagged, best, seed))
    told = stage(progress, "fitting dendrites")
    tree = fit_observations(
        data,
        model=chosen[0],
        engine=sampler.engine or "map",
        seed=seed,
        size=sampler.size,
        checkpoint=sampler.checkpoint,
        progress=told,
    )
    return DendriteFits(readings, tree, None, _conventional(data, flagged, tree, seed))


def _conventional(data: DendriteData, flagged: Sequence[str], tree: xr.DataTree, seed: int) -> Conventional:
    """The conventional analysis of the dendrites without flags, beside one fit of them."""
    return beside(conventional_analysis(data.observations, without=flagged), data, tree, seed=seed)


def run_sweep(
    plan: Plan,
    out: Path,
    *,
    netcdf: bool = False,
    scheduler: str | None = None,
    workers: int | None = None,
    progress: Steps | None = None,
) -> tuple[xr.Dataset, xr.Dataset | None]:
    """Result of a sweep; and Sobol indices of its contrast (of its mean, without a control) if its sample has them."""
    report = stage(progress, "exact cells" if plan.exact else "simulating experiments")
    result = run_plan(plan, out, netcdf=netcdf, scheduler=scheduler, workers=workers, progress=report)
    if plan.design.kind != "saltelli":
        return result, None
    return result, sobol_indices(result, "mean" if plan.control == "none" else "contrast_mean", seed=plan.seed)


def sweep_intervals(
    plan: Plan,
    known: Path | None = None,
    *,
    draws: int = intervals.DRAWS,
    posterior: Estimate | None = None,
    progress: Steps | None = None,
) -> xr.Dataset | None:
    """What the model expects in every cell of a sweep, with its interval; None where draws of a posterior do not apply.

    They do not where the sweep has parameters of its own (``base``), or no mechanism drives any cell. Exact cells have
    draws of their own.

    Parameters
    ----------
    known : Path, optional
        File of an earlier call, which is read where it is of the same plan and the same draws.
    draws : int
        Of the posterior.
    posterior : Estimate, optional
        In place of the one of the library.
    """
    mechanistic = any(scenario.drive == "mechanistic" for scenario in plan.scenarios)
    if not draws or plan.exact or plan.base is not None or not mechanistic:
        return None
    source = load_posterior() if posterior is None else posterior
    sets = intervals.scenario_draws(source, draws, plan.seed)
    made_of = {"scenario_digest": plan.digest, "draws_digest": draws_digest(sets)}
    if known is not None and known.is_file():
        # What cannot be read is made anew; the library lets many errors of broken files through.
        with suppress(Exception), xr.open_dataset(known, engine="h5netcdf") as earlier:
            if all(earlier.attrs.get(name) == digest for name, digest in made_of.items()):
                return earlier.load()
    return expected_cells(plan, sets, stage(progress, "intervals of the posterior"))
