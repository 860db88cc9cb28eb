"""Whatever is in a file, a reader answers with a result or with one line of its own.

Sound files of every kind are mutated: bytes changed, cut, doubled, moved; numbers replaced by absurd ones; lines and
cells exchanged. The long run reads more than 100,000 (``pytest -m long tests/properties/test_mutated_files.py``).
"""

import re
import warnings
from importlib.resources import files

import numpy as np
import pandas as pd
import pytest
from scipy.io import savemat

from synmodel import manifest, scenario
from synmodel.data import read_observations
from synmodel.errors import SynmodelError
from synmodel.inference.folders import read_folder
from synmodel.sweeps import load_plan

TABLE = "animal,treatment,dendrite,day,count,gained,lost,length_um\n" + "".join(
    f"m{mouse},{'drug' if mouse % 2 else 'saline'},d{dendrite},{day},{10 + day},{int(day > 0)},0,25.5\n"
    for mouse in range(3)
    for dendrite in range(2)
    for day in (-1, 0, 1, 7)
)
FRACTIONS = "mouse,dendrite,session,density,formation,elimination,length\n" + "".join(
    f"a,{dendrite},Day {day},0.5{dendrite},{'' if day < 0 else '0.1'},{'' if day < 0 else '0.1'},20\n"
    for dendrite in range(4)
    for day in (-1, 1, 3)
)
PRESENCE = "animal;dendrite;spine;d-1;d1;d3\n" + "".join(
    f"m1;d{k % 3};s{k};1;{k % 2};{k % 3 // 2}\n" for k in range(12)
)
SUMMARIES = (
    "arm,quantity,start_day,end_day,mean,sem_dendrite,n_dendrites,mouse_mean,mouse_sem,n_mice,n_present,n_new\n"
    "vehicle,formation_fraction,-1,1,0.05,0.01,40,0.05,0.012,6,,\n"
    "drug,formation_fraction,-1,1,0.09,0.01,40,0.09,0.012,6,,\n"
)
NUMBERS = (
    "nan", "inf", "-inf", "1e308", "-1e308", "1e400", "-1", "0", "1e-320", "45000", "2021-03-04", "0x10", "1_000", "١٢",
    "99999999999999999999", "true", "[]", '""', "1,5", "25%", "=1+1", "\u2212" "3",
)  # fmt: skip
JUNK = (
    b"\x00",
    b"\xff\xfe",
    b"\r",
    b"\n\n",
    b'"',
    b"'",
    b",",
    b";",
    b"\t",
    b"[",
    b"]",
    b"=",
    b"#",
    b"\xe2\x80\xae",
    b"{",
)


def library_texts(kind):
    folder = files("synmodel.library") / kind
    return [
        (folder / path.name).read_bytes() for path in sorted(folder.iterdir(), key=str) if path.name.endswith(".toml")
    ]


def workbook(folder):
    path = folder / "sound.xlsx"
    heading, *rows = (line.split(",") for line in TABLE.splitlines())
    pd.DataFrame(rows, columns=heading).to_excel(path, index=False)
    return path.read_bytes()


def matrix(folder):
    path = folder / "sound.mat"
    savemat(path, {"presence": np.eye(5)[:, :4], "days": np.array([-1, 1, 3, 5])})
    return path.read_bytes()


