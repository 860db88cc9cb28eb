r"""Two levels: births differ between animals, and between the dendrites of an animal.

With z the animal's multiplier of births, Gamma(kappa, kappa) with kappa = 1 / cv^2, and D the data of a dendrite,

    P(D_1, D_2, ... | starts) = int p(z) prod_d P(D_d, N_d | z) dz / int p(z) prod_d P(N_d | z) dz,

where N_d, the spines at the start, stands in the integrals only if the effect is lasting. Dendrites within the
animal are integrated in closed form. In u = log z the integrand is a smooth hump; the trapezoidal rule on
the range where it matters converges faster than any power of the step, for one spine or thousands.

The animal is the unit of replication: cross-validation leaves out animals.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln

from synmodel.core.errors import FitError
from synmodel.core.settings import by_fields
from synmodel.inference.likelihood.counts import check_balance, one_level
from synmodel.inference.likelihood.courses import Assumed, LossFrailty, checked_effect, courses_of
from synmodel.inference.likelihood.evidence import Evidence, evidence_of
from synmodel.inference.likelihood.groups import add_rows
from synmodel.inference.likelihood.prepared import Prepared
from synmodel.inference.likelihood.runs import Seen, checked_lengths
from synmodel.turnover.model import TurnoverModel

__all__ = ["animals_log_likelihood", "animals_log_probability", "integral_points", "log_integral", "log_prior", "sums"]

Array = NDArray[np.float64]
_POINTS = 49
_DROP = 38.0  # the integrand is left out where it is below exp(-38) = 3e-17 of its largest value
# 24 points on a hump of that height are at most 0.73 standard deviations apart if it is normal, where the error of
# the trapezoidal rule, 2 exp(-2 pi^2 / 0.73^2), is 2e-16.
_FEWEST = 24
_COARSE = 13  # points of the first look, which only says where the hump lies
_ROUNDS = 60


@by_fields(seen=Seen, assumed=Assumed)
def animals_log_likelihood(
    model: TurnoverModel,
    *,
    seen: Seen,
    animal: ArrayLike,
    count: ArrayLike | None = None,
    assumed: Assumed,
    frailty: LossFrailty | None = None,
) -> Array:
    """Log-probability of the gains and losses of each animal, its formation integrated out.

    Parameters
    ----------
    model : TurnoverModel
        Rates; ``formation_cv_animal`` and ``formation_cv_dendrite`` make formation differ at the two levels.
    seen : Seen
        ``n0``, ``gained``, ``lost``, ``times``, as in :func:`counts_log_likelihood`. Fields of this and of ``assumed``
        are given by keywords of their own.
    animal : (dendrite,) array_like
        Label of the animal of each dendrite.
    count, frailty
        As in :func:`counts_log_likelihood`.
    assumed : Assumed
        ``composition``, ``drive``, ``length_um``, ``birth_effect``, as there; ``birth_effect`` holds for both levels.

    Returns
    -------
    (animal,) ndarray
        Natural logarithms, in the order of :func:`numpy.unique` of the labels.

    Raises
    ------
    FitError
        As :func:`counts_log_likelihood`, and for a number of labels that is not that of the dendrites.

    Examples
    --------
    >>> one = TurnoverModel(("spine",), 1.0, [[0]], [0.1], formation_cv_animal=0.5)
    >>> data = {"n0": [10, 8], "gained": [[1], [2]], "lost": [[1], [0]], "times": [0, 2]}
    >>> animals_log_likelihood(one, **data, animal=["m1", "m1"]).round(3).tolist()
    [-5.36]
    """
    sessions, runs = seen.checked(count)
    labels = np.asarray(animal)
    if labels.shape != runs.n.shape:
        message = f"animal has shape {labels.shape}; expected {runs.n.shape}: the label of the animal of each dendrite"
        raise FitError(message)
    scale = checked_lengths(assumed.length_um, len(runs.n))
    courses = courses_of(model, sessions, assumed.drive, assumed.composition, frailty)
    evidence = evidence_of(Prepared(runs, scale), courses)
    names, which = np.unique(labels, return_inverse=True)
    return animals_log_probability(evidence, model, which, len(names), assumed.birth_effect)


def animals_log_probability(
    evidence: Evidence, model: TurnoverModel, which: NDArray[np.int64], n: int, birth_effect: str
) -> Array:
    """(n,) log-probabilities of n animals; ``which`` (run,) is the animal of each run of the evidence."""
    if model.formation_cv_animal == 0:
        return sums(which, one_level(evidence, model, birth_effect)[:, None], n)[:, 0]
    lasting = checked_effect("birth_effect", birth_effect) == "lasting"
    if not lasting and len(evidence.log_weight) == 1:
        return _gains_alone(evidence, model, which, n)
    check_balance(evidence)
    return _two_levels(evidence, model, which, n, lasting=lasting)


def _gains_alone(evidence: Evidence, model: TurnoverModel, which: NDArray[np.int64], n: int) -> Array:
    """The same where the start does not tell of z: the integral is over what came after it."""
    prior = log_prior(model.formation_cv_animal)
    cv = model.formation_cv_dendrite
    impossible = evidence.impossible()

    def log_density(u: Array) -> Array:
        log_p = evidence.given_start(u[which][:, None, :], cv)
        return prior(u) + sums(which, np.where(impossible[:, None], 0.0, log_p), n)

    total = log_integral(log_density, n)
    total[which[impossible]] = -np.inf
    return total


def log_prior(cv: float) -> Callable[[Array], Array]:
    """Log-density of u = log z for z ~ Gamma(kappa, kappa), kappa = 1 / cv^2."""
    kappa = cv**-2
    constant = kappa * np.log(kappa) - gammaln(kappa)
    return lambda u: constant + kappa * (u - np.exp(u))


def _two_levels(evidence: Evidence, model: TurnoverModel, which: NDArray[np.int64], n: int, *, lasting: bool) -> Array:
    """(animal,) ratio of the integrals with and without what came after the start."""
    prior = log_prior(model.formation_cv_animal)
    cv = model.formation_cv_dendrite

    def integral(of: Callable[..., Array], hopeless: NDArray[np.bool_]) -> Array:
        def log_density(u: Array) -> Array:
            each = np.where(hopeless[:, None], 0.0, of(u[which][:, None, :], cv, lasting=lasting))
            return prior(u) + sums(which, each, n)

        return log_integral(log_density, n)

    # Data that cannot be are so for every z; they must not spoil the search for the hump.
    impossible = np.isneginf(evidence.joint(np.zeros((1, 1, 1)), cv, lasting=lasting)[:, 0])
    joint = integral(evidence.joint, impossible)
    joint[which[impossible]] = -np.inf
    return joint - integral(evidence.start, np.zeros_like(impossible))


def log_integral(log_density: Callable[[Array], Array], n: int) -> Array:
    """(n,) logarithms of the integrals of n log-concave densities over the real line, see :func:`integral_points`."""
    _, y, step = integral_points(log_density, n)
    top = y.max(axis=1, keepdims=True)
    area: Array = top[:, 0] + np.log(np.exp(y - top).sum(axis=1) * step)
    return area


def integral_points(log_density: Callable[[Array], Array], n: int) -> tuple[Array, Array, Array]:
    """Points, log-densities there (n, n_point), and their distances (n,), over which n integrals are sums.

    Parameters
    ----------
    log_density : callable
        From points (n, n_point) to log-densities of the same shape.
    n : int
        Number of densities.

    Raises
    ------
    FitError
        If a density does not fall off on both sides.
    """
    low, high = np.full(n, -4.0), np.full(n, 4.0)
    for points in (_COARSE, *[_POINTS] * _ROUNDS):
        unit = np.linspace(0.0, 1.0, points)
        width = high - low
        u = low[:, None] + width[:, None] * unit
        y = log_density(u)
        top = y.max(axis=1, keepdims=True)
        matters = y > top - _DROP
        left, right = matters.argmax(axis=1), points - 1 - matters[:, ::-1].argmax(axis=1)
        open_left, open_right = left == 0, right == points - 1
        narrow = right - left < _FEWEST  # always at the first look
        if not np.any(open_left | open_right | narrow):
            return u, y, width / (points - 1)
        rows, step = np.arange(n), width / (points - 1)
        low = np.where(open_left, low - width, np.where(narrow, u[rows, left] - step, low))
        high = np.where(open_right, high + width, np.where(narrow, u[rows, right] + step, high))
    message = "the birth rate of an animal cannot be integrated: is model.formation_cv_animal very large?"
    raise FitError(message)


def sums(which: NDArray[np.int64], values: Array, n: int) -> Array:
    """(n, ...) sums of rows by animal."""
    rows = np.ascontiguousarray(values).reshape(len(values), math.prod(values.shape[1:]))
    out = np.zeros((n, rows.shape[1]))
    add_rows(rows, which, out)
    return out.reshape(n, *values.shape[1:])
