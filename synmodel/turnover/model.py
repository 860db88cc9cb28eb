r"""The turnover model: formation of spines, transitions between hidden classes, and elimination.

Formation enters class i of a dendrite as a Poisson process with rate lambda_i f_form(t) (times its length, if the
model is per um); each spine is then an independent Markov chain with the sub-generator::

    Q_ij = s_ij f_mat(t)  (i < j),   Q_ij = s_ij  (i > j),   Q_ii = -(sum_j Q_ij + delta_i f_elim(t)),

f being the folds of the Drive. Classes are hidden: a microscope sees a spine, not its class. With K = 1 this
is immigration and death.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synmodel.core.errors import SimulationError
from synmodel.core.renamed import present_word, takes_earlier_fields, with_earlier_words
from synmodel.turnover.arguments import number_array, one_number

__all__ = ["TurnoverModel"]

_FORMATION = "formation per day, one number or one per class"
_TRANSITIONS = "hazards per spine per day, a row per class"
_ELIMINATION = "hazards per spine per day, one per class"
_SPREAD = "a coefficient of variation of 0 or more"


@takes_earlier_fields
@dataclass(frozen=True)
class TurnoverModel:
    """Rates of formation, of transitions between classes, and of elimination.

    Equation and evidence: :doc:`/model/turnover`.

    Parameters
    ----------
    classes : (n_class,) sequence of str
        Names of the classes, from the youngest to the most mature.
    formation : float or (n_class,) sequence of float
        Spines formed per dendrite and day (per um and day where a length is given); a number means into the first
        class.
    transition : (n_class, n_class) nested sequence of float
        Transition hazard from row class to column class, per spine per day; the diagonal is 0.
    elimination : (n_class,) sequence of float
        Elimination hazard per spine per day.
    formation_trend : float
        Relative change of formation with age, per day: it is multiplied by exp(trend * t), t = 0 at day 0.
    formation_cv_dendrite, formation_cv_animal : float
        Coefficients of variation of gamma-distributed formation rates between dendrites of an animal and between
        animals.

    Raises
    ------
    SimulationError
        For shapes that do not fit, or numbers that are negative or not finite.

    Examples
    --------
    >>> model = TurnoverModel(("nascent", "mature"), 2.0, [[0, 0.1], [0.02, 0]], [0.5, 0.01])
    >>> model.stationary().round(1).tolist()
    [3.8, 12.5]
    """

    classes: Sequence[str]
    formation: float | Sequence[float]
    transition: Sequence[Sequence[float]]
    elimination: Sequence[float]
    formation_trend: float = 0.0
    formation_cv_dendrite: float = 0.0
    formation_cv_animal: float = 0.0

    def __post_init__(self) -> None:
        several = isinstance(self.classes, Iterable) and not isinstance(self.classes, str)
        classes = tuple(map(str, self.classes)) if several else ()
        n = len(classes)
        if n == 0 or len(set(classes)) < n:
            message = f"model.classes is {self.classes!r}; give one or more different names"
            raise SimulationError(message)
        formation = np.atleast_1d(number_array("model.formation", self.formation, _FORMATION))
        if formation.shape == (1,):
            formation = np.concatenate([formation, np.zeros(n - 1)])
        transitions = number_array("model.transition", self.transition, _TRANSITIONS)
        elimination = np.atleast_1d(number_array("model.elimination", self.elimination, _ELIMINATION))
        _check("model.formation", formation, (n,), _FORMATION)
        _check("model.transition", transitions, (n, n), _TRANSITIONS)
        _check("model.elimination", elimination, (n,), _ELIMINATION)
        if transitions.diagonal().any():
            message = "model.transition has a number on its diagonal; a class has no transition to itself, put 0"
            raise SimulationError(message)
        for name in ("formation_cv_dendrite", "formation_cv_animal"):
            if one_number(f"model.{name}", getattr(self, name), _SPREAD) < 0:
                message = f"model.{name} is {getattr(self, name)!r}; give {_SPREAD}"
                raise SimulationError(message)
        one_number("model.formation_trend", self.formation_trend, "a finite number per day")
        # Tuples make the value hashable and safe to share; arrays would be neither.
        object.__setattr__(self, "classes", classes)
        object.__setattr__(self, "formation", tuple(formation.tolist()))
        object.__setattr__(self, "transition", tuple(map(tuple, transitions.tolist())))
        object.__setattr__(self, "elimination", tuple(elimination.tolist()))

    @property
    def n_class(self) -> int:
        """Number of classes."""
        return len(self.classes)

    @property
    def formation_rates(self) -> NDArray[np.float64]:
        """(n_class,) formation per day at fold 1."""
        return np.asarray(self.formation, float)

    def __setstate__(self, state: dict[str, object]) -> None:
        # Pickles from before the renaming.
        self.__dict__.update({present_word("argument", name): value for name, value in state.items()})

    @property
    def births(self) -> NDArray[np.float64]:
        """:attr:`formation_rates`, by its name of before."""
        present_word("attribute", "TurnoverModel.births")
        return self.formation_rates

    @property
    def loss(self) -> Sequence[float]:
        """``elimination``, by its name of before."""
        present_word("attribute", "TurnoverModel.loss")
        return self.elimination

    @property
    def formation_cv(self) -> float:
        """Coefficient of variation of the rate of formation over all dendrites of all animals."""
        return math.sqrt((1 + self.formation_cv_dendrite**2) * (1 + self.formation_cv_animal**2) - 1)

    def scaled(self, formation: float, elimination: float) -> "TurnoverModel":
        """The same with all rates of formation and of elimination times factors above 0, which nobody checks."""
        other = object.__new__(type(self))
        other.__dict__.update(
            self.__dict__,
            formation=tuple(formation * each for each in self.formation_rates.tolist()),
            elimination=tuple(elimination * each for each in self.elimination),
        )
        return other

    def generator(self, maturation: ArrayLike = 1.0, elimination: ArrayLike = 1.0) -> NDArray[np.float64]:
        """Sub-generator Q [1/day] at folds of the Drive, (..., n_class, n_class) for folds of shape (...).

        Those of elimination may have one more dimension, with one fold for each class.
        """
        forward = np.asarray(maturation, float)[..., None, None]
        removal = np.asarray(elimination, float)
        if removal.ndim < forward.ndim - 1:
            removal = removal[..., None]
        transitions = np.asarray(self.transition, float)
        diagonal = np.arange(self.n_class)
        q = np.where(diagonal > diagonal[:, None], transitions * forward, transitions)
        q[..., diagonal, diagonal] = -q.sum(axis=-1) - np.asarray(self.elimination, float) * removal
        return q

    def stationary(self) -> NDArray[np.float64]:
        """(n_class,) mean number of spines at which formation balances elimination, per dendrite (or um).

        Raises
        ------
        SimulationError
            If some spines can never be lost, so that there is no such number.
        """
        lost, transitions = np.asarray(self.elimination) > 0, np.asarray(self.transition) > 0
        if not lost.all():
            for _ in range(self.n_class - 1):
                lost = lost | transitions[:, lost].any(axis=1)
        try:
            numbers = np.linalg.solve(self.generator().T, -self.formation_rates) if lost.all() else None
        except np.linalg.LinAlgError:  # rates that differ by more than numbers can tell
            numbers = None
        if numbers is None or not np.isfinite(numbers).all():
            message = (
                f"model.elimination is {self.elimination}; spines of some class can never be lost, so numbers grow for "
                "ever"
            )
            raise SimulationError(message)
        return np.asarray(numbers, float)

    def digest(self) -> str:
        """SHA-256 of all rates."""
        content = with_earlier_words("argument", asdict(self))
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _check(name: str, values: NDArray[np.float64], shape: tuple[int, ...], meaning: str) -> None:
    if values.shape != shape:
        message = f"{name} has shape {values.shape}; expected {shape}: {meaning}"
        raise SimulationError(message)
    if not ((values >= 0) & (values < np.inf)).all():
        message = f"{name} is {values.tolist()}; all must be finite and 0 or more: {meaning}"
        raise SimulationError(message)
