"""What do samplers cost on two posteriors of synmodel? One of them, in a process of its own.

``python benchmarks/samplers.py SAMPLER POSTERIOR SECONDS`` prints effective draws, evaluations and processor time as
JSON; ``inference.py`` calls it for all of them. All walk in the same coordinates, in which the posterior is close to
standard normal; those that ask for a prior (nested sampling and its relatives) get independent t densities around
the mode, and the likelihood that makes the posterior of them.
"""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import NamedTuple

import numpy as np
from arviz_stats.base import array_stats
from scipy.special import gammaln, stdtrit

from synmodel.core.errors import FitError
from synmodel.inference import DendriteProblem
from synmodel.inference.dendrites import parameters_for, template
from synmodel.inference.dendrites.calibration import Design, simulated_observations
from synmodel.inference.dendrites.effects import pulse_parameters
from synmodel.inference.dendrites.repartition import cube_of, repartition
from synmodel.inference.sampling import importance, nested
from synmodel.inference.summaries.chains import STEPS, sample_chains
from synmodel.inference.summaries.density import Density
from synmodel.inference.summaries.joint import Posterior, load_posterior
from synmodel.library.parameters import ParameterSet

Array = np.ndarray
_SEED = 1
_TUNING = 0.25
"""Share of the time after which an ensemble is taken to have forgotten where it began."""
_FIRST = 0.1  # spread of first points around the mode
_DIFFERENCE = 1e-5
_TUNED, _TUNED_JOINT = (150, 400), (40, 40)
"""Draws that tune the no-U-turn samplers, and that are kept."""


class TimeUpError(Exception):
    """A sampler that cannot be stopped otherwise has used its time."""


@dataclass
class Target:
    """A posterior over whitened coordinates; it counts its evaluations and knows when the time is up."""

    n_dim: int
    density: Callable[[Array], float]
    slopes: Callable[[Array], tuple[float, Array]]
    vector: Callable[[Array], Array]
    degrees: float
    scale: float
    seconds: float
    calls: int = 0
    clock: list[float] = field(default_factory=list)
    began: float = 0.0
    strict: bool = False

    def start(self) -> None:
        """Forget what compilation cost."""
        self.density(np.zeros(self.n_dim)), self.slopes(np.zeros(self.n_dim))
        self.calls, self.clock, self.began = 0, [], time.process_time()

    def used(self) -> float:
        """Processor time since the start [s]."""
        return time.process_time() - self.began

    def _count(self) -> None:
        self.calls += 1
        self.clock.append(self.used())
        if self.strict and self.clock[-1] > self.seconds:
            raise TimeUpError

    def log_density(self, u: Array) -> float:
        """Logarithm of the posterior."""
        self._count()
        return self.density(np.asarray(u, float))

    def with_gradient(self, u: Array) -> tuple[float, Array]:
        """The same with its slopes."""
        self._count()
        return self.slopes(np.asarray(u, float))

    def prior_transform(self, cube: Array) -> Array:
        """From the unit cube to the t densities."""
        return self.scale * stdtrit(self.degrees, np.asarray(cube))

    def log_likelihood(self, u: Array) -> float:
        """Posterior over t densities."""
        k = self.degrees
        constant = gammaln((k + 1) / 2) - gammaln(k / 2) - 0.5 * np.log(k * np.pi) - np.log(self.scale)
        of_t = constant - (k + 1) / 2 * np.log1p((np.asarray(u) / self.scale) ** 2 / k)
        return self.log_density(u) - float(of_t.sum())


class Drawn(NamedTuple):
    """(chain, draw, n_dim) draws after tuning, their cost, and their weights if they have any."""

    draws: Array
    seconds: float
    tuning: float
    evaluations: int
    weight: Array | None = None
    note: str = ""


def shipped() -> tuple[Posterior, Density]:
    """The joint posterior of the library, and its density around its estimate."""
    posterior = load_posterior()
    return posterior, Density(posterior.problem, posterior.vector)


def joint(seconds: float) -> Target:
    """The joint posterior of the group summaries of all studies."""
    density = shipped()[1]
    return Target(
        density.n_dim, density.log_density, density.with_gradient, density.vector, 10.0, 1.1, seconds
    )  # fmt: skip


