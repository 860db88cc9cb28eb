"""Draws of a posterior as an axis of a sweep: every cell is evaluated at each of them, in one order for all cells."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated

from pydantic import Field

from synmodel.analysis.intervals import scenario_draws
from synmodel.core.documents import Document, Whole
from synmodel.core.errors import SweepError
from synmodel.inference.summaries.joint import Posterior, load_posterior
from synmodel.library.parameters import ParameterSet, default_parameters

__all__ = ["Draws", "PosteriorDocument", "draws_digest", "draws_of"]

_MOST_DRAWS = 100_000


class PosteriorDocument(Document):
    """Which posterior a sweep of exact expectations has as an axis."""

    error = SweepError

    draws: Annotated[Whole, Field(ge=1, le=_MOST_DRAWS)]
    file: str = Field(default="", description="a file that `synmodel posterior` wrote; none: the library's")


@dataclass(frozen=True)
class Draws:
    """Parameters at draws of a posterior, small enough to travel with every task.

    Attributes
    ----------
    names : tuple of str
        Parameters in which a draw differs from the library.
    rows : tuple of tuple of float
        Their values, one row per draw.
    digest : str
        SHA-256 of all parameters of all draws.
    """

    names: tuple[str, ...]
    rows: tuple[tuple[float, ...], ...]
    digest: str

    def __len__(self) -> int:
        return len(self.rows)

    def sets(self) -> tuple[ParameterSet, ...]:
        """Parameters of the library at every draw; those of the last draws asked for are kept."""
        return _sets(self)


def draws_of(n: int, seed: int, posterior: Posterior | None = None) -> Draws:
    """Draws in a new laboratory, see :meth:`synmodel.inference.summaries.estimate.Estimate.scenarios`.

    Raises
    ------
    SweepError
        If more draws are asked for than the posterior has.
    """
    source = load_posterior() if posterior is None else posterior
    available = len(source.vectors)
    if not 1 <= n <= available:
        message = (
            f"sweep: posterior.draws is {n}; this posterior has {available}: ask for 1 to {available}, or make one "
            "with more, `synmodel posterior --draws N`"
        )
        raise SweepError(message)
    return _packed(scenario_draws(source, n, seed))


def draws_digest(draws: Sequence[ParameterSet]) -> str:
    """SHA-256 of the parameters of all draws."""
    return hashlib.sha256("".join(parameters.digest() for parameters in draws).encode()).hexdigest()


def _packed(sets: Sequence[ParameterSet]) -> Draws:
    base = default_parameters()
    names = tuple(name for name in base if any(each.value(name) != base.value(name) for each in sets))
    return Draws(names, tuple(tuple(map(each.value, names)) for each in sets), draws_digest(sets))


@lru_cache(maxsize=2)
def _sets(draws: Draws) -> tuple[ParameterSet, ...]:
    base = default_parameters()
    return tuple(base.replace(dict(zip(draws.names, row, strict=True))) for row in draws.rows)
