"""Whatever is in a file, a reader answers with a result or with one line of its own.

Sound files of every kind are mutated: bytes changed, cut, doubled, moved; numbers replaced by absurd ones; lines and
cells exchanged. The long run reads more than 100,000 (``pytest -m long tests/properties/test_mutated_files.py``).
"""

import json
import re
import warnings
from importlib.resources import files

import numpy as np
import pandas as pd
import pytest
from scipy.io import savemat
from test_reader_programs import MINER, TRACKED

from synmodel import load_scenario, scenario
from synmodel.analysis.simulated import simulate_scenario
from synmodel.analysis.sweeps import load_plan
from synmodel.core import manifest
from synmodel.core.errors import SynmodelError
from synmodel.data import ReadingOptions, read_observations
from synmodel.inference.summaries.folders import read_folder
from synmodel.report import html
from synmodel.report.documents import simulation_document
from synmodel.report.explorer.measured import read_own
from synmodel.report.explorer.states import catalogue, state_of
from synmodel.report.files import to_json
from synmodel.report.tidy import tables_of

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
REGISTRY = (
    "animal_id,fov,lineage_id,formation_tp,right_censored,id_T1,status_T1,id_T2,status_T2,id_T3,status_T3\n"
    + "".join(f"A1,F{k % 2},{k},T1,{k % 2},1{k},matched,2{k},{('matched', 'lost')[k % 2]},,absent\n" for k in range(8))
)
SUMMARIES = (
    "arm,quantity,start_day,end_day,mean,sem_dendrite,n_dendrites,mouse_mean,mouse_sem,n_mice,n_present,n_new\n"
    "saline,baseline_density_per_um,,-1,0.4,0.02,40,,,6,,\n"
    "saline,formation_fraction,-1,1,0.05,0.01,40,0.05,0.012,6,,\n"
    "saline,elimination_fraction,-1,1,0.09,0.01,40,0.09,0.012,6,,\n"
    "saline,density_change,-1,1,-0.02,0.01,40,-0.02,0.012,6,,\n"
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


def read_export(path):
    """Exports and matrices name sessions by numbers; those of the sound ones get their days."""
    text = path.read_bytes()
    days = "1=-1,4=2,8=6" if b"day->" in text else "T1=-1,T2=2,T3=6" if b"lineage" in text else "1=-1,2=2,3=6"
    if path.suffix == ".mat":
        days = "-1,1,3,5"
    read_observations(path, options=ReadingOptions(days=days, mouse=None if "T1" in days else "m"))


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


def read_posted(path):
    """What the explorer's page sends, as its server reads it."""
    try:
        given = json.loads(path.read_bytes())
    except ValueError:
        raise SynmodelError("is no JSON, which the server says itself") from None
    state_of(given)


def read_dropped(path):
    read_own(path.name, path.read_bytes())


def posted(_):
    known = catalogue()["scenarios"]
    both = [{"start": name, "document": known[name]["document"]} for name in ("psilocybin-mouse", "saline-mouse")]
    return [json.dumps({"scenarios": both, "draws": 0}).encode()]


def result(_):
    """The document of a simulation, with its tables."""
    plan = load_scenario("psilocybin-mouse").updated(schedule={"sessions": [-1, 1]})
    return [to_json(simulation_document(plan, simulate_scenario(plan, replicates=2, seed=1, draws=0))).encode()]


def read_result(path):
    """As a report and as tables."""
    folder = path.parent / "result"
    folder.mkdir(exist_ok=True)
    (folder / "summary.json").write_bytes(path.read_bytes())
    faults = []
    for read in (tables_of, lambda _: html(folder)):
        try:
            read(folder / "summary.json")
        except SynmodelError as fault:
            faults.append(fault)
    if faults:
        raise faults[0]


KINDS = {
    "scenario": (".toml", lambda _: library_texts("scenarios"), scenario.load, 3),
    "sweep": (".toml", lambda _: library_texts("sweeps"), load_plan, 1),
    "study": (".toml", lambda _: library_texts("studies"), read_study, 1),
    "summaries": (".csv", lambda _: [SUMMARIES.encode()], read_study, 2),
    "table": (".csv", lambda _: [TABLE.encode(), FRACTIONS.encode(), PRESENCE.encode()], read_table, 4),
    "export": (".csv", lambda _: [MINER.encode(), TRACKED.encode(), REGISTRY.encode()], read_export, 1),
    "posted": (".json", posted, read_posted, 0.5),
    "dropped": (
        ".csv",
        lambda _: [TABLE.encode(), SUMMARIES.encode()],
        lambda path: read_own(path.name, path.read_bytes()),
        0.2,
    ),
    "result": (".json", result, read_result, 0.05),
    "workbook": (".xlsx", lambda folder: [workbook(folder)], read_table, 1),
    "matrix": (".mat", lambda folder: [matrix(folder)], read_export, 0.1),
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
    """Of all kinds together 118,000."""
    check_inputs(kind, int(8000 * KINDS[kind][-1]), tmp_path, seed=2)


@pytest.mark.parametrize("kind", list(KINDS))
def test_what_is_mutated_is_sound(kind, tmp_path):
    """All that a reader needs is there: what it refuses later is what was changed."""
    ending, sound, read, _ = KINDS[kind]
    for content in sound(tmp_path):
        (tmp_path / f"given{ending}").write_bytes(content)
        line = line_of(read, tmp_path / f"given{ending}")
        assert line is None or kind == "manifest", line
