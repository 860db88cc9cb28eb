"""Numbers of spines behind published fractions.

With N_k spines at the k-th session at which a dendrite was imaged, G_k gained and L_k lost until the next::

    formation_k = G_k / N_k     elimination_k = L_k / N_k     N_{k+1} = N_k + G_k - L_k

so one number N_0 fixes them all, and few N_0 make all of them whole. If N_0 does, so do its multiples. Three things
tell them apart:

- a bound: no dendrite of the study has more than ``most_spines``;
- a length: N_k / length_k is the density, to its decimals;
- means over spines, such as head widths, whose product with N_k is a whole number of steps of the measurement
  (:mod:`synmodel.data.means`): of the numbers that explain the fractions, the smallest that makes them whole.

Wrong tool for fractions that were averaged over dendrites: those have no small denominators.
"""

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synmodel.data.audit import Findings
from synmodel.data.counts import resolution
from synmodel.data.explanations import Record, pieces_of_fractions
from synmodel.data.layout import ANIMAL, DENDRITE, place
from synmodel.data.means import step_of, tell
from synmodel.data.options import MOST_SPINES

__all__ = ["MOST_SPINES", "Chain", "chains", "reconstructed"]

_MEANS = ("head_width_um", "protrusion_length_um")
Labels = tuple[Hashable, ...]
Steps = NDArray[np.float64]


@dataclass(frozen=True)
class Chain:
    """Numbers of spines that explain the fractions of one dendrite: at each session, and between them."""

    count: tuple[int, ...]
    gained: tuple[int, ...]
    lost: tuple[int, ...]


def chains(
    formation: NDArray[np.float64], elimination: NDArray[np.float64], tolerance: tuple[float, float], most_spines: int
) -> list[Chain]:
    """All chains of whole numbers, the smallest first.

    Parameters
    ----------
    formation, elimination : array, shape (interval,)
        Fractions of the spines at the start of each interval.
    tolerance : (float, float)
        Half a unit of their last decimals.
    most_spines : int
        Most spines at any session.

    Examples
    --------
    >>> import numpy as np
    >>> [chain.count for chain in chains(np.array([1 / 7]), np.array([2 / 7]), (1e-6, 1e-6), 20)]
    [(7, 6), (14, 12)]
    """
    found = (_chain(n, formation, elimination, tolerance, most_spines) for n in range(1, most_spines + 1))
    return [chain for chain in found if chain is not None]


def _chain(
    first: int,
    formation: NDArray[np.float64],
    elimination: NDArray[np.float64],
    tolerance: tuple[float, float],
    most_spines: int,
) -> Chain | None:
    count, gained, lost = [first], [], []
    for formed, gone in zip(formation, elimination, strict=True):
        n = count[-1]
        g, d = round(formed * n), round(gone * n)
        if n == 0 or abs(g / n - formed) > tolerance[0] or abs(d / n - gone) > tolerance[1]:
            return None
        gained.append(g)
        lost.append(d)
        count.append(n + g - d)
        if not 0 <= count[-1] <= most_spines or d > n:
            return None
    return Chain(tuple(count), tuple(gained), tuple(lost))


def reconstructed(records: pd.DataFrame, findings: Findings, most_spines: int = MOST_SPINES) -> pd.DataFrame:
    """Records with ``spine_count``, ``gained`` and ``lost`` where whole numbers explain the fractions uniquely.

    Dendrites without such numbers, or with several, keep NaN and are noted.
    """
    tolerance = tuple(
        resolution(records[name].to_numpy(float)) for name in ("formation_fraction", "elimination_fraction")
    )
    records = _with_starts(records)
    imaged = records[records["imaged"]].sort_values("day", kind="stable")
    candidates: dict[Labels, list[Chain]] = {}
    members: dict[Labels, pd.DataFrame] = {}
    for labels, own in imaged.groupby(DENDRITE, sort=False):
        usable = _usable(own, findings)
        if len(usable) > 1:
            members[labels] = usable
            fractions = usable.iloc[1:]
            found = chains(
                fractions["formation_fraction"].to_numpy(float),
                fractions["elimination_fraction"].to_numpy(float),
                (tolerance[0], tolerance[1]),
                most_spines,
            )
            candidates[labels] = [chain for chain in found if _fits_length(chain, usable)]
    _note_without_density(members, findings)
    steps = _steps(members, candidates)
    records = records.copy()
    for labels, found in candidates.items():
        if not found:
            _note_pieces(members[labels], (tolerance[0], tolerance[1]), most_spines, findings)
            continue
        chain = _unique(members[labels], found, steps[labels[: len(ANIMAL)]], findings)
        if chain is not None:
            rows = members[labels].index
            records.loc[rows, "spine_count"] = chain.count
            records.loc[rows[1:], "gained"] = chain.gained
            records.loc[rows[1:], "lost"] = chain.lost
    return records


