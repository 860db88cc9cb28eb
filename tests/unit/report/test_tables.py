"""Results as tables: the same numbers in every format, units beside them, no formulas from text."""

import inspect
import json
import os
import subprocess
import sys

import command_line
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from synmodel import cli
from synmodel.core import netcdf
from synmodel.core.errors import DataError
from synmodel.report import tidy
from synmodel.report.tidy import writers
from synmodel.report.tidy.frames import of_dataset, of_document

pytestmark = pytest.mark.heavy

SIMULATE = ("simulate", "saline-mouse", "--replicates", "2", "--draws", "0", "--quiet")
TEXTS = ["=1+1", "+2", "-3 apples", "@cmd", "plain", "\ttab", ""]
READERS = {
    "csv": lambda path, _: pd.read_csv(path),
    "parquet": lambda path, _: pd.read_parquet(path),
    "xlsx": lambda path, sheet: pd.read_excel(path, sheet_name=sheet),
}


def needs(form):
    if form == "parquet":
        pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    if form == "xlsx":
        pytest.importorskip("openpyxl", reason="openpyxl is not installed")


@pytest.fixture
def dataset():
    return xr.Dataset(
        {
            "count": (("animal", "session"), [[1.0, np.nan], [3.0, 4.5]], {"units": "1", "long_name": "spines"}),
            "weight": (("animal",), [0.1 + 0.2, 20.0], {"units": "g", "long_name": "weight"}),
            "total": ((), 7.0),
        },
        coords={
            "session": ("session", [-1.0, 2.0], {"units": "day", "long_name": "session"}),
            "name": ("animal", ["a", "=b"]),
        },
    )


def test_a_dataset_is_a_table_for_each_set_of_dims(dataset):
    tables = {table.name: table for table in of_dataset(dataset, "x")}
    assert list(tables) == ["x.animal-session", "x.animal", "x.all"]
    long = tables["x.animal-session"]
    assert list(long.frame.columns) == ["animal", "session", "count", "name"]
    assert long.frame["count"].tolist()[2:] == [3.0, 4.5]
    assert len(long.frame) == 4
    assert long.columns["count"] == ("1", "spines")
    assert long.columns["session"] == ("day", "session")
    assert tables["x.all"].frame.to_dict("records") == [{"total": 7.0}]


def test_a_document_is_a_table_for_each_part_and_depth():
    document = {
        "seed": 1,
        "provenance": {"version": "0"},
        "fits": {"a": {"chi2": 2.0, "arms": {"x": {"rate": [{"day": 1, "mean": 0.5}, {"day": 2, "mean": 0.7}]}}}},
        "days": [1.0, 3.0],
    }
    tables = {table.name: table.frame.to_dict("records") for table in of_document(document, "r")}
    assert tables["r"] == [{"seed": 1}]
    assert tables["r.fits.1"] == [{"key_1": "a", "chi2": 2.0}]
    keys = {"key_1": "a", "key_2": "arms", "key_3": "x", "key_4": "rate"}
    assert tables["r.fits.2"] == [
        {**keys, "row": 0, "day": 1, "mean": 0.5},
        {**keys, "row": 1, "day": 2, "mean": 0.7},
    ]
    assert tables["r.days"] == [{"row": 0, "value": 1.0}, {"row": 1, "value": 3.0}]
    assert "r.provenance" not in tables


@pytest.mark.parametrize("form", tidy.FORMATS)
def test_numbers_come_back_as_they_were(form, dataset, tmp_path):
    needs(form)
    path = tmp_path / "x.nc"
    netcdf.write(dataset, path)
    written = tidy.convert(path, tmp_path, form)
    assert written[-1] == "columns.csv"
    read = READERS[form](tmp_path / ("x.xlsx" if form == "xlsx" else f"x.animal-session.{form}"), "animal-session")
    np.testing.assert_array_equal(read["count"].to_numpy(), dataset["count"].to_numpy().ravel())
    weights = READERS[form](tmp_path / ("x.xlsx" if form == "xlsx" else f"x.animal.{form}"), "animal")
    exact = 1e-15 if form == "xlsx" else 0.0  # a sheet holds 16 digits
    np.testing.assert_allclose(weights["weight"], [0.1 + 0.2, 20.0], rtol=exact)
    columns = pd.read_csv(tmp_path / "columns.csv")
    assert columns.loc[columns["column"] == "weight", "unit"].tolist() == ["g"]
    assert set(columns["file"]) == set(written) - {"columns.csv"}


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_text_is_no_formula(form, tmp_path):
    needs(form)
    document = tmp_path / "r.json"
    document.write_text(json.dumps({"notes": TEXTS, "=top": {"-a": {"=key": "+x", "number": -1.5}}}))
    tidy.convert(document, tmp_path, form)
    if form == "csv":
        text = (tmp_path / "r.notes.csv").read_text()
        cells = [line.split(",", 1)[-1].strip('"') for line in text.splitlines()]
        assert not [cell for cell in cells if cell.startswith(writers._FORMULA)]
        assert pd.read_csv(tmp_path / "r.notes.csv")["value"].tolist()[:4] == ["'=1+1", "'+2", "'-3 apples", "'@cmd"]
        other = pd.read_csv(tmp_path / "r.=top.csv")
        assert other.to_dict("records") == [{"key_1": "'-a", "'=key": "'+x", "number": -1.5}]
        return
    from openpyxl import load_workbook

    book = load_workbook(tmp_path / "r.xlsx")
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert "=1+1" in [cell.value for cell in cells]
    assert not [cell for cell in cells if cell.data_type == "f"]