def counts(seconds: float) -> Target:
    """Two arms of four mice with four dendrites each, simulated: formation and elimination under a drug."""
    pulse = ParameterSet(pulse_parameters(["psilocybin"], template()))
    values = parameters_for(["lab"], []).joined(pulse).as_floats()
    seen = simulated_observations(Design(), {**values, "lab.formation": 0.02}, transient=False, seed=_SEED)
    problem = DendriteProblem(seen, "formation+elimination")
    around = repartition(problem.log_likelihood_at, len(problem.free), seed=_SEED)

    def vector(u: Array) -> Array:
        return problem.prior_transform(cube_of(around.centre + around.axes @ u))

    def density(u: Array) -> float:
        z = around.centre + around.axes @ u
        return problem.log_likelihood_at(cube_of(z)) - 0.5 * float(z @ z)

    def slopes(u: Array) -> tuple[float, Array]:
        z = around.centre + around.axes @ u
        ends = [problem.prior_transform(cube_of(z + step)) for step in (_DIFFERENCE, -_DIFFERENCE)]
        by_z = problem.slopes(problem.prior_transform(cube_of(z))) * (ends[0] - ends[1]) / (2 * _DIFFERENCE)
        return density(u), around.axes.T @ (by_z - z)

    return Target(len(problem.free), density, slopes, vector, 5.0, 1.0, seconds)


POSTERIORS = {"counts": counts, "joint": joint}


def by_importance(target: Target) -> Drawn:
    size = 8192 if target.n_dim < 50 else 2048
    sample = importance(target.log_likelihood, target.prior_transform, target.n_dim, seed=_SEED, size=size)
    note = f"Pareto k {sample.pareto_k:.2f}" + ("" if sample.pareto_k < 0.7 else ": not to be trusted")
    return Drawn(sample.points[None], target.used(), 0.0, sample.n_calls, np.exp(sample.log_weight), note)


def by_nested(target: Target) -> Drawn:
    target.strict = True
    sample = nested(target.log_likelihood, target.prior_transform, target.n_dim, seed=_SEED, size=300)
    return Drawn(sample.points[None], target.used(), 0.0, sample.n_calls, np.exp(sample.log_weight))


def by_crank_nicolson(target: Target) -> Drawn:
    """Only of the joint posterior, whose blocks it knows; every sweep costs the same."""
    posterior, density = shipped()
    thin, tune, draws = 20, 100, 25
    target.start()
    made = sample_chains(
        posterior.problem, posterior.vector, seed=_SEED, chains=1, draws=draws, thin=thin, tune=tune, processes=1
    )
    share = tune / (tune + draws * thin)
    evaluations = draws * thin * len(density.blocks) * STEPS
    took = target.used()
    note = "evaluations are of one study where a step is one of its own"
    return Drawn(made.vectors, took * (1 - share), took * share, evaluations, None, note)


def by_shipped(target: Target) -> Drawn:
    """The draws of the library, two chains, with which others are compared; nothing is sampled."""
    return Drawn(shipped()[0].vectors.reshape(2, -1, target.n_dim), target.used(), 0.0, 0)


def by_nutpie(target: Target) -> Drawn:
    from nutpie import sample
    from nutpie.compiled_pyfunc import from_pyfunc

    n = target.n_dim
    tune, draws = _TUNED if n < 50 else _TUNED_JOINT
    model = from_pyfunc(
        n, lambda: target.with_gradient, lambda *_: lambda u: {"u": np.asarray(u, float)}, [np.dtype(float)], [(n,)],
        ["u"], make_initial_point_fn=lambda seed: _FIRST * np.random.default_rng(seed).standard_normal(n),
    )  # fmt: skip
    found = sample(model, draws=draws, tune=tune, chains=1, cores=1, seed=_SEED, progress_bar=False)
    kept = int(np.sum(np.asarray(found.sample_stats["n_steps"])))
    tuning = target.clock[-1 - kept]
    diverging = int(np.sum(np.asarray(found.sample_stats["diverging"])))
    note = f"{diverging} of {draws} trajectories diverge"
    return Drawn(np.asarray(found.posterior["u"]), target.clock[-1] - tuning, tuning, kept, None, note)