def mutated(content, generator):
    """A copy with one to eight changes."""
    data = bytearray(content)
    for _ in range(generator.integers(1, 9)):
        at = int(generator.integers(0, len(data) + 1))
        kind = generator.integers(0, 8)
        if kind == 0 and data:
            data[at % len(data)] = int(generator.integers(0, 256))
        elif kind == 1:
            del data[at : at + int(generator.integers(1, 40))]
        elif kind == 2:
            data[at:at] = data[at : at + int(generator.integers(1, 200))]
        elif kind == 3:
            data[at:at] = JUNK[generator.integers(0, len(JUNK))] * int(generator.integers(1, 4))
        elif kind == 4:
            found = list(re.finditer(rb"-?\d+(?:\.\d+)?", bytes(data)))
            if found:
                where = found[generator.integers(0, len(found))]
                data[where.start() : where.end()] = NUMBERS[generator.integers(0, len(NUMBERS))].encode()
        elif kind == 5:
            lines = bytes(data).split(b"\n")
            a, b = generator.integers(0, len(lines), 2)
            lines[a], lines[b] = lines[b], lines[a]
            data = bytearray(b"\n".join(lines))
        elif kind == 6:
            lines = bytes(data).split(b"\n")
            del lines[generator.integers(0, len(lines))]
            data = bytearray(b"\n".join(lines))
        else:
            words = list(re.finditer(rb"[A-Za-z_]+", bytes(data)))
            if words:
                a, b = (words[k] for k in generator.integers(0, len(words), 2))
                data[a.start() : a.end()] = bytes(b.group())
    return bytes(data)


def read_table(path):
    read_observations(path)


def read_study(path):
    """A folder in which the summaries, or with ``.toml`` the study, are those of the file."""
    folder = path.parent / "study"
    folder.mkdir(exist_ok=True)
    study = (files("synmodel.library") / "studies" / "shao2021.toml").read_bytes()
    (folder / "study.toml").write_bytes(path.read_bytes() if path.suffix == ".toml" else study)
    (folder / "summaries.csv").write_bytes(SUMMARIES.encode() if path.suffix == ".toml" else path.read_bytes())
    read_folder(folder)


def read_manifest(path):
    folder = path.parent / "noted"
    folder.mkdir(exist_ok=True)
    (folder / "a").write_text("1")
    (folder / manifest.NAME).write_bytes(path.read_bytes())
    manifest.check(folder)


KINDS = {
    "scenario": (".toml", lambda _: library_texts("scenarios"), scenario.load, 3),
    "sweep": (".toml", lambda _: library_texts("sweeps"), load_plan, 1),
    "study": (".toml", lambda _: library_texts("studies"), read_study, 1),
    "summaries": (".csv", lambda _: [SUMMARIES.encode()], read_study, 2),
    "table": (".csv", lambda _: [TABLE.encode(), FRACTIONS.encode(), PRESENCE.encode()], read_table, 4),
    "workbook": (".xlsx", lambda folder: [workbook(folder)], read_table, 1),
    "matrix": (".mat", lambda folder: [matrix(folder)], read_table, 0.1),
    "manifest": (".json", lambda _: [b'{"files": {"a": {"bytes": 1, "sha256": "6b86b"}}}'], read_manifest, 1),
}
"""Ending, sound files, reader, and the share of the inputs that a kind gets: a matrix needs a process for each."""


def line_of(read, path):
    """What a reader says of a file it refuses; None where it reads it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pandas and openpyxl, about what is in the file
        try:
            read(path)
        except SynmodelError as error:
            return str(error)
    return None


def check_inputs(kind, number, folder, *, seed):
    """Read mutated files; returns how many were refused."""
    ending, sound, read, _ = KINDS[kind]
    contents = sound(folder)
    path = folder / f"given{ending}"
    refused = 0
    for k in range(number):
        path.write_bytes(mutated(contents[k % len(contents)], np.random.default_rng([seed, k])))
        try:
            line = line_of(read, path)
        except Exception as error:
            error.add_note(f"of the input {kind}, seed {seed}, number {k}")
            raise
        if line is not None:
            refused += 1
            assert len(line) > 10, (kind, seed, k)
            assert "\n" not in line, (kind, seed, k)
    return refused


@pytest.mark.parametrize("kind", list(KINDS))
def test_mutated_files(kind, tmp_path):
    number = max(20, int(40 * KINDS[kind][-1]))
    refused = check_inputs(kind, number, tmp_path, seed=1)
    assert refused > number // 10


@pytest.mark.long
@pytest.mark.parametrize("kind", list(KINDS))
def test_many_mutated_files(kind, tmp_path):
    """Of all kinds together 104,000."""
    check_inputs(kind, int(8000 * KINDS[kind][-1]), tmp_path, seed=2)