def test_a_long_table_goes_on_in_further_sheets(monkeypatch, tmp_path):
    needs("xlsx")
    monkeypatch.setattr(writers, "_ROWS_OF_SHEET", 3)
    netcdf.write(xr.Dataset({"y": ("x", np.arange(8.0))}), tmp_path / "long.nc")
    tidy.convert(tmp_path / "long.nc", tmp_path, "xlsx")
    sheets = pd.read_excel(tmp_path / "long.xlsx", sheet_name=None)
    assert [len(sheet) for sheet in sheets.values()] == [3, 3, 2]
    assert np.concatenate([sheet["y"] for sheet in sheets.values()]).tolist() == list(range(8))


def test_names_of_sheets_are_those_that_excel_allows():
    taken = set()
    names = [writers._name_of_sheet(name, taken) for name in ("a" * 40, "A" * 40, "b:c/d")]
    assert names[2] == "b_c_d"
    assert len({name.lower() for name in names}) == 3
    assert max(map(len, names)) <= 31


@pytest.mark.parametrize("form", tidy.FORMATS)
def test_a_verb_writes_its_results_as_tables_too(form, tmp_path, capsys, monkeypatch):
    needs(form)
    out = tmp_path / "out"
    status, printed, error = command_line.run(capsys, monkeypatch, *SIMULATE, "--out", out, "--format", form)
    assert (status, error) == (0, "")
    assert "columns.csv" in printed.splitlines()[-1]
    counts = xr.open_dataset(out / "observations.nc", engine="h5netcdf")["spine_count"]
    name = "replicate-animal-dendrite-session"
    read = READERS[form](out / ("observations.xlsx" if form == "xlsx" else f"observations.{name}.{form}"), name[:31])
    np.testing.assert_array_equal(read["spine_count"], counts.to_numpy().ravel())
    units = pd.read_csv(out / "columns.csv")
    assert set(units.loc[units["column"] == "length_um", "unit"]) == {"um"}


def test_tables_of_an_earlier_run_do_not_stay(tmp_path, capsys, monkeypatch):
    out = tmp_path / "out"
    command_line.run(capsys, monkeypatch, *SIMULATE, "--out", out, "--format", "csv")
    (out / "mine.csv").write_text("a\n1\n")
    assert (out / "mechanism.csv").exists() or list(out.glob("mechanism*.csv"))
    command_line.run(capsys, monkeypatch, *SIMULATE, "--out", out)
    assert sorted(path.name for path in out.glob("*.csv")) == ["mine.csv"]


def test_every_verb_that_writes_a_result_has_the_option():
    from synmodel.cli import data as cli_data

    without_result = {"convert", "explore", "export", "new", "report"}
    with_out = {}
    for group, commands in (("", cli.app.registered_commands), ("data ", cli_data.app.registered_commands)):
        for registered in commands:
            parameters = inspect.signature(registered.callback).parameters
            if "out" in parameters:
                name = group + (registered.name or registered.callback.__name__)
                with_out[name] = "table_format" in parameters
    assert {name for name, has in with_out.items() if not has} <= without_result
    assert {
        "compare",
        "fit",
        "predict",
        "validate",
        "simulate",
        "sweep",
        "design",
        "experiment",
        "measure_next",
        "data convert",
    } <= {name for name, has in with_out.items() if has}


