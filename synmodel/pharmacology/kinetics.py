"""Linear compartment kinetics, solved exactly.

Amounts x [umol per kg body weight] in depot, central and peripheral compartments of a compound and of its
metabolites follow::

    dx/dt = A x + b(t)

with constant A, so a bolus into compartment i gives x(t) = expm(A t) e_i, a constant infusion R over T gives
x(t) = int_0^min(t,T) expm(A (t - s)) R e_i ds (both from matrix exponentials, no ODE solver), and doses
superpose. One compartment with first-order uptake is the Bateman function.

References
----------
Gabrielsson and Weiner, Pharmacokinetic and pharmacodynamic data analysis, 5th ed. 2016, chapters 2 and 3.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from synmodel.core.errors import LibraryError
from synmodel.library.drug_numbers import route_key
from synmodel.pharmacology.compounds import Compound, Kinetics, load_compound

__all__ = ["Compartments", "amounts_after_bolus", "amounts_after_dose", "chain_of", "compartments_of"]


@dataclass(frozen=True)
class Compartments:
    """The linear system of one compound, its uptake routes and its metabolites.

    ``rates`` is the matrix A [1/day] as nested tuples, ``central`` the index of each compound's central
    compartment, ``depot`` the index and bioavailability of each absorbed route.
    """

    rates: tuple[tuple[float, ...], ...]
    central: dict[str, int]
    depot: dict[str, tuple[int, float]]

    @property
    def matrix(self) -> NDArray[np.float64]:
        """A [1/day], (n_compartment, n_compartment)."""
        return np.array(self.rates)


def _kinetics(compound: Compound, species: str) -> Kinetics:
    if species not in compound.kinetics:
        given = ", ".join(sorted(compound.kinetics)) or "none"
        message = f"compounds.{compound.name} has no kinetics for {species}; it has: {given}"
        raise LibraryError(message)
    return compound.kinetics[species]


def compartments_of(name: str, species: str, values: Mapping[str, float]) -> Compartments:
    """Assemble the system of a compound and, down the chain, of its metabolites.

    Parameters
    ----------
    values : mapping
        Parameter values by dotted name, see :mod:`synmodel.library.drug_numbers`.

    Raises
    ------
    LibraryError
        If the compound or a metabolite has no kinetics for the species.
    """
    entries: list[tuple[int, int, float]] = []  # (to, from, rate); from == to is a loss
    central: dict[str, int] = {}
    depot: dict[str, tuple[int, float]] = {}
    size = 0

    def add(compound: Compound) -> int:
        nonlocal size
        kinetics, of = _kinetics(compound, species), f"{compound.name}.{species}"
        here, size = size, size + 1
        central[compound.name] = here
        volume = values[f"{of}_volume"]
        if kinetics.half_life is not None:
            elimination = np.log(2) / values[f"{of}_half_life"]
        else:
            elimination = values[f"{of}_clearance"] / volume
        entries.append((here, here, elimination))
        if kinetics.peripheral_volume is not None:
            there, size = size, size + 1
            exchange = values[f"{of}_exchange_clearance"]
            move(here, there, exchange / volume)
            move(there, here, exchange / values[f"{of}_peripheral_volume"])
        for metabolite in kinetics.metabolites:
            target = add(load_compound(metabolite.compound))
            entries.append((target, here, elimination * values[f"{of}_fraction_to_{metabolite.compound}"]))
        return here

    def move(source: int, target: int, rate: float) -> None:
        entries.append((source, source, rate))
        entries.append((target, source, rate))

    compound = load_compound(name)
    parent = add(compound)
    for route in _kinetics(compound, species).absorption:
        here, size = size, size + 1
        of = f"{name}.{species}_{route_key(route)}"
        move(here, parent, np.log(2) / values[f"{of}_half_life"])
        depot[route] = (here, values[f"{of}_bioavailability"])
    matrix = np.zeros((size, size))
    for target, source, rate in entries:
        matrix[target, source] += -rate if target == source else rate
    return Compartments(tuple(map(tuple, matrix.tolist())), central, depot)


def chain_of(name: str, species: str) -> list[str]:
    """Names of a compound and of its metabolites, down the chain.

    Raises
    ------
    LibraryError
        If a compound has no kinetics for the species, or is a metabolite of itself.
    """
    found: list[str] = []
    waiting = [name]
    while waiting:
        each = waiting.pop(0)
        if each in found:
            message = f"compounds.{each} is a metabolite of itself, by way of {' -> '.join(found)}; break the chain"
            raise LibraryError(message)
        found.append(each)
        waiting += [metabolite.compound for metabolite in _kinetics(load_compound(each), species).metabolites]
    return found


def amounts_after_dose(
    matrix: NDArray[np.float64],
    start: NDArray[np.float64],
    since: NDArray[np.float64],
    infusion_day: float = 0.0,
) -> NDArray[np.float64]:
    """Amounts at times since one dose.

    Equation and evidence: :doc:`/model/pharmacology`.

    Parameters
    ----------
    matrix : (n, n) ndarray
        A [1/day].
    start : (n,) ndarray
        Amount given, by compartment [umol/kg].
    since : (n_time,) ndarray
        Time since the start of the dose [day]; before it the amounts are 0.
    infusion_day : float
        Length of a constant infusion; 0 for a bolus.

    Returns
    -------
    (n_time, n) ndarray
    """
    n = len(start)
    amounts = np.zeros((len(since), n))
    after = since >= 0
    if infusion_day <= 0:
        amounts[after] = _exponential(matrix, since[after]) @ start
        return amounts
    # Augmenting A by the constant input makes the infusion a matrix exponential too (Van Loan 1978).
    with_input = np.zeros((n + 1, n + 1))
    with_input[:n, :n] = matrix
    with_input[:n, n] = start / infusion_day
    during = after & (since <= infusion_day)
    amounts[during] = _exponential(with_input, since[during])[:, :n, n]
    at_end = _exponential(with_input, np.array([infusion_day]))[0, :n, n]
    later = since > infusion_day
    amounts[later] = _exponential(matrix, since[later] - infusion_day) @ at_end
    return amounts


def amounts_after_bolus(matrix: NDArray[np.float64], place: int, since: NDArray[np.float64]) -> NDArray[np.float64]:
    """Amounts at times since a bolus of 1 into one compartment, (n_time, n) as :func:`amounts_after_dose`."""
    amounts = np.zeros((len(since), len(matrix)))
    after = since >= 0
    amounts[after] = _exponential(matrix, since[after])[:, :, place]
    return amounts


def _exponential(matrix: NDArray[np.float64], times: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n_time, n, n) exponentials of a matrix times each time."""
    return _kept_exponential(*(np.asarray(each, float).tobytes() for each in (matrix, times)))


@lru_cache(maxsize=16)
def _kept_exponential(matrix: bytes, times: bytes) -> NDArray[np.float64]:
    """:func:`_exponential`, kept: doses that differ in their amounts alone share it."""
    from synmodel.core.exponentials import exponentials  # on use: it brings numba, which a list of compounds needs not

    flat = np.frombuffer(matrix)
    n = math.isqrt(len(flat))
    scaled = np.frombuffer(times)[:, None, None] * flat.reshape(n, n)
    result = np.empty_like(scaled)
    exponentials(scaled, result, 0)
    result.setflags(write=False)
    return result
