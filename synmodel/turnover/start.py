"""What a block of replicates starts from: the numbers of each dendrite and the multipliers of its formation."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synmodel.core.errors import SimulationError
from synmodel.core.randomness import stream_key
from synmodel.core.settings import by_fields
from synmodel.core.threads import on_threads
from synmodel.turnover.arguments import LARGEST_NUMBER, number_array
from synmodel.turnover.heterogeneity import formation_scale
from synmodel.turnover.initial import Initial, read_initial
from synmodel.turnover.kernels import sessions
from synmodel.turnover.model import TurnoverModel

__all__ = ["Block", "Start", "lengths_of", "numbers_of", "start_of"]

_NUMBERS = f"whole numbers from 0 to {LARGEST_NUMBER}, (replicate, dendrite, class)"
_MULTIPLIERS = "finite numbers of 0 or more, (replicate, dendrite)"


class Start:
    """Initial numbers and multipliers of formation of a block of replicates.

    Attributes
    ----------
    initial : (replicate, dendrite, class) ndarray of int
    scale : (replicate, dendrite) ndarray
        Multiplier of the rate of formation: length times heterogeneity.

    Raises
    ------
    SimulationError
        If the shapes do not match, or numbers are not whole.
    """

    def __init__(self, initial: ArrayLike, scale: ArrayLike) -> None:
        numbers, multipliers = np.asarray(initial), np.asarray(scale)
        if numbers.dtype.kind != "i":
            numbers = _whole(number_array("initial", initial, _NUMBERS))
        if multipliers.dtype.kind != "f":
            multipliers = number_array("scale", scale, _MULTIPLIERS)
        if numbers.ndim != 3:
            message = f"initial has shape {numbers.shape}; give {_NUMBERS}"
            raise SimulationError(message)
        if multipliers.shape != numbers.shape[:2]:
            message = (
                f"scale has shape {multipliers.shape}; give one number per dendrite, (replicate, dendrite) as in "
                f"initial: {numbers.shape[:2]}"
            )
            raise SimulationError(message)
        # Writable, as for arrays that are not the loops would be compiled a second time.
        self.initial = np.require(numbers, np.int64, ["C", "W"])
        self.scale = np.require(multipliers, np.float64, ["C", "W"])

    def check(self, model: TurnoverModel) -> None:
        """Refuse numbers that no model, or not this one, can start from; the compiled loops look at none of them.

        Raises
        ------
        SimulationError
            If there are other classes than those of the model, or a number is negative, too large or not finite.
        """
        n_class = self.initial.shape[2]
        if n_class != model.n_class:
            message = (
                f"start.initial has numbers of {n_class} classes; give {model.n_class}, one for each of the classes "
                f"{', '.join(model.classes)}"
            )
            raise SimulationError(message)
        bad = self.initial[(self.initial < 0) | (self.initial > LARGEST_NUMBER)]
        if bad.size:
            message = f"start.initial holds {bad[0]}; give {_NUMBERS}"
            raise SimulationError(message)
        wrong = self.scale[~(np.isfinite(self.scale) & (self.scale >= 0))]
        if wrong.size:
            message = f"start.scale holds {wrong[0]:g}; give {_MULTIPLIERS}"
            raise SimulationError(message)


def _whole(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    bad = numbers[~(np.abs(numbers) <= LARGEST_NUMBER) | (numbers != np.floor(numbers))]
    if bad.size:
        message = f"initial holds {bad[0]:g}; give {_NUMBERS}"
        raise SimulationError(message)
    return numbers


@dataclass(frozen=True, eq=False)
class Block:
    """Consecutive replicates and the dendrites of each.

    Attributes
    ----------
    replicates : (n,) ndarray of int
        Their numbers.
    animals, dendrites : int
        Animals of a replicate, dendrites of an animal.
    length_um : float or (animals * dendrites,) array_like, optional
        Of each dendrite; multiplies formation [um].
    """

    replicates: NDArray[np.int64]
    animals: int
    dendrites: int
    length_um: ArrayLike | None = None

    @property
    def n_dendrite(self) -> int:
        """Dendrites of a replicate."""
        return self.animals * self.dendrites


@by_fields(block=Block)
def start_of(
    model: TurnoverModel,
    initial: Initial | NDArray[np.int64],
    *,
    block: Block,
    seed: int,
    density_scale: NDArray[np.float64] | None = None,
    stream: str = "initial",
) -> Start:
    """Initial numbers and multipliers of formation of a block of consecutive replicates.

    ``density_scale`` (replicate, dendrite) multiplies the means of Poisson initial numbers; an array (dendrite,
    class) are fixed numbers of each dendrite. ``stream`` names the draws of Poisson numbers. Fields of ``block`` may be
    given by keywords of their own.
    """
    shape = (len(block.replicates), block.n_dendrite, model.n_class)
    if isinstance(initial, np.ndarray):
        numbers = np.broadcast_to(initial, shape)
    elif initial.poisson:
        means = np.require(np.broadcast_to(initial.array, shape), np.float64, ["C", "W"])
        if density_scale is not None:
            means = means * density_scale[:, :, None]
        numbers = np.empty(shape, np.int64)
        key, first = stream_key(seed, stream), int(block.replicates[0])
        on_threads(sessions.draw_initial, numbers.shape[0] * numbers.shape[1], key, first, means, numbers)
    else:
        numbers = np.broadcast_to(initial.array.astype(np.int64), shape)
    scale = formation_scale(
        stream_key(seed, "birth rate"),
        block.replicates,
        block.animals,
        block.dendrites,
        model.formation_cv_animal,
        model.formation_cv_dendrite,
    )
    if block.length_um is not None:
        scale = scale * lengths_of(block.length_um, block.n_dendrite)
    return Start(numbers, scale)


def numbers_of(model: TurnoverModel, initial: object, n_dendrite: int) -> Initial | NDArray[np.int64]:
    """Initial numbers of all dendrites alike, or (dendrite, class) of each."""
    if not (isinstance(initial, np.ndarray) and initial.ndim > 1):
        return read_initial(model, initial)
    meaning = f"whole numbers from 0 to {LARGEST_NUMBER}, (dendrite, class): ({n_dendrite}, {model.n_class})"
    numbers = number_array("initial", initial, meaning)
    if numbers.shape != (n_dendrite, model.n_class):
        message = f"initial is an array of shape {numbers.shape}; give {meaning}"
        raise SimulationError(message)
    bad = numbers[~((numbers >= 0) & (numbers <= LARGEST_NUMBER) & (numbers == np.floor(numbers)))]
    if bad.size:
        message = f"initial holds {bad[0]:g}; give {meaning}"
        raise SimulationError(message)
    return numbers.astype(np.int64)


def lengths_of(length_um: ArrayLike | None, n_dendrite: int) -> NDArray[np.float64]:
    """(n_dendrite,) lengths, 1 where none are given: rates are then per dendrite."""
    if length_um is None:
        return np.ones(n_dendrite)
    lengths = number_array("length_um", length_um, "one positive length [um] or one for each dendrite")
    wrong = lengths[~(np.isfinite(lengths) & (lengths > 0))]
    if lengths.shape not in ((), (n_dendrite,)) or wrong.size:
        given = f"holds {wrong[0]:g}" if wrong.size else f"has shape {lengths.shape}"
        message = f"length_um {given}; give one positive length [um] or one for each of the {n_dendrite} dendrites"
        raise SimulationError(message)
    return np.array(np.broadcast_to(lengths, n_dendrite))