def test_convert_of_a_folder_and_its_faults(tmp_path, capsys, monkeypatch):
    folder, out = tmp_path / "folder", tmp_path / "out"
    command_line.run(capsys, monkeypatch, *SIMULATE, "--out", folder)
    status, printed, _ = command_line.run(capsys, monkeypatch, "convert", folder, "--out", out)
    assert status == 0
    assert "observations.replicate-animal-dendrite-session.csv" in printed
    (tmp_path / "empty").mkdir()
    (tmp_path / "no.nc").write_bytes(b"nonsense")
    (tmp_path / "no.json").write_text("{")
    for given, words in (
        (tmp_path / "missing.nc", "is not there"),
        (tmp_path / "empty", "holds no result"),
        (tmp_path / "no.nc", "cannot read"),
        (tmp_path / "no.json", "cannot read"),
    ):
        other = tmp_path / "other"
        status, printed, error = command_line.run(capsys, monkeypatch, "convert", given, "--out", other)
        assert (status, printed) == (2, "")
        assert words in error
        assert error.count("\n") == 1
        assert not other.exists()
    status, _, error = command_line.run(capsys, monkeypatch, "convert", folder, "--format", "ods", "--out", out)
    assert status == 2
    assert "ods" in error


@pytest.mark.parametrize(("form", "package"), [("parquet", "pyarrow"), ("xlsx", "openpyxl")])
def test_a_missing_library_is_one_line_before_any_work(form, package, monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(sys.modules, package, None)
    status, _, error = command_line.run(capsys, monkeypatch, *SIMULATE, "--out", tmp_path / "x", "--format", form)
    assert status == 2
    assert error == f"synmodel: --format {form} needs {package}; install it with: pip install 'synmodel[tables]'\n"
    assert not (tmp_path / "x").exists()


def test_an_unknown_format_is_refused():
    with pytest.raises(DataError, match="allowed are csv, parquet, xlsx"):
        tidy.demand("ods")


def test_groups_of_a_posterior_are_tables_of_their_own():
    from synmodel.library import posterior_path

    names = [table.name for table in tidy.tables_of(posterior_path())]
    assert any(name.startswith("joint.posterior") for name in names)


def test_the_command_that_lists_verbs_is_still_light():
    code = (
        "import synmodel.cli, sys; print([m for m in ('pandas', 'pyarrow', 'openpyxl', 'libsbml') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=dict(os.environ))
    assert out.stdout.strip() == "[]"


@pytest.mark.parametrize("form", tidy.FORMATS)
def test_a_document_and_a_dataset_of_one_name_are_both_there(form, tmp_path):
    needs(form)
    netcdf.write(xr.Dataset({"y": ("x", [1.0, 2.0])}), tmp_path / "same.nc")
    (tmp_path / "same.json").write_text(json.dumps({"y": 3.0, "parts": {"a": {"z": 4.0}}}))
    written = tidy.convert(tmp_path, tmp_path, form)
    assert len(written) == len(set(written))
    columns = pd.read_csv(tmp_path / "columns.csv")
    assert set(columns["column"]) == {"x", "y", "key_1", "z"}
    assert set(columns["file"]) | {"columns.csv"} == set(written)
    if form == "xlsx":
        sheets = pd.read_excel(tmp_path / "same.xlsx", sheet_name=None)
        assert sorted(len(sheet) for sheet in sheets.values()) == [1, 1, 2]
    else:
        assert len(written) == 4


def test_the_page_comes_after_the_tables_and_leaves_them_whole(tmp_path, capsys, monkeypatch):
    """A sweep stays where it ran, so its tables could be made once more, alone, when the page is written."""
    (tmp_path / "mine.toml").write_text(
        'name = "mine"\ntitle = "mine"\nseed = 1\nobserve = "expected"\nscenarios = ["psilocybin-mouse"]\n'
        'control = "none"\nquantities = ["formation_fraction"]\n[grid]\n"scenario.regimen.doses[0].amount" = [0.5, 1]\n'
    )
    out = tmp_path / "out"
    command = ("sweep", tmp_path / "mine.toml", "--out", out, "--report", "--format", "csv", "--quiet")
    status, printed, _ = command_line.run(capsys, monkeypatch, *command)
    assert status == 0
    tables = {path.name for path in out.glob("*.csv")} - {"columns.csv"}
    assert {"summary.csv", "sweep.scenario-amount-point.csv"} <= tables
    assert set(pd.read_csv(out / "columns.csv")["file"]) == tables
    assert printed.index("Tables: ") < printed.index("report.html")
    assert printed.count("columns.csv") == 1
