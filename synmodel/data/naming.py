"""Habits of naming columns: capitals, spaces, units in brackets, and other words for the same thing.

A habit is followed only where the canonical name is not in the file and one column alone may be meant; every
column that is read under another name is told in the audit.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from synmodel.core.errors import DataError
from synmodel.data.forms import CANONICAL

__all__ = ["Named", "meaning", "named", "plain"]

_WORDS: Mapping[str, str] = {
    "study": "study_id",
    "arm": "treatment group condition drug treatment_group experimental_group",
    "mouse": "animal_id animal mouse_id mouse_no mouse_number subject subject_id animal_no animal_number mouse_name",
    "fov": "field_of_view fov_id imaging_field",
    "dendrite": "segment segment_id branch branch_id dendrite_id dendrite_no dendrite_number dend dend_id "
    "dendrite_label dendrites",
    "spine": "spine_id spine_label spine_name lineage_id",
    "day": "session_day time_day days imaging_day day_of_imaging day_of_session time_days day_relative day_post_dose "
    "session session_id t timepoint tp scan time date imaging_date session_date week weeks",
    "status": "spine_status",
    "spine_count": "n_spines num_spines spines spine_counts number_of_spines total_spines count n_spine spine_n "
    "of_spines no_of_spines",
    "gained": "new n_new formed n_add n_added added new_spines gains gain n_formed spines_gained spines_formed "
    "num_new n_gained gained_spines of_new number_of_new number_of_new_spines number_of_gained_spines",
    "lost": "eliminated n_sub n_lost losses loss lost_spines spines_lost n_eliminated n_subtracted subtracted "
    "spines_eliminated of_lost number_of_lost eliminated_spines number_of_lost_spines number_of_eliminated_spines",
    "length_um": "length dend_length dendrite_length dendritic_length total_len segment_length branch_length len "
    "dend_len total_length length_of_dendrite",
    "density_per_um": "density spine_density total_den spines_per_um spines_um density_um spine_density_um",
    "formation_fraction": "formation formation_rate spine_formation spine_formation_rate fraction_formed "
    "formation_ratio formed_fraction gain_fraction",
    "elimination_fraction": "elimination elimination_rate spine_elimination spine_elimination_rate "
    "fraction_eliminated elimination_ratio eliminated_fraction loss_fraction",
    "head_width_um": "head_width spine_head_width",
    "protrusion_length_um": "protrusion_length spine_protrusion_length",
    "dose_date": "injection_date date_of_dose date_of_injection treatment_date",
}
_COUNTED = {"session", "sessionid", "t", "timepoint", "tp", "scan", "week", "weeks"}
_UNITS: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(("length_um", "head_width_um", "protrusion_length_um"), frozenset({"um", "micron", "microns"})),
    "density_per_um": frozenset({"um", "perum", "1um", "um1", "spinesum", "spinesperum"}),
    "day": frozenset({"d", "day", "days"}),
    **dict.fromkeys(("formation_fraction", "elimination_fraction"), frozenset({"%", "percent", "pct", "fraction"})),
    **dict.fromkeys(("spine_count", "gained", "lost"), frozenset({"n", "number", "count", "spines"})),
}
_PERCENT = {"%", "percent", "pct"}
_BRACKETS = re.compile(r"[(\[]([^)\]]*)[)\]]")


@dataclass(frozen=True)
class Named:
    """Names of columns as they are read.

    Attributes
    ----------
    names : mapping
        Name in the file to canonical name, for columns that are not named canonically.
    percent : tuple of str
        Canonical names of columns whose heading says that they are in percent.
    day : str
        Name in the file of the column of days, empty where there is none.
    counted : bool
        Whether that column counts sessions, so that its plain numbers are no days.
    other_units : mapping
        Names in the file that would have a meaning but for their unit, and that meaning.
    """

    names: Mapping[str, str]
    percent: tuple[str, ...]
    day: str
    counted: bool
    other_units: Mapping[str, str]


def plain(text: str) -> str:
    """A name without case, spaces and signs; the micro sign is u.

    Examples
    --------
    >>> plain("Length (\u00b5m)"), plain("numSpines")
    ('lengthum', 'numspines')
    """
    folded = unicodedata.normalize("NFKC", text).casefold().replace("\u03bc", "u")
    return re.sub(r"[^a-z0-9]", "", folded)


_KNOWN: Mapping[str, str] = {
    **{plain(word): canonical for canonical, words in _WORDS.items() for word in words.split()},
    **{plain(canonical): canonical for canonical in CANONICAL},
}


def meaning(heading: str) -> str | None:
    """Canonical name that a heading may mean.

    Examples
    --------
    >>> meaning("Length (um)"), meaning("numSpines"), meaning("Length (px)")
    ('length_um', 'spine_count', None)
    """
    return _meaning(heading, followed=False)[0]


def named(headings: Sequence[str], given: Mapping[str, str], name: str) -> Named:
    """Canonical names of the columns of a file by their habits.

    Parameters
    ----------
    headings : sequence of str
        Names in the file.
    given : mapping
        Canonical name to the name in the file, as it was asked for; these go before every habit.
    name : str
        Name of the file.

    Raises
    ------
    DataError
        If two columns may be meant by one name.
    """
    free = [heading for heading in headings if heading not in given.values()]
    there = {*given, *(heading for heading in free if heading in CANONICAL)}
    followed = {"newonday", "npresent"} <= {plain(heading) for heading in headings}
    meant: dict[str, list[tuple[str, bool]]] = {}
    for heading in free:
        canonical, percent = _meaning(heading, followed=followed)
        if canonical is not None and (heading not in CANONICAL or canonical != heading):
            meant.setdefault(canonical, []).append((heading, percent))
    names: dict[str, str] = {}
    in_percent = [canonical for canonical, theirs in given.items() if _meaning(theirs, followed=followed)[1]]
    for canonical, columns in meant.items():
        if canonical in there:
            continue
        exact = [each for each in columns if plain(each[0]) == plain(canonical)]
        chosen = exact if len(exact) == 1 else _preferred(canonical, columns)
        if len(chosen) > 1:
            both = " and ".join(repr(heading) for heading, _ in chosen)
            message = (
                f"{name} has two columns for {canonical!r}: {both}; name the one that is meant with --columns, "
                f'as {canonical} = "{chosen[0][0]}" under [columns]'
            )
            raise DataError(message)
        names[chosen[0][0]] = canonical
        in_percent += [canonical] if chosen[0][1] else []
    day = given.get("day") or next((heading for heading in headings if names.get(heading, heading) == "day"), "")
    silent = [heading for heading in free if heading not in names and heading not in CANONICAL]
    units = {heading: word for heading in silent if (word := meaning(_BRACKETS.sub("", heading))) is not None}
    other = {heading: word for heading, word in units.items() if _BRACKETS.search(heading) and word not in there}
    return Named(names, tuple(in_percent), day, plain(day) in _COUNTED, other)


def _preferred(canonical: str, columns: list[tuple[str, bool]]) -> list[tuple[str, bool]]:
    """Of several columns for the day, those that hold days rather than numbers of sessions."""
    if canonical != "day":
        return columns
    days = [each for each in columns if plain(each[0]) not in _COUNTED]
    return days or columns


def _meaning(heading: str, *, followed: bool) -> tuple[str | None, bool]:
    """Canonical name that a heading may mean, and whether it says percent.

    ``followed`` tells a table of new spines followed, in which ``n_new`` is no gain of an interval.
    """
    units = [unit.strip() for unit in _BRACKETS.findall(heading)]
    bare = _BRACKETS.sub(" ", heading)
    percent = "%" in bare
    word, unit = plain(bare), plain(units[0]) if units else ""
    if units and units[0] == "%":
        unit = "%"
    for ending in ("percent", "pct"):
        if word.removesuffix(ending).removeprefix(ending) != word:
            word, percent = word.removesuffix(ending).removeprefix(ending), True
    canonical = _KNOWN.get(word) or _KNOWN.get(word.removesuffix("um"))
    if word == "nnew":
        canonical = "n_new" if followed else "gained"
    if canonical is None or (word not in _KNOWN and "um" not in _UNITS.get(canonical, ())):
        return None, False
    if (unit or units) and unit not in _UNITS.get(canonical, ()):
        return None, False
    return canonical, (percent or unit in _PERCENT) and canonical.endswith("_fraction")