def by_blackjax(target: Target) -> Drawn:
    """NUTS; the density is called back from JAX, which cannot differentiate it by itself."""
    import blackjax
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    n = target.n_dim
    tune, draws = _TUNED if n < 50 else _TUNED_JOINT
    shapes = jax.ShapeDtypeStruct((), float), jax.ShapeDtypeStruct((n,), float)

    def both(u: Array) -> tuple[Array, Array]:
        try:
            value, slope = target.with_gradient(np.asarray(u))
        except FitError:  # a step to where the density has no number
            return np.float64(-np.inf), np.zeros(n)
        return np.float64(value), np.asarray(slope, float)

    @jax.custom_vjp
    def log_density(u: Array) -> Array:
        return jax.pure_callback(both, shapes, u)[0]

    log_density.defvjp(
        lambda u: jax.pure_callback(both, shapes, u), lambda slope, cotangent: (cotangent * slope,)
    )  # fmt: skip
    first, second, third = jax.random.split(jax.random.key(_SEED), 3)
    warm = blackjax.window_adaptation(blackjax.nuts, log_density)
    (state, tuned), _ = warm.run(first, _FIRST * jax.random.normal(second, (n,)), num_steps=tune)
    jax.block_until_ready(state.position)
    tuning, before = target.used(), target.calls
    kernel = blackjax.nuts(log_density, **tuned)

    def one(state: object, key: object) -> tuple[object, tuple[object, object]]:
        state, info = kernel.step(key, state)
        return state, (state.position, info.is_divergent)

    _, (points, diverging) = jax.lax.scan(one, state, jax.random.split(third, draws))
    points = np.asarray(jnp.asarray(points))
    note = f"{int(np.sum(np.asarray(diverging)))} of {draws} trajectories diverge"
    return Drawn(points[None], target.used() - tuning, tuning, target.calls - before, None, note)


def _first(target: Target) -> Array:
    """First points of an ensemble of twice as many walkers as there are dimensions, forty at least."""
    walkers = max(40, 2 * target.n_dim + 2)
    return _FIRST * np.random.default_rng(_SEED).standard_normal((walkers, target.n_dim))


def _ensemble(target: Target, move: str) -> Drawn:
    import emcee

    first = _first(target)
    moves = {"stretch": emcee.moves.StretchMove, "differential evolution": emcee.moves.DEMove}
    engine = emcee.EnsembleSampler(*first.shape, target.log_density, moves=moves[move]())
    engine.random_state = np.random.RandomState(_SEED).get_state()
    tuning, before, state, skipped = 0.0, 0, first, 0
    while target.used() < target.seconds:
        state = engine.run_mcmc(state, 10, skip_initial_state_check=True)
        if not skipped and target.used() > _TUNING * target.seconds:
            tuning, before, skipped = target.used(), target.calls, engine.iteration
    draws = engine.get_chain(discard=skipped).swapaxes(0, 1)
    return Drawn(draws, target.used() - tuning, tuning, target.calls - before, None, _length(draws))


def _length(draws: Array) -> str:
    """How long chains are in units of their longest autocorrelation time."""
    import emcee

    longest = float(np.max(emcee.autocorr.integrated_time(draws.swapaxes(0, 1), quiet=True)))
    return f"{draws.shape[1]} steps of {draws.shape[0]} walkers, {draws.shape[1] / longest:.0f} autocorrelation times"


def by_emcee(target: Target) -> Drawn:
    return _ensemble(target, "stretch")


def by_emcee_de(target: Target) -> Drawn:
    return _ensemble(target, "differential evolution")


