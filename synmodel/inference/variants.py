"""Other readings of the same data: what the summaries decide, and what they leave open.

Each variant is the default fit with something taken away or added, fitted anew from its estimate. ``change`` is
the difference in -2 log likelihood of the data (without priors) from the default fit: above about 4 per
parameter the data speak against the reading, near 0 they cannot tell.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from synmodel.inference.summary_fit import Fit, fit_problem
from synmodel.parameters import ParameterSet

__all__ = ["Variant", "VariantFit", "fit_mechanism", "fit_variants", "variants_of"]

Progress = Callable[[int, int], None]
_BLOCK = "psilocybin.blocked_by_ketanserin"


@dataclass(frozen=True)
class Variant:
    """A reading of the data.

    Attributes
    ----------
    fixed : tuple of (name, value)
        Parameters taken out of the fit.
    freed : tuple of (name, starting value)
        Parameters added to it.
    """

    name: str
    question: str
    fixed: tuple[tuple[str, float], ...] = ()
    freed: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, eq=False)
class VariantFit:
    """A variant, its fit, and the change of -2 log likelihood from the default fit."""

    variant: Variant
    fit: Fit
    change: float
    extra_parameters: int


def variants_of(parameters: ParameterSet, studies: list[str]) -> list[Variant]:
    """The readings that are tried by default."""
    drugs = sorted({name.partition(".")[0] for name in parameters if name.endswith(".formation_fold")})

    def per_drug(key: str) -> tuple[tuple[str, float], ...]:
        return tuple((f"{drug}.{key}", 1.0) for drug in drugs)

    def per_study(key: str, value: float) -> tuple[tuple[str, float], ...]:
        return tuple((f"{study}.{key}", value) for study in studies)

    no_flicker = per_study("miss", 1e-4)
    return [
        Variant(
            "births only",
            "Is a drug effect on maturation or elimination needed?",
            fixed=per_drug("maturation_fold") + per_drug("elimination_fold"),
        ),
        Variant(
            "no effect on births",
            "Can maturation and elimination alone explain the data?",
            fixed=per_drug("formation_fold"),
        ),
        *(
            Variant(
                f"no effect of {drug} on births",
                f"Can maturation and elimination alone explain the data of {drug}?",
                fixed=((f"{drug}.formation_fold", 1.0),),
            )
            for drug in drugs
        ),
        Variant("no scoring flips", "Are all observed gains and losses real?", fixed=no_flicker),
        Variant(
            "short-lived spines, no scoring flips",
            "Can a third class of short-lived spines replace scoring flips?",
            fixed=no_flicker,
            freed=per_study("transient_formation", 0.1),
        ),
        Variant(
            "first session in balance",
            "Is the excess of nascent spines at the first session needed?",
            fixed=per_study("nascent_excess", 1.0),
        ),
        Variant("ketanserin blocks all", "Does ketanserin block psilocybin's growth?", fixed=((_BLOCK, 1.0),)),
        Variant("ketanserin blocks some", "What share does ketanserin block?", freed=((_BLOCK, 0.2),)),
    ]


def fit_variants(fit: Fit, *, seed: int, progress: Progress | None = None) -> list[VariantFit]:
    """Fit every variant that concerns the studies of a fit; of those that are one and the same there, the first."""
    base = fit.problem
    names = [name for name in base.free if name.endswith("_fold")]
    drugs = {name.partition(".")[0] for name in names}
    concerned = drugs | set(base.studies)
    chosen: dict[frozenset[tuple[str, float]], Variant] = {}
    for variant in variants_of(fit.parameters, base.studies):
        changes = frozenset(pair for pair in variant.fixed + variant.freed if pair[0].partition(".")[0] in concerned)
        if changes:
            chosen.setdefault(changes, variant)  # with one drug, "no effect on births" is that of this drug
    done = []
    lowest = _data_term(fit)
    for number, variant in enumerate(chosen.values()):
        changed = dict(variant.fixed + variant.freed)
        free = [name for name in base.free if name not in dict(variant.fixed)]
        free += [name for name, _ in variant.freed]
        problem = base.altered(fit.parameters.replace(changed), free)
        result = fit_problem(problem, seed=seed, starts=1)
        extra = len(free) - len(base.free)
        done.append(VariantFit(variant, result, _data_term(result) - lowest, extra))
        if progress is not None:
            progress(number + 1, len(chosen))
    return done


def _data_term(fit: Fit) -> float:
    return float((fit.problem.residuals(fit.vector, with_prior=False) ** 2).sum())


_NO_GAIN = {"serotonin.agonism_gain": 0.0, "serotonin.intracellular_gain": 0.0, "serotonin.trkb_gain": 0.0}
READINGS = {
    "membrane 5-HT2A": ("serotonin.agonism_gain", 1.0),
    "intracellular 5-HT2A": ("serotonin.intracellular_gain", 1.0),
    "TrkB": ("serotonin.trkb_gain", 5.0),
}
"""Readings of psilocybin's mechanism: the gain that is freed and its start; the others are 0."""

_SHARED = (
    "cascade.formation_gain",
    "cascade.tau_formation",
    "cascade.maturation_gain",
    "cascade.stabilisation_gain",
    "cascade.head_size_gain",
    "cascade.tau_head_size",
)


def fit_mechanism(
    fit: Fit,
    *,
    seed: int,
    readings: Sequence[str] = tuple(READINGS),
    starts: int = 2,
    progress: Progress | None = None,
) -> dict[str, Fit]:
    """Fit the mechanistic drive under each reading of psilocybin, constrained by the phenomenological fit.

    Baselines and scoring stay at their phenomenological estimates; free are the gains and time constants of the
    slow drives, shared by both drugs, and the gain of the reading.

    Parameters
    ----------
    readings : sequence of str
        Some of :data:`READINGS`.
    starts : int
        Number of starts of each.
    """
    fits = {}
    for number, reading in enumerate(readings):
        gain, start = READINGS[reading]
        values = {**_NO_GAIN, gain: start}
        problem = fit.problem.altered(fit.parameters.replace(values), [*_SHARED, gain], drive="mechanistic")
        fits[reading] = fit_problem(problem, seed=seed, starts=starts)
        if progress is not None:
            progress(number + 1, len(readings))
    return fits
