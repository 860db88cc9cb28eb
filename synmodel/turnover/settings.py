"""What a simulation is asked for: how many dendrites, what acts on spines beside the drive, and by which engine."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from synmodel.core.errors import SimulationError, did_you_mean
from synmodel.turnover.arguments import LARGEST_NUMBER, whole_number
from synmodel.turnover.interaction import Interaction
from synmodel.turnover.size import EliminationBySize
from synmodel.turnover.start import Block

__all__ = ["Acting", "Engine", "Method", "Size"]

Engine = Literal["sessions", "events", "coupled"]


@dataclass(frozen=True)
class Size:
    """How many dendrites there are.

    Parameters
    ----------
    replicates, animals, dendrites : int
        Independent replicates, animals in each, and dendrites per animal.
    length_um : float or (animals * dendrites,) array_like, optional
        Length of each dendrite [um]; multiplies formation.
    """

    replicates: int = 1000
    animals: int = 1
    dendrites: int = 1
    length_um: ArrayLike | None = None

    def block(self) -> Block:
        """All of them.

        Raises
        ------
        SimulationError
            For what is no whole number above 0.
        """
        sizes = {"replicates": self.replicates, "animals": self.animals, "dendrites": self.dendrites}
        replicates, animals, dendrites = (whole_number(name, size, LARGEST_NUMBER) for name, size in sizes.items())
        return Block(np.arange(replicates), animals, dendrites, self.length_um)


@dataclass(frozen=True)
class Acting:
    """What acts on spines beside the drive.

    Parameters
    ----------
    interaction : Interaction, optional
        How spines interact; needs ``engine="coupled"``.
    elimination_by_size : EliminationBySize, optional
        Elimination that falls with head width; needs ``engine="events"``.
    resets : mapping of float to mapping, sequence, str or array, optional
        Days on which all spines are replaced, and by which, as in ``initial``; a session on that day sees the new
        ones. Over a reset all spines are lost and gained.
    """

    interaction: Interaction | None = None
    elimination_by_size: EliminationBySize | None = None
    resets: Mapping[float, object] | None = None


@dataclass(frozen=True)
class Method:
    """By which engine, and what is counted.

    Parameters
    ----------
    engine : {"sessions", "events", "coupled"}
        All follow the same law; see :mod:`synmodel.turnover.simulator`.
    threads : int, optional
        Number of threads; default: all.
    transient : bool
        Whether to count the spines that are formed and lost between two sessions, which none of them sees.
    """

    engine: Engine = "sessions"
    threads: int | None = None
    transient: bool = False

    def check(self, acting: Acting) -> None:
        """Refuse an engine that is not known, or cannot simulate what acts on spines.

        Raises
        ------
        SimulationError
            With one line that says which engine can, or what to leave out.
        """
        engine, interaction, by_size = self.engine, acting.interaction, acting.elimination_by_size
        if engine not in get_args(Engine):
            message = f"engine is {engine!r}; {did_you_mean(str(engine), get_args(Engine))}"
            raise SimulationError(message)
        if interaction is not None and by_size is not None:
            message = (
                "interaction and elimination_by_size are both given, and no engine simulates them together; give one "
                "of the two"
            )
            raise SimulationError(message)
        if interaction is not None and engine != "coupled":
            message = f"engine is {engine!r}, whose spines are independent; use engine='coupled' with an interaction"
            raise SimulationError(message)
        if by_size is not None and engine != "events":
            message = f"engine is {engine!r}, which knows no head widths; use engine='events' with elimination_by_size"
            raise SimulationError(message)
        if self.transient and acting.resets:
            message = (
                "resets and transient are both given; spines between a session and a reset are not counted: give one"
            )
            raise SimulationError(message)
