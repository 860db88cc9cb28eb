"""The tissue of a scenario's study: turnover, scoring, head widths, and the spines and dendrites of a first session."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synmodel.core.errors import SimulationError
from synmodel.core.renamed import takes_earlier_arguments
from synmodel.data import load_study
from synmodel.data.summaries import baseline_density
from synmodel.imaging import Scoring
from synmodel.scenario import Scenario
from synmodel.turnover.model import TurnoverModel
from synmodel.turnover.size import HeadWidth

__all__ = ["Tissue", "dendrite_length", "first_density", "tissue_names", "tissue_of"]

Array = NDArray[np.float64]
_KEYS = (
    "formation",
    "maturation",
    "dematuration",
    "loss_nascent",
    "loss_mature",
    "transient_formation",
    "transient_loss",
    "formation_trend",
    "formation_cv_dendrite",
    "formation_cv_animal",
    "miss",
    "false_positive_per_um",
    "length_cv",
    "head_width_median",
    "head_width_log_sd",
    "head_reversion",
    "head_response",
    "nascent_excess",
    "density_log_sd",
)


@dataclass(frozen=True)
class Tissue:
    """What a study's parameters say of its tissue and scoring; formation is per um."""

    model: TurnoverModel
    scoring: Scoring
    head_width: HeadWidth
    nascent_excess: float
    density_log_sd: float

    def initial_means(self, scored_density: float) -> Array:
        """(n_class,) mean spines per um by class at the first session, for a scored density [1/um].

        Nascent spines are ``nascent_excess`` times what formation and dematuration sustain, short-lived ones what
        formation sustains; mature ones make up the density.

        Raises
        ------
        SimulationError
            If the others alone exceed the density.
        """
        model, hit = self.model, [1.0 - miss for miss in self.scoring.miss]
        young = range(model.n_class - 1)
        leaving = [model.elimination[c] + sum(model.transition[c][c + 1 :]) for c in young]
        rates = model.formation_rates.tolist()
        means = [rates[c] / leaving[c] for c in young]
        means[-1] *= self.nascent_excess
        nascent_per_mature = self.nascent_excess * model.transition[-1][-2] / leaving[-1]
        left = (
            scored_density - self.scoring.false_positive_per_um - sum(m * h for m, h in zip(means, hit, strict=False))
        )
        if left <= 0:
            message = (
                f"formation of {model.formation_rates.sum():.3g} /um/day sustains {sum(means):.3g} young spines per "
                f"um, more than the {scored_density:.3g} spines per um scored; lower formation or nascent_excess"
            )
            raise SimulationError(message)
        mature = left / (hit[-1] + nascent_per_mature * hit[-2])
        means[-1] += nascent_per_mature * mature
        return np.array([*means, mature])


@takes_earlier_arguments
def tissue_of(
    study: str, values: Mapping[str, float], *, formation_factor: float = 1.0, elimination_factor: float = 1.0
) -> Tissue:
    """Turnover model and scoring of a study from parameter values by dotted name.

    Two classes, nascent and mature; with ``transient_formation`` above 0 a third, short-lived one before them.

    Parameters
    ----------
    formation_factor, elimination_factor : float
        Factors of all rates of formation and of all elimination hazards, of an arm whose mice differ from the study's.
    """

    def of(key: str) -> float:
        return values[f"{study}.{key}"]

    classes, formation = ["nascent", "mature"], [of("formation"), 0.0]
    transitions = [[0.0, of("maturation")], [of("dematuration"), 0.0]]
    elimination = [of("loss_nascent"), of("loss_mature")]
    if of("transient_formation") > 0:
        classes, formation = ["transient", *classes], [of("transient_formation"), *formation]
        transitions = [[0.0, 0.0, 0.0], *([0.0, *row] for row in transitions)]
        elimination = [of("transient_loss"), *elimination]
    model = _trusted(
        TurnoverModel,
        classes=tuple(classes),
        formation=tuple(formation_factor * rate for rate in formation),
        transition=tuple(map(tuple, transitions)),
        elimination=tuple(elimination_factor * hazard for hazard in elimination),
        formation_trend=of("formation_trend"),
        formation_cv_dendrite=of("formation_cv_dendrite"),
        formation_cv_animal=of("formation_cv_animal"),
    )
    return Tissue(
        model=model,
        scoring=Scoring((of("miss"),) * len(classes), of("false_positive_per_um"), of("length_cv")),
        head_width=_trusted(
            HeadWidth,
            median_um=of("head_width_median"),
            log_sd=of("head_width_log_sd"),
            reversion=of("head_reversion"),
            response=of("head_response"),
        ),
        nascent_excess=of("nascent_excess"),
        density_log_sd=of("density_log_sd"),
    )


def tissue_names(study: str) -> tuple[str, ...]:
    """Names of the parameters that :func:`tissue_of` reads; no drive of spines depends on them."""
    return tuple(f"{study}.{key}" for key in _KEYS)


def first_density(plan: Scenario) -> float:
    """Scored spines per um at the first session: what the scenario asks for, or that of its study's control arm."""
    return plan.cohort.initial_density_per_um or baseline_density(plan.baseline, load_study(plan.baseline).control)


def dendrite_length(plan: Scenario) -> float:
    """Length of a dendrite [um]: what the scenario asks for, or that of its study."""
    return plan.cohort.length_um or load_study(plan.baseline).dendrite_length.to("um")


def _trusted(kind: type[Any], **fields: object) -> Any:
    """An instance without the checks of its own: a parameter has its support, and fits make thousands of them."""
    made = object.__new__(kind)
    made.__dict__.update(fields)
    return made
