"""Tables of programs that say less than a turnover needs, or that say it by the file rather than by a column.

=================================  ==================================================================================
SpineMiner, ``*.dendrites.csv``    spines by session (:mod:`synmodel.data.spineminer`)
RESPAN, ``Detected_spines_4D``     list of the spines that were tracked over time; the image is the dendrite
RESPAN, ``..._4D_summary``         count and length of each timepoint; goes with the list
RESPAN, tables of single images    counts alone: spines and dendrites are numbered anew in every image
SpyDen, ``Synapse_*_Channel_*``    counts of recordings of one timestep; of more it says no presence, so it is refused
=================================  ==================================================================================

Images of one dendrite are told by their names, which end in the session (``d1_day3.tif``).
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from synmodel.core.errors import DataError
from synmodel.core.intake import Received
from synmodel.data.audit import Findings
from synmodel.data.exports import is_points
from synmodel.data.naming import meaning, plain
from synmodel.data.options import SessionDays
from synmodel.data.sessions import is_session
from synmodel.data.spineminer import from_spineminer, is_spineminer
from synmodel.data.tables import Rows, table_of

__all__ = ["is_piece", "joined", "name_of", "program_table"]

_TRACKED = {"timepoint", "spineid", "x", "y", "z"}
_OVER_TIME = {"timepoint", "totalspines", "newspines", "prunedspines"}
_DETECTED = {"spineid", "dendriteid", "x", "y", "z"}
_SUMMARY = {"filename", "resxy", "totalspines", "spinesperum"}
_DETECTED_END = re.compile(r"_detected_spines$", re.IGNORECASE)
_TIMESTEP = re.compile(r"Timestep (\d+) \(mean\)")
_OF_SPYDEN = re.compile(r"Timestep \d+ \(")
_SOMA = "2"
_GENERIC = re.compile(r"(detected_spines_(4d|4d_summary|summary)|synapse_[al]_channel_\d+)\.csv", re.IGNORECASE)
_INNER = {"tables", "spine"}
_COUNTS = ["dendrite", "session", "spine_count", "length_um"]


def name_of(file: Path | Received) -> str:
    """Name of a file; the folder of the recording leads where a program names all files alike.

    Examples
    --------
    >>> name_of(Path("animal1/fov2/Tables/Detected_spines_4D.csv")), name_of(Path("animal1/counts.csv"))
    ('fov2/Detected_spines_4D.csv', 'counts.csv')
    """
    if isinstance(file, Received) or not _GENERIC.fullmatch(file.name):
        return file.name
    folders = [folder for folder in file.absolute().parts[1:-1] if folder.lower() not in _INNER]
    return f"{folders[-1]}/{file.name}" if folders else file.name


def is_piece(rows: Rows) -> bool:
    """Whether rows are a table of a program that writes several for one recording or one per image."""
    return _kind(rows) not in (None, "spineminer")


def program_table(rows: Rows, name: str, given: SessionDays, findings: Findings) -> pd.DataFrame | None:
    """The table of one of these programs under names that are known; None where it is of none of them.

    Parameters
    ----------
    rows : list of lists of str
        Rows of the file.
    name : str
        Name of the file (:func:`name_of`).
    given : SessionDays
        Days of sessions, whose labels may end the names of images.

    Raises
    ------
    DataError
        If the table says nothing of gains, losses or counts, or names of images say no session.
    """
    kind = _kind(rows)
    if kind == "spineminer":
        return from_spineminer(rows, name, findings)
    if kind == "tracked":
        return _tracked(rows, name, findings)
    if kind == "over-time":
        return _over_time(rows, name, findings)
    if kind == "spyden":
        return _of_spyden(rows, name, given, findings)
    return _of_images(rows, name, given, findings) if kind == "images" else None


def joined(tables: Sequence[tuple[pd.DataFrame, str]], findings: Findings) -> list[tuple[pd.DataFrame, str]]:
    """Tables of which those that belong together are one: lists of spines with lengths, and counts of images.

    Parameters
    ----------
    tables : sequence of (DataFrame, str)
        Tables of such programs under canonical names, and names of their files.

    Raises
    ------
    DataError
        If two recordings have one name, or a table of lengths is of none of the recordings.
    """
    names = [name for _, name in tables]
    if len(set(names)) < len(names):
        twice = next(name for i, name in enumerate(names) if name in names[:i])
        message = f"two files are {twice}; give the files of one mouse at a time, and folders of recordings other names"
        raise DataError(message)
    lists = [each for each in tables if is_points(each[0])]
    figures = [each for each in tables if not is_points(each[0])]
    if len(tables) == 1 or not figures:
        return list(tables)
    figure = pd.concat([table.set_axis([f"{row} of {name}" for row in table.index]) for table, name in figures])
    if not lists:
        findings.note(f"{len(figures)} files of images read as one table")
        return [(_once(figure), ", ".join(names))]
    _refuse_strangers(lists, figures)
    findings.note(f"lengths from {', '.join(name for _, name in figures)}")
    length = figure.drop_duplicates(["dendrite", "day"]).set_index(["dendrite", "day"])["length_um"]
    return [(_with_lengths(table, length), name) for table, name in lists]


def _refuse_strangers(lists: Sequence[tuple[pd.DataFrame, str]], figures: Sequence[tuple[pd.DataFrame, str]]) -> None:
    seen = {key for table, _ in lists for key in zip(table["dendrite"], table["day"], strict=True)}
    for table, name in figures:
        if not seen & set(zip(table["dendrite"], table["day"], strict=True)):
            message = f"{name} has no session of the spines in {', '.join(each for _, each in lists)}; leave it out"
            raise DataError(message)


def _once(figure: pd.DataFrame) -> pd.DataFrame:
    """Counts of images, of which several tables of one image say the same: the one with a length is kept."""
    order = np.argsort((figure["length_um"] == "").to_numpy(), kind="stable")
    again = figure.iloc[order].duplicated(["dendrite", "day", "spine_count"]).to_numpy()
    return figure.iloc[np.sort(order[~again])]


def _with_lengths(table: pd.DataFrame, length: "pd.Series[str]") -> pd.DataFrame:
    keys = pd.MultiIndex.from_frame(table[["dendrite", "day"]])
    return table.assign(length_um=length.reindex(keys).fillna("").to_numpy())


def _kind(rows: Rows) -> Literal["spineminer", "spyden", "over-time", "tracked", "images"] | None:
    """Which of these tables rows are, told from their heading."""
    if not rows:
        return None
    heading = {plain(cell) for cell in rows[0]}
    if is_spineminer(rows):
        return "spineminer"
    if any(_OF_SPYDEN.match(cell.strip()) for cell in rows[0]):
        return "spyden"
    means = {meaning(cell) for cell in rows[0]}
    measured = any(word.startswith(("spinevol", "headvol")) for word in heading)
    if means & {"mouse", "status"}:
        return None  # a table that was put together from such ones
    if heading >= _OVER_TIME and "dendrite" not in means:
        return "over-time"
    if heading >= _TRACKED and measured and not means & {"dendrite", "fov"}:
        return "tracked"
    if "day" not in means and (heading >= _SUMMARY or (heading >= _DETECTED and measured)):
        return "images"
    return None


def _table(rows: Rows, name: str) -> pd.DataFrame:
    table = table_of(rows, name)
    twice = table.columns[table.columns.duplicated()]
    if len(twice):
        message = f"{name} has the column {twice[0]!r} twice; leave one of them out"
        raise DataError(message)
    return table


def _columns(table: pd.DataFrame) -> dict[str, str]:
    """Name without case and signs to the name in the file."""
    return {plain(str(column)): str(column) for column in table.columns}


def _recording(name: str) -> str:
    """Folder of the recording, or the name of the file without its end."""
    return name.split("/")[0] if "/" in name else Path(name).stem


def _tracked(rows: Rows, name: str, findings: Findings) -> pd.DataFrame:
    table = _table(rows, name)
    at, dendrite = _columns(table), _recording(name)
    findings.note(f"{name}: spines that RESPAN tracked over time; all of the image taken as dendrite {dendrite!r}")
    read = {"dendrite": dendrite, "spine": table[at["spineid"]], "timepoint": table[at["timepoint"]]}
    return pd.DataFrame(read, table.index)


def _over_time(rows: Rows, name: str, findings: Findings) -> pd.DataFrame:
    table = _table(rows, name)
    at = _columns(table)
    findings.note(
        f"{name}: new_spines and pruned_spines left out, as RESPAN compares every timepoint with the first alone; "
        "gains and losses follow from Detected_spines_4D.csv"
    )
    read = {"dendrite": _recording(name), "timepoint": table[at["timepoint"]], "spine_count": table[at["totalspines"]]}
    return pd.DataFrame(read, table.index).assign(length_um=_lengths(table))


def _lengths(table: pd.DataFrame) -> list[str]:
    """Lengths in um: count / density, as the unit of ``dendrite_length`` differs between versions of RESPAN."""
    at = _columns(table)
    numbers = table[[at["totalspines"], at["spinesperum"]]] if "spinesperum" in at else None
    if numbers is None:
        return [""] * len(table)
    count, density = (pd.to_numeric(numbers[column], errors="coerce") for column in numbers)
    length = (count / density).where((count > 0) & (density > 0))
    return ["" if pd.isna(each) else f"{each:.6g}" for each in length]


def _of_images(rows: Rows, name: str, given: SessionDays, findings: Findings) -> pd.DataFrame:
    """Counts of images of RESPAN: one image per row, per rows of one name, or per file."""
    table = _table(rows, name)
    at = _columns(table)
    if "filename" not in at:
        image = _DETECTED_END.sub("", Path(name).stem)
        read = pd.DataFrame({"image": [image], "spine_count": [str(len(table))], "length_um": [""]}, [1])
    elif "dendriteid" in at:
        read = _summed(table, at)
    else:
        read = pd.DataFrame({"image": table[at["filename"]], "spine_count": table[at["totalspines"]]}, table.index)
        read = read.assign(length_um=_lengths(table))
    return _placed(read, name, "RESPAN", given, findings)


def _summed(table: pd.DataFrame, at: dict[str, str]) -> pd.DataFrame:
    """Spines of all dendrites of an image: sums of numbers, empty if one is none, or rows of a list."""
    images = table[at["filename"]]
    numbers = pd.to_numeric(table[at["totalspines"]], errors="coerce") if "totalspines" in at else images.notna() * 1.0
    count = numbers.groupby(images, sort=False).apply(lambda each: each.sum(skipna=False))
    told = ["" if pd.isna(each) else f"{each:g}" for each in count]
    return pd.DataFrame({"image": count.index, "spine_count": told, "length_um": ""})


def _of_spyden(rows: Rows, name: str, given: SessionDays, findings: Findings) -> pd.DataFrame:
    """Count of a recording of SpyDen with one timestep."""
    heading = [cell.strip() for cell in rows[0]]
    steps = sum(bool(_TIMESTEP.fullmatch(cell)) for cell in heading)
    if steps != 1 or "type" not in heading or "closest_Dend" not in heading:
        message = (
            f"{name} is a table of SpyDen, which measures every marked spine at every timestep and does not say at "
            "which it is there, so it holds neither gains nor losses; give a table of the columns mouse, dendrite, "
            "spine, day and status (present or absent)"
        )
        raise DataError(message)
    at = heading.index("type")
    kinds = [row[at].strip() for row in rows[1:] if len(row) > at and row[0].strip()]
    spines = sum(kind != _SOMA for kind in kinds)
    read = pd.DataFrame({"image": [_recording(name)], "spine_count": [str(spines)], "length_um": [""]}, [1])
    return _placed(read, name, "SpyDen", given, findings)


def _placed(read: pd.DataFrame, name: str, program: str, given: SessionDays, findings: Findings) -> pd.DataFrame:
    """Counts of images with the dendrite and the session that their names say."""
    cut = [_cut(str(image), given) for image in read["image"]]
    silent = [image for image, found in zip(read["image"], cut, strict=True) if found is None]
    if silent:
        what = "folder" if program == "SpyDen" else "image"
        other = "" if program == "SpyDen" else ", or give Detected_spines_4D.csv of tracking"
        message = (
            f"{name} has counts of {program} by {what}, but {silent[0]!r} does not say dendrite and session; name "
            f"every {what} so, such as d1_day3 or, with --days post=3, d1_post{other}"
        )
        raise DataError(message)
    findings.note(
        f"{program} marks spines anew in every image: counts alone are read, without gains and losses; all spines of "
        "an image taken as of one dendrite, which its name says with the session"
    )
    pairs = [found for found in cut if found is not None]
    table = read.assign(dendrite=[dendrite for dendrite, _ in pairs], session=[session for _, session in pairs])
    return table[_COUNTS]


def _cut(image: str, given: SessionDays) -> tuple[str, str] | None:
    """Dendrite and session that the name of an image says; ``d2`` at its end is a dendrite unless its day is given."""
    stem = re.sub(r"\.tiff?$", "", image.strip(), flags=re.IGNORECASE)
    # A minus behind another separator is one: d1_-3 is three days before the dose.
    for found in re.finditer(r"(?:[ _.-]+(?=-\d))|[ _.-]+", stem):
        dendrite, session = stem[: found.start()], stem[found.end() :]
        if not dendrite or not session:
            continue
        bare = re.fullmatch(r"d\d+", session.lower()) and session.lower() not in given.by_label
        if not bare and is_session(session, given):
            return dendrite, session
    return None
