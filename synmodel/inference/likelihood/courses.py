r"""What the model says of a dendrite before it is looked at: steps, mean numbers, and how they vary.

A dendrite may differ from others in how fast it loses spines: all its loss hazards are multiplied by

    z = exp(s b - s^2 / 2),   b ~ Normal(0, 1),

of mean 1. There is no closed form, so the likelihood is a sum over Gauss-Hermite nodes b_j, each with
its own transition matrices. A *lasting* multiplier was there long before the first session: at node j the
dendrite starts from the balance under its own losses, and the number of spines at the start says something about
z. A *response* begins at the first session.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple, get_args

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from scipy.special import roots_hermitenorm

from synmodel.core.errors import FitError, SimulationError, did_you_mean
from synmodel.inference.likelihood.steps import advance
from synmodel.turnover.hazards import Folds, folds_between
from synmodel.turnover.model import TurnoverModel
from synmodel.turnover.propagation import Propagation, compose

__all__ = ["Assumed", "Courses", "Effect", "LossFrailty", "checked_effect", "courses_of", "courses_on", "plain_courses"]

Array = NDArray[np.float64]
Effect = Literal["lasting", "response"]
_MOST_CLASSES = 3
_SUM_ERROR = 1e-9


@dataclass(frozen=True, eq=False)
class Assumed:
    """What is assumed of dendrites beside their rates.

    Parameters
    ----------
    composition : "stationary" or (K,) array_like
        Probabilities of the classes of a spine at the first session.
    drive : Dataset, optional
        A Drive, as in :func:`synmodel.turnover.simulate`.
    length_um : float or (dendrite,) array_like, optional
        Length of each dendrite [um]; multiplies formation.
    birth_effect : {"lasting", "response"}
        Whether a dendrite's formation differed long before the first session, so that the spines seen there tell of
        it, or only from then on. Without ``formation_cv_dendrite`` and ``formation_cv_animal`` this does not matter.
    """

    composition: str | ArrayLike = "stationary"
    drive: xr.Dataset | None = None
    length_um: ArrayLike | None = None
    birth_effect: str = "lasting"


@dataclass(frozen=True)
class LossFrailty:
    """Log-normal multiplier of all loss hazards of a dendrite, of mean 1.

    Parameters
    ----------
    log_sd : float
        Standard deviation of its logarithm.
    effect : {"lasting", "response"}
        Whether it was there long before the first session or begins with it.
    nodes : int
        Gauss-Hermite nodes; 9 are enough for ``log_sd`` up to about 0.6.

    Raises
    ------
    FitError
        For numbers or words that are not allowed.
    """

    log_sd: float
    effect: Effect = "lasting"
    nodes: int = 9

    def __post_init__(self) -> None:
        if not (np.isfinite(self.log_sd) and self.log_sd >= 0):
            message = f"frailty.log_sd is {self.log_sd!r}; a standard deviation is 0 or more"
            raise FitError(message)
        if not 1 <= self.nodes <= 200 or self.nodes != int(self.nodes):
            message = f"frailty.nodes is {self.nodes!r}; give a whole number from 1 to 200"
            raise FitError(message)
        checked_effect("frailty.effect", self.effect)


class Courses(NamedTuple):
    """Transition matrices and mean numbers at each node of the loss multiplier, for births of one dendrite (or um).

    Attributes
    ----------
    log_weight : (node,) ndarray
        Logarithms of weights that sum to 1.
    survival, newborn, lost : (node, interval, K, K), (node, interval, K), (node, interval, K) ndarray
        P, gamma and d.
    composition : (node, session, K) ndarray
        Probabilities of the classes of a spine that is there at a session.
    total : (node, session) ndarray
        Mean number of spines; NaN if births and losses have no balance.
    """

    log_weight: Array
    survival: Array
    newborn: Array
    lost: Array
    composition: Array
    total: Array


def checked_effect(name: str, effect: str) -> Effect:
    """The word, if it is one of those allowed."""
    if effect not in get_args(Effect):
        message = f"{name} is {effect!r}; {did_you_mean(str(effect), get_args(Effect))}"
        raise FitError(message)
    return effect  # type: ignore[return-value]


def courses_of(
    model: TurnoverModel,
    times: Array,
    drive: xr.Dataset | None,
    composition: str | ArrayLike,
    frailty: LossFrailty | None = None,
) -> Courses:
    """Courses of a model between sessions.

    Parameters
    ----------
    model : TurnoverModel
        Rates; up to three classes.
    times : (n_time,) ndarray
        Sessions [day].
    drive : Dataset or None
        A Drive.
    composition : "stationary" or (K,) array_like
        Probabilities of the classes at the first session.
    frailty : LossFrailty, optional
        Differences between dendrites in losses.

    Raises
    ------
    FitError
        For more classes than three, or probabilities that are none.
    """
    if model.n_class > _MOST_CLASSES:
        message = (
            f"model.classes has {model.n_class} names; the exact likelihood sums over at most {_MOST_CLASSES} classes: "
            "join some of them"
        )
        raise FitError(message)
    return courses_on(model, folds_between(model, times, drive), times, composition, frailty)


def courses_on(
    model: TurnoverModel,
    folds: Folds,
    times: Array,
    composition: str | ArrayLike,
    frailty: LossFrailty | None = None,
    *,
    balance: bool = True,
) -> Courses:
    """The array layer of :func:`courses_of`, for folds on cells that break at every session.

    Without ``balance`` the mean number of spines, and with it the composition at later sessions, is not looked for
    where the composition at the first is given.
    """
    log_weight, multipliers = _nodes(frailty)
    steps, starts, totals = [], [], []
    for z in multipliers.tolist():
        at_node = model if z == 1.0 else model.scaled(1.0, z)
        steps.append(compose(at_node, folds, times))
        start, total = _start(
            at_node if frailty is None or frailty.effect == "lasting" else model, composition, balance
        )
        starts.append(start)
        totals.append(total)
    return _assemble(log_weight, steps, np.array(starts), np.array(totals))


def plain_courses(steps: Propagation, composition: ArrayLike) -> Courses:
    """Courses for given steps without differences between dendrites, unchecked."""
    return _assemble(np.zeros(1), [steps], np.asarray(composition, float)[None], np.full(1, np.nan))


def _nodes(frailty: LossFrailty | None) -> tuple[Array, Array]:
    """Logarithms of weights and multipliers of the loss hazards."""
    if frailty is None or frailty.log_sd == 0:
        return np.zeros(1), np.ones(1)
    b, weight = roots_hermitenorm(frailty.nodes)
    return np.log(weight / weight.sum()), np.exp(frailty.log_sd * b - frailty.log_sd**2 / 2)


def _start(model: TurnoverModel, composition: str | ArrayLike, balance: bool) -> tuple[Array, float]:
    """Class probabilities and mean number of spines at the first session."""
    if isinstance(composition, str):
        if composition != "stationary":
            message = f"composition is {composition!r}; the only word allowed is 'stationary'"
            raise FitError(message)
        numbers = _balance(model)
        if not numbers.sum() > 0:
            message = "composition is 'stationary', but model.formation is 0: give a probability for each class"
            raise FitError(message)
        return numbers / numbers.sum(), float(numbers.sum())
    given = np.asarray(composition, float)
    shares = given.tolist()
    if given.shape != (model.n_class,) or not min(shares) >= 0 or not abs(sum(shares) - 1) < _SUM_ERROR:
        message = (
            f"composition is {shares}; give 'stationary' or a probability for each of the classes "
            f"{', '.join(model.classes)}, with sum 1"
        )
        raise FitError(message)
    if not balance:
        return given, np.nan
    try:
        total = float(_balance(model).sum())
    except SimulationError:
        total = np.nan
    return given, total


@lru_cache(maxsize=64)  # the arms of a study share a model
def _balance(model: TurnoverModel) -> Array:
    numbers = model.stationary()
    numbers.setflags(write=False)
    return numbers


def _assemble(log_weight: Array, steps: list[Propagation], start: Array, total: Array) -> Courses:
    if len(steps) == 1:
        survival, newborn, lost = (each[None] for each in steps[0])
    else:
        survival, newborn, lost = (np.array(each) for each in zip(*steps, strict=True))
    mean = np.empty((newborn.shape[0], newborn.shape[1] + 1, newborn.shape[2]))
    mean[:, 0] = start * total[:, None]
    advance(survival, newborn, mean)
    totals = mean.sum(axis=2)
    with np.errstate(invalid="ignore"):
        composition = mean / totals[:, :, None]
    composition[:, 0] = start
    return Courses(log_weight, survival, newborn, lost, composition, totals)