def by_zeus(target: Target) -> Drawn:
    import zeus

    np.random.seed(_SEED)  # noqa: NPY002  the only generator that it knows
    first = _first(target)
    engine = zeus.EnsembleSampler(*first.shape, target.log_density, verbose=False)
    tuning, before, state, skipped, done = 0.0, 0, first, 0, 0
    while target.used() < target.seconds:
        engine.run_mcmc(state, 10, progress=False)
        state, done = engine.get_last_sample(), done + 10
        if not skipped and target.used() > _TUNING * target.seconds:
            tuning, before, skipped = target.used(), target.calls, done
    draws = engine.get_chain(discard=skipped).swapaxes(0, 1)
    return Drawn(draws, target.used() - tuning, tuning, target.calls - before, None, _length(draws))


def by_nautilus(target: Target) -> Drawn:
    from nautilus import Sampler

    target.strict = True
    engine = Sampler(
        target.prior_transform, target.log_likelihood, n_dim=target.n_dim, seed=_SEED, pass_dict=False
    )  # fmt: skip
    engine.run(n_eff=4000, discard_exploration=True, verbose=False)
    points, log_weight, _ = engine.posterior()
    weight = np.exp(log_weight - log_weight.max())
    return Drawn(points[None], target.used(), 0.0, target.calls, weight / weight.sum())


def by_pocomc(target: Target) -> Drawn:
    import pocomc
    import torch
    from scipy.stats import t

    torch.set_num_threads(1)
    target.strict = True
    prior = pocomc.Prior([t(target.degrees, scale=target.scale)] * target.n_dim)
    engine = pocomc.Sampler(prior=prior, likelihood=target.log_likelihood, random_state=_SEED)
    engine.run(n_total=2048, progress=False)
    points, log_weight, *_ = engine.posterior()
    weight = np.exp(log_weight - np.max(log_weight)) if np.ndim(log_weight) else np.ones(len(points))
    return Drawn(np.asarray(points)[None], target.used(), 0.0, target.calls, weight / weight.sum())


SAMPLERS: dict[str, tuple[str, Callable[[Target], Drawn]]] = {
    "importance": ("synmodel", by_importance),
    "crank-nicolson": ("synmodel", by_crank_nicolson),
    "shipped": ("synmodel", by_shipped),
    "nested": ("dynesty", by_nested),
    "nutpie": ("nutpie", by_nutpie),
    "blackjax": ("blackjax", by_blackjax),
    "emcee": ("emcee", by_emcee),
    "emcee-de": ("emcee", by_emcee_de),
    "zeus": ("zeus-mcmc", by_zeus),
    "nautilus": ("nautilus-sampler", by_nautilus),
    "pocomc": ("pocomc", by_pocomc),
}
"""Package, and how it is run."""


def effective(vectors: Array, weight: Array | None) -> tuple[Array, Array, Array]:
    """Mean, standard deviation and effective draws of every parameter (bulk, by ArviZ; of weights, by the error)."""
    if weight is None:
        each = [float(array_stats.ess(one, chain_axis=0, draw_axis=1)) for one in np.moveaxis(vectors, -1, 0)]
        flat = vectors.reshape(-1, vectors.shape[-1])
        return flat.mean(axis=0), flat.std(axis=0), np.array(each)
    mean = weight @ vectors[0]
    off = (vectors[0] - mean) ** 2
    return mean, np.sqrt(weight @ off), (weight @ off) / (weight**2 @ off)


def main(name: str, posterior: str, seconds: float) -> None:
    target, (package, walk) = POSTERIORS[posterior](seconds), SAMPLERS[name]
    target.start()
    row: dict[str, object] = {"version": f"{package} {version(package)}"}
    try:
        drawn = walk(target)
    except TimeUpError:
        row["failed"] = f"not finished after {seconds:.0f} s and {target.calls:,} evaluations"
        print(json.dumps(row))
        return
    vectors = drawn.draws
    if name not in ("crank-nicolson", "shipped"):  # which give vectors
        vectors = np.array([[target.vector(u) for u in chain] for chain in drawn.draws])
    mean, sd, size = effective(vectors, drawn.weight)
    row |= {
        "seconds": drawn.seconds, "tuning": drawn.tuning, "evaluations": drawn.evaluations, "note": drawn.note,
        "mean": mean.tolist(), "sd": sd.tolist(), "ess": size.tolist(),
    }  # fmt: skip
    print(json.dumps(row))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
