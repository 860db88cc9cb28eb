"""Settings of the chains on a joint posterior; what walks by them is :mod:`synmodel.inference.summaries.chains`."""

from dataclasses import dataclass

from synmodel.core.errors import FitError, did_you_mean

__all__ = ["Walks"]

_SAMPLERS = ("crank-nicolson", "no-u-turn")


@dataclass(frozen=True)
class Walks:
    """How many chains there are, and how they walk.

    Parameters
    ----------
    chains, draws : int
        Number of chains, and of draws of each that are kept.
    thin, tune : int
        Sweeps over all blocks per draw, and before the first. Of the no-U-turn sampler ``tune`` are draws, and all
        draws after them are kept.
    processes : int
        Chains that run at a time.
    sampler : {"crank-nicolson", "no-u-turn"}
        The second needs nutpie.

    Raises
    ------
    FitError
        For another sampler.
    """

    chains: int = 2
    draws: int = 300
    thin: int = 20
    tune: int = 1000
    processes: int = 2
    sampler: str = "crank-nicolson"

    def __post_init__(self) -> None:
        if self.sampler not in _SAMPLERS:
            message = f"sampler is {self.sampler!r}; {did_you_mean(str(self.sampler), _SAMPLERS)}"
            raise FitError(message)
