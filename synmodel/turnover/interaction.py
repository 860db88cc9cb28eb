r"""How spines of a dendrite, or of an animal, interact: crowding, homeostasis, a shared pool of resource, batches.

With n spines on a dendrite, n_c of them in class c, and w_c the share of class c in a pool of R shares that all
dendrites of an animal draw on::

    formation            lambda_c f_form(t) * (1 - n / n_max)+ * a        crowding: places on the shaft run out
    transitions forward  s_ij f_mat(t) * a                                a = (1 - sum w_c n_c / R)+, over the animal
    elimination          delta_c f_elim(t) * exp(h (n / n_star - 1))      homeostasis: more spines, shorter lives

Formation may come in batches: b spines at one moment, 1 / b times as often, so that the mean number formed is the same
and its variance b times as large.

Each part is absent unless its numbers are given. Spines that interact are no longer independent, so there are no
exact moments and no transition matrices between sessions: only the ``coupled`` engine simulates them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from synmodel.core.errors import SimulationError
from synmodel.turnover.arguments import number_array, one_number, whole_number

__all__ = ["LARGEST_BATCH", "Interaction"]

LARGEST_BATCH = 1000
"""Spines of one batch; beyond any dendrite."""


@dataclass(frozen=True)
class Interaction:
    """What spines do to each other; the default is nothing.

    Equation and evidence: :doc:`/model/turnover`.

    Parameters
    ----------
    n_max : float, optional
        Spines at which formation ceases on a dendrite (per um where lengths are given): crowding.
    n_star : float, optional
        Spines at which elimination is that of the model (per um where lengths are given): homeostasis.
    homeostasis : float
        h, relative change of the elimination hazard per relative excess over ``n_star``; needs ``n_star``.
    pool : float, optional
        Shares of the resource in an animal; formation and transitions forward slow down as it is used up.
    pool_share : sequence of float, optional
        Shares that a spine of each class holds; default: 1 for every class.
    batch : int
        Spines that are formed at the same moment, into the same class.

    Raises
    ------
    SimulationError
        For numbers that are negative, not finite, or given without what they need.

    Examples
    --------
    >>> Interaction(n_star=30, homeostasis=2.0).acts
    True
    >>> Interaction().acts
    False
    """

    n_max: float | None = None
    n_star: float | None = None
    homeostasis: float = 0.0
    pool: float | None = None
    pool_share: Sequence[float] | None = None
    batch: int = 1

    def __post_init__(self) -> None:
        for name in ("n_max", "n_star", "pool"):
            given = getattr(self, name)
            meaning = "a positive number, or None for no such effect"
            if given is None:
                continue
            number = one_number(f"interaction.{name}", given, meaning)
            if number <= 0:
                message = f"interaction.{name} is {given!r}; give {meaning}"
                raise SimulationError(message)
            object.__setattr__(self, name, number)
        homeostasis = one_number("interaction.homeostasis", self.homeostasis, "a number of 0 or more")
        if homeostasis < 0:
            message = f"interaction.homeostasis is {self.homeostasis!r}; give a number of 0 or more"
            raise SimulationError(message)
        object.__setattr__(self, "homeostasis", homeostasis)
        if self.homeostasis > 0 and self.n_star is None:
            message = "interaction.homeostasis is given without interaction.n_star; give the number to which it holds"
            raise SimulationError(message)
        object.__setattr__(self, "batch", whole_number("interaction.batch", self.batch, LARGEST_BATCH))
        if self.pool_share is not None:
            shares = number_array("interaction.pool_share", self.pool_share, "a number of 0 or more per class").ravel()
            if self.pool is None or not (shares >= 0).all() or not (shares < float("inf")).all():
                message = (
                    f"interaction.pool_share is {self.pool_share!r}; give finite numbers of 0 or more, one per class, "
                    "together with interaction.pool"
                )
                raise SimulationError(message)
            object.__setattr__(self, "pool_share", tuple(shares.tolist()))

    @property
    def acts(self) -> bool:
        """Whether there is any interaction at all."""
        return self.n_max is not None or self.homeostasis > 0 or self.pool is not None or self.batch > 1

    def shares(self, n_class: int) -> tuple[float, ...]:
        """Part of the pool that a spine of each class holds; zeros without a pool.

        Raises
        ------
        SimulationError
            If ``pool_share`` is not one number per class.
        """
        if self.pool is None:
            return (0.0,) * n_class
        given = (1.0,) * n_class if self.pool_share is None else tuple(self.pool_share)
        if len(given) != n_class:
            message = f"interaction.pool_share is {self.pool_share!r}; give {n_class} numbers, one per class"
            raise SimulationError(message)
        return tuple(share / self.pool for share in given)