def _with_starts(records: pd.DataFrame) -> pd.DataFrame:
    """Records with the session before a dendrite's first fractions as imaged: they are fractions of its spines."""
    ordered = records.sort_values("day", kind="stable")
    first = ordered[ordered["imaged"]].drop_duplicates(DENDRITE)
    fraction = first[["formation_fraction", "elimination_fraction"]].notna().any(axis=1)
    following = pd.Series(ordered.index, ordered.index).groupby([ordered[name] for name in DENDRITE]).shift(-1)
    starts = following.index[following.isin(first.index[fraction])]
    return records.assign(imaged=records["imaged"] | records.index.isin(starts))


def _usable(own: pd.DataFrame, findings: Findings) -> pd.DataFrame:
    """Sessions of one dendrite up to the first interval whose fractions are not both known."""
    both = own[["formation_fraction", "elimination_fraction"]].notna().all(axis=1).to_numpy()
    gaps = np.flatnonzero(~both[1:])
    if len(gaps) == 0:
        return own
    message = "a fraction is not known although the dendrite was imaged; from here on a fit has densities alone"
    findings.add("missing-value", place(own.iloc[gaps[0] + 1]), message)
    return own.iloc[: gaps[0] + 1]


def _note_without_density(members: dict[Labels, pd.DataFrame], findings: Findings) -> None:
    """Note dendrites whose fractions stand alone in a table of densities: often the label of another dendrite."""
    with_density = [own for own in members.values() if "density_per_um" in own and own["density_per_um"].notna().any()]
    for own in members.values() if with_density else ():
        if own["density_per_um"].isna().all():
            message = "fractions but no density at any session; does the density stand under another label?"
            findings.add("missing-value", place(own.iloc[0], day=False), message)


def _fits_length(chain: Chain, own: pd.DataFrame) -> bool:
    if "density_per_um" not in own or "length_um" not in own:
        return True
    density, length = own["density_per_um"].to_numpy(float), own["length_um"].to_numpy(float)
    known = np.isfinite(density) & np.isfinite(length)
    # Half a spine is the most that rounding of density and length may hide.
    return bool(np.all(np.abs(density * length - np.array(chain.count))[known] <= 0.5))


def _means(own: pd.DataFrame) -> NDArray[np.float64]:
    """(session, quantity) means over spines."""
    return own[[name for name in _MEANS if name in own]].to_numpy(float)


def _steps(members: dict[Labels, pd.DataFrame], candidates: dict[Labels, list[Chain]]) -> dict[Labels, Steps]:
    """Steps in which the spines of each animal were measured, as the smallest numbers of spines have them."""
    sums: dict[Labels, list[NDArray[np.float64]]] = {}
    for labels, found in candidates.items():
        own = _means(members[labels])
        count = np.array(found[0].count if found else np.full(len(own), np.nan))
        sums.setdefault(labels[: len(ANIMAL)], []).append(own * count[:, None])
    together = {animal: np.concatenate(own) for animal, own in sums.items()}
    return {
        animal: np.array([step_of(column[np.isfinite(column)]) for column in table.T])
        for animal, table in together.items()
    }


def _note_pieces(own: pd.DataFrame, tolerance: tuple[float, float], most_spines: int, findings: Findings) -> None:
    """Say what becomes of a dendrite of which no one chain explains all fractions."""
    blank = np.full(len(own), np.nan)
    formation, elimination = (own[f"{name}_fraction"].to_numpy(float)[1:] for name in ("formation", "elimination"))
    density = own["density_per_um"].to_numpy(float) if "density_per_um" in own else blank
    record = Record(blank, blank[1:], blank[1:], formation, elimination, density, own["length_um"].to_numpy(float))
    pieces, remarks = pieces_of_fractions(record, tolerance, most_spines)
    said = "; ".join(f"day {own['day'].iloc[at]:g}: {text}" for at, text in remarks)
    if pieces:
        message = (
            f"{said or 'explained in pieces'}; a fit uses {len(pieces)} piece{'s' * (len(pieces) > 1)} of the record"
        )
    else:
        message = f"no numbers of spines up to {most_spines} explain an interval of this dendrite; left out"
    findings.add("no-integers-explain", place(own.iloc[0], day=False), message)


def _unique(own: pd.DataFrame, found: list[Chain], steps: Steps, findings: Findings) -> Chain | None:
    where = place(own.iloc[0], day=False)
    verdicts = [tell(_means(own), np.array(chain.count), steps) for chain in found]
    if True in verdicts:
        return found[verdicts.index(True)]
    found = [chain for chain, verdict in zip(found, verdicts, strict=True) if verdict is None]
    if not found:
        message = (
            "the numbers that explain the fractions contradict the means over spines; a fit sums over them all the same"
        )
        findings.add("no-integers-explain", where, message)
        return None
    if len(found) == 1:
        return found[0]
    first = ", ".join(str(chain.count[0]) for chain in found[:4]) + (", ..." if len(found) > 4 else "")
    message = (
        f"{first} spines at day {own['day'].iloc[0]:g} explain the fractions alike; a fit sums over them "
        "(a length, or a lower bound with --most-spines, would tell)"
    )
    findings.add("ambiguous-integers", where, message)
    return None
