r"""Simulation-based calibration of the whole pipeline: simulator, Observations, likelihood, sampler.

Parameters are drawn from the prior, an experiment is simulated with them by the events engine, and the fit gives
draws of the posterior. If every part follows one and the same model, the rank of the true value among L independent
draws is uniform on 0 ... L for every parameter (Talts et al. 2018), and an interval of probability p holds the truth
with probability p. A simulator that differs from the likelihood, a likelihood with too little spread and a sampler that
is too narrow all show.

References
----------
Talts, Betancourt, Simpson, Vehtari and Gelman 2018, doi:10.48550/arXiv.1804.06788.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from synmodel.core.randomness import stream_key, uniform_array
from synmodel.core.schema import OBSERVATIONS, stamped
from synmodel.core.settings import by_fields
from synmodel.data.options import MOST_SPINES
from synmodel.inference.dendrites import DendriteProblem, baseline_of, parameters_for, template
from synmodel.inference.dendrites.arms import doses_of
from synmodel.inference.dendrites.effects import pulse_parameters
from synmodel.inference.dendrites.posterior import Searching, fit
from synmodel.library.parameters import ParameterSet, Prior
from synmodel.library.provenance import provenance
from synmodel.signalling.phenomenology import phenomenological_drive
from synmodel.turnover import simulate

__all__ = [
    "Design",
    "calibrate",
    "centring",
    "coverage",
    "laboratory_priors",
    "shifted",
    "simulated_observations",
    "uniformity",
]

Array = NDArray[np.float64]
_DRIVE_STEP_DAY = 0.02
_SPREAD = {
    "formation": 0.4,
    "loss_nascent": 0.4,
    "maturation": 0.4,
    "loss_mature": 0.4,
    "formation_fold": 0.5,
    "elimination_fold": 0.4,
    "decay": 0.5,
    "length_median": 0.2,
    "length_spread": 0.3,
    "length_change": 0.3,
}
_FORMATION_FOLD, _LARGEST_CV = 2.0, 0.8
_DENSITY_SD, _MEDIAN_UM = 0.2, 25.0  # few dendrites then come near the largest number that is allowed


@dataclass(frozen=True)
class Design:
    """An experiment: arms, mice per arm, dendrites per mouse, sessions.

    Attributes
    ----------
    arms : tuple of str
        As in a laboratory's table: ``saline``, a drug, ``antagonist+drug``; one dose on day 0.
    mice, dendrites : int
        Per arm and per mouse.
    sessions : tuple of float
        [day].
    length_um : float
        Of each dendrite.
    spines : float
        Mean number of spines of a dendrite at the first session; numbers are Poisson.
    fractions : bool
        Whether the table holds densities and fractions alone, no counts and no lengths. Lengths and numbers of spines
        then follow the law of the parameters ``lab.length_...``.
    scored_until : float
        Session from which on there are densities alone [day].
    """

    arms: tuple[str, ...] = ("saline", "psilocybin")
    mice: int = 4
    dendrites: int = 4
    sessions: tuple[float, ...] = (-3.0, -1.0, 1.0, 3.0, 5.0, 7.0)
    length_um: float = 40.0
    spines: float = 15.0
    fractions: bool = False
    scored_until: float = np.inf


def simulated_observations(design: Design, values: dict[str, float], *, transient: bool, seed: int) -> xr.Dataset:
    """Observations of an experiment, drawn by the events engine.

    Parameters
    ----------
    design : Design
        The experiment.
    values : dict
        Parameters by name, those of the study under ``lab``.
    transient : bool
        Whether there is a third, short-lived class.
    seed : int
        Of all draws.
    """
    model, composition = baseline_of("lab", values, transient=transient)
    days = np.asarray(design.sessions)
    knots = np.concatenate([days[:1], np.arange(0.0, days[-1] + 1.0, _DRIVE_STEP_DAY)])
    pieces = []
    for number, arm in enumerate(design.arms):
        doses = doses_of("lab", arm)
        initial, length = _drawn_start(design, values, composition, _own_seed(seed, -1 - number))
        seen = simulate(
            model,
            initial=initial,
            times=days,
            replicates=1,
            animals=design.mice,
            dendrites=design.dendrites,
            drive=phenomenological_drive(doses, knots, values) if doses else None,
            seed=_own_seed(seed, number),
            engine="events",
            length_um=length,
        ).isel(replicate=0)
        shape = (design.mice, design.dendrites, -1)
        pieces.append(
            [seen[name].to_numpy().reshape(shape).astype(float) for name in ("gained", "lost")]
            + [seen["count"].sum("spine_class").to_numpy().reshape(shape).astype(float)]
            + [np.broadcast_to(np.reshape(length, (-1, 1)), (design.mice * design.dendrites, 1)).reshape(shape)]
        )
    gained, lost, count, length = (np.concatenate([piece[i] for piece in pieces]) for i in range(4))
    animals = len(design.arms) * design.mice
    dims = ("animal", "dendrite")
    dataset = xr.Dataset(
        {
            "spine_count": ((*dims, "session"), count),
            "gained": ((*dims, "interval"), gained),
            "lost": ((*dims, "interval"), lost),
            "length_um": ((*dims, "session"), np.broadcast_to(length, count.shape)),
        },
        {
            "session": days,
            "start_day": ("interval", days[:-1]),
            "end_day": ("interval", days[1:]),
            "study": ("animal", ["lab"] * animals),
            "arm": ("animal", np.repeat(design.arms, design.mice)),
            "mouse": ("animal", [f"m{i}" for i in range(animals)]),
        },
    )
    if design.fractions:
        dataset = _as_fractions(dataset, design, values["lab.length_change"], seed)
    return stamped(dataset, OBSERVATIONS)


def _drawn_start(
    design: Design, values: dict[str, float], composition: Array, seed: int
) -> tuple[dict[str, list[float]] | NDArray[np.int64], ArrayLike]:
    """Spines at the first session and lengths; those of fractions follow the prior of their number given a density."""
    if not design.fractions:
        return {"poisson": (design.spines * composition).tolist()}, design.length_um
    generator = np.random.Generator(np.random.Philox(key=stream_key(seed, "starts of calibration")))
    n = design.mice * design.dendrites
    density = design.spines / design.length_um * np.exp(_DENSITY_SD * generator.standard_normal(n))
    numbers = np.arange(1, MOST_SPINES + 1)
    away = (np.log(numbers / density[:, None]) - np.log(values["lab.length_median"])) / values["lab.length_spread"]
    weight = np.exp(-0.5 * away**2) / numbers
    cumulative = np.cumsum(weight, axis=1) / weight.sum(axis=1, keepdims=True)
    first = 1 + (generator.random((n, 1)) > cumulative).sum(axis=1)
    return generator.multinomial(first, composition), first / density


def _as_fractions(observations: xr.Dataset, design: Design, change: float, seed: int) -> xr.Dataset:
    """The same experiment as a laboratory publishes it: densities and fractions alone."""
    generator = np.random.Generator(np.random.Philox(key=stream_key(seed, "measured lengths of calibration")))
    count, length = observations["spine_count"].to_numpy(), observations["length_um"].to_numpy()
    steps = change * generator.standard_t(2, size=count.shape)
    steps[..., 0] = 0.0
    measured = length * np.exp(np.cumsum(steps, axis=-1))
    session = observations["session"].to_numpy()
    told = {}
    for name, changed in (("formation_fraction", "gained"), ("elimination_fraction", "lost")):
        values = np.full(count.shape, np.nan)
        with np.errstate(divide="ignore", invalid="ignore"):
            values[..., 1:] = observations[changed].to_numpy() / count[..., :-1]
        told[name] = (observations["spine_count"].dims, np.where(session > design.scored_until, np.nan, values))
    told["density_per_um"] = (observations["spine_count"].dims, count / measured)
    blank = {name: observations[name] * np.nan for name in ("spine_count", "gained", "lost", "length_um")}
    return observations.assign(blank).assign_coords(told)


def _own_seed(seed: int, number: int) -> int:
    """A seed of its own for each replicate, or each arm of a replicate."""
    return int(stream_key(seed, f"calibration {number}")[0])


@by_fields(searching=Searching("importance", draws=99))
def calibrate(
    design: Design,
    model: str,
    *,
    parameters: ParameterSet | None = None,
    replicates: int,
    first: int = 0,
    searching: Searching,
    seed: int,
    progress: Callable[[int, int], None] | None = None,
) -> xr.Dataset:
    """Ranks of true parameters among draws of their posteriors.

    Parameters
    ----------
    design : Design
        The experiment that is repeated.
    model : str
        Terms of :mod:`synmodel.inference.dendrites.terms`.
    parameters : ParameterSet, optional
        Supports and priors that replace the default ones; truths are drawn from them.
    replicates, first : int
        Replicates ``first`` to ``first + replicates - 1``; each is the same whichever others are computed.
    searching : Searching
        ``engine`` ("importance"), ``draws`` of each posterior (99) and ``size``, as in :func:`synmodel.inference.fit`.
        Its fields are given by keywords of their own.
    seed : int
        Of truths, experiments and samplers.
    progress : callable, optional
        Called with (done, of how many).

    Returns
    -------
    Dataset
        ``truth`` and ``rank`` (replicate, parameter), ``posterior`` (replicate, draw, parameter).

    Examples
    --------
    >>> small = Design(arms=("saline",), mice=2, dendrites=2)
    >>> found = calibrate(small, "none", replicates=2, draws=9, size=64, seed=1)
    >>> dict(found["rank"].sizes), bool((found["rank"] <= 9).all())
    ({'replicate': 2, 'parameter': 7}, True)
    """
    transient = "transient" in model
    start = _prior(design, model, parameters, transient=transient)
    names = start.free
    key = stream_key(seed, "truths of calibration")
    truths, posteriors = [], []
    for number in range(first, first + replicates):
        vector = start.prior_transform(uniform_array(key, number, np.arange(len(names))))
        values = start.values(vector)
        own = _own_seed(seed, number)
        observations = simulated_observations(design, values, transient=transient, seed=own)
        tree = fit(observations, model=model, searching=searching, seed=own, parameters=parameters)
        truths.append([values[name] for name in names])
        posteriors.append(np.stack([tree["posterior"][name].to_numpy()[0] for name in names], axis=1))
        if progress is not None:
            progress(number + 1 - first, replicates)
    truth, posterior = np.array(truths), np.array(posteriors)
    return xr.Dataset(
        {
            "truth": (("replicate", "parameter"), truth),
            "posterior": (("replicate", "draw", "parameter"), posterior),
            "rank": (("replicate", "parameter"), (posterior < truth[:, None]).sum(axis=1)),
        },
        {"replicate": np.arange(first, first + replicates), "parameter": names},
        attrs={**provenance(seed=seed), "model": start.terms.name, "engine": searching.engine},
    )


def _prior(design: Design, model: str, parameters: ParameterSet | None, *, transient: bool) -> DendriteProblem:
    """The problem of any experiment of this design: its parameters and priors do not depend on what is seen."""
    drugs = sorted({drug for arm in design.arms for drug, _ in doses_of("lab", arm)} - {"ketanserin"})
    values = _of_laboratory(drugs).as_floats()
    any_experiment = simulated_observations(design, values, transient=transient, seed=0)
    return DendriteProblem(any_experiment, model, parameters)


def _of_laboratory(drugs: Sequence[str]) -> ParameterSet:
    return parameters_for(["lab"], []).joined(ParameterSet(pulse_parameters(drugs, template())))


def laboratory_priors(drugs: Sequence[str] = ("psilocybin",)) -> ParameterSet:
    """Priors narrow enough that an experiment drawn from them is one that a laboratory could see.

    Those of a fit are wide on purpose; a tenth of their draws have no spines, or thousands.
    """
    chosen = []
    for parameter in _of_laboratory(drugs).values():
        key = parameter.name.partition(".")[2]
        if key in _SPREAD and parameter.prior is not None:
            centre = {"formation_fold": _FORMATION_FOLD, "length_median": _MEDIAN_UM}.get(key, parameter.prior.centre)
            chosen.append(replace(parameter, prior=Prior(centre, _SPREAD[key])))
        elif key.startswith("formation_cv"):
            chosen.append(replace(parameter, upper=_LARGEST_CV))
    return ParameterSet(chosen)


def shifted(calibration: xr.Dataset, name: str, factor: float) -> xr.Dataset:
    """The calibration of a pipeline whose posterior of one parameter is off by a factor: what an error looks like."""
    changed = calibration.copy(deep=True)
    at = calibration["parameter"].to_numpy().tolist().index(name)
    posterior = changed["posterior"].to_numpy()
    posterior[:, :, at] *= factor
    changed["rank"] = ("replicate", "parameter"), (posterior < changed["truth"].to_numpy()[:, None]).sum(axis=1)
    return changed


def uniformity(calibration: xr.Dataset, bins: int = 20) -> xr.DataArray:
    """p-value of the chi-square test that ranks are uniform, per parameter.

    Parameters
    ----------
    calibration : Dataset
        From :func:`calibrate`; the number of draws + 1 is a multiple of ``bins``.
    bins : int
        Number of equal bins of ranks.
    """
    from scipy.stats import chisquare  # on use: it takes a while to load

    n_rank = calibration.sizes["draw"] + 1
    at = calibration["rank"].to_numpy() * bins // n_rank
    p = [chisquare(np.bincount(column, minlength=bins)).pvalue for column in at.T]
    return xr.DataArray(p, coords={"parameter": calibration["parameter"]}, name="p_value")


def centring(calibration: xr.Dataset) -> xr.DataArray:
    """p-value of the mean rank, per parameter: it sees a shift of the posterior of which single bins tell little.

    Parameters
    ----------
    calibration : Dataset
        From :func:`calibrate`.
    """
    n_rank, rank = calibration.sizes["draw"] + 1, calibration["rank"]
    error = np.sqrt((n_rank**2 - 1) / 12 / rank.sizes["replicate"])
    z = (rank.mean("replicate") - (n_rank - 1) / 2) / error
    p: xr.DataArray = 2 * xr.apply_ufunc(ndtr, -np.abs(z))
    return p.rename("p_value")


def coverage(calibration: xr.Dataset, level: float = 0.9) -> xr.DataArray:
    """Share of replicates whose central interval of the posterior holds the truth, per parameter.

    Parameters
    ----------
    calibration : Dataset
        From :func:`calibrate`.
    level : float
        Probability of the interval, whose ends are ranks of draws.
    """
    n_rank = calibration.sizes["draw"] + 1
    outside = round(n_rank * (1 - level) / 2)
    rank = calibration["rank"]
    return ((rank >= outside) & (rank < n_rank - outside)).mean("replicate").rename("coverage")
