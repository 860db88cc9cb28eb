"""The readers against the deposited tables and workbooks."""

import numpy as np
import pandas as pd
import pytest

from synmodel.data import load_summaries, read_observations, select
from synmodel.data.audit import Findings
from synmodel.data.counts import balanced
from synmodel.data.tables import read_sheets
from synmodel.data.workbooks import deposited_tables

WORKBOOKS = ("shao2021_Data_Fig1J-1O.xlsx", "shao2021_Data_Fig2B-2D.xlsx")
QUANTITIES = (
    "density_per_um",
    "head_width_um",
    "protrusion_length_um",
    "formation_fraction",
    "elimination_fraction",
)


@pytest.fixture
def workbooks(shared_data):
    pytest.importorskip("openpyxl")
    paths = [shared_data / "raw" / name for name in WORKBOOKS]
    for path in paths:
        if not path.is_file():
            pytest.skip(f"the deposited workbook is not at {path}")
    return paths


@pytest.fixture
def tables(workbooks):
    sheets = {f"{path.name}: {title}": rows for path in workbooks for title, rows in read_sheets(path).items()}
    return deposited_tables(sheets, Findings())


def test_every_value_of_the_workbooks_is_that_of_the_tidy_table(shared_data, tables):
    key = ["mouse", "sex", "arm", "fov", "dendrite", "day"]
    tidy = pd.read_csv(shared_data / "tidy" / "shao2021_dendrites.csv", dtype=str, keep_default_na=False)
    tidy = tidy[tidy["arm"].isin(["saline", "psilocybin"])].set_index(key)
    ours = tables["dendrites"].set_index(key)
    assert ours.index.is_unique
    # The tidy table has day 34 only for mice that were imaged then.
    assert set(tidy.index) <= set(ours.index)
    rest = ours.loc[~ours.index.isin(tidy.index)]
    assert (rest == "").all(axis=None)
    ours = ours.loc[tidy.index]
    for name in QUANTITIES:
        theirs = pd.to_numeric(tidy[name]).to_numpy(float)
        mine = np.array([float(cell or "nan") for cell in ours[name]])
        np.testing.assert_allclose(mine, theirs, rtol=1e-14, atol=0)
        assert np.isfinite(mine).sum() > 800


def test_every_new_spine_of_the_workbook_is_that_of_the_tidy_table(shared_data, tables):
    tidy = pd.read_csv(shared_data / "tidy" / "shao2021_new_spine_survival.csv", dtype=str)
    ours = tables["survival"]
    assert ours[list(tidy.columns[1:])].to_numpy().tolist() == tidy[list(tidy.columns[1:])].to_numpy().tolist()


def test_audit_of_the_workbooks(workbooks):
    reading = read_observations(workbooks)
    assert reading.form == "workbook"
    tally = reading.audit.tally()
    assert tally["reappearing-spine"] == 1  # a third of three new spines on day 7, two thirds on day 34
    assert tally["repeated-label"] == 2  # one spine under another mouse and a mistyped field
    assert tally["count-mismatch"] == 6  # new spines in one sheet, not in the other
    seen = reading.observations
    dendrites = (seen["spine_count"].notnull().any("session")).sum()
    assert int(dendrites) >= 110
    assert set(seen["arm"].to_numpy().tolist()) == {"saline", "psilocybin"}
    assert float(seen["spine_count"].median()) == pytest.approx(11, abs=1.5)


def test_one_workbook_alone_can_be_read(workbooks):
    morphology = read_observations(workbooks[0])
    assert morphology.audit.problems == ()
    assert int(morphology.observations["head_width"].notnull().sum()) == 1032
    turnover = read_observations(workbooks[1])
    # Without means over spines most numbers of spines are ambiguous, and say so.
    assert turnover.audit.tally()["ambiguous-integers"] > 100


def test_audit_of_shao2021(shared_data):
    reading = read_observations(shared_data / "tidy" / "shao2021_dendrites.csv")
    assert reading.form == "fractions"
    assert reading.audit.rows == 1924
    repeated = [problem for problem in reading.audit.problems if problem.kind == "repeated-label"]
    assert [problem.where.split(": ")[1] for problem in repeated] == [
        "shao2021, ketanserin+psilocybin, mouse female-11, dendrite 2-2.2"
    ]
    seen = reading.observations
    known = seen["gained"].notnull()
    assert int(known.sum()) > 900
    assert bool((balanced(seen) == known).all()), "numbers behind fractions balance"
    previous = seen["spine_count"].isel(session=slice(None, -1)).to_numpy()
    implied = seen["gained"].to_numpy() / previous
    given = seen["formation_fraction"].to_numpy()[..., 1:]
    at = np.isfinite(implied)
    np.testing.assert_allclose(implied[at], given[at], atol=2e-6)


def test_reconstructed_numbers_do_not_depend_on_the_mice_that_are_read(shared_data, tmp_path):
    """A dendrite's numbers rest on its own mouse alone."""
    path = shared_data / "tidy" / "shao2021_dendrites.csv"
    lines = path.read_text().splitlines()
    part = tmp_path / "part.csv"
    part.write_text("\n".join([lines[0], *(line for line in lines if ",female-9," in line)]))
    whole = read_observations(path).observations
    alone = read_observations(part).observations
    n = alone.sizes["dendrite"], alone.sizes["session"]
    again = whole["spine_count"].isel(animal=np.flatnonzero(whole["mouse"] == "female-9")).to_numpy()
    np.testing.assert_array_equal(again[:, : n[0], : n[1]], alone["spine_count"])


def test_audit_of_phoumthipphavong2016(shared_data):
    reading = read_observations(shared_data / "tidy" / "phoumthipphavong2016_dendrites.csv")
    assert reading.form == "counts"
    assert reading.audit.rows == 1127
    tally = reading.audit.tally()
    assert tally["damaged-dendrite"] == 18
    assert tally["skipped-session"] == 10
    wrong = {
        problem.where for problem in reading.audit.problems if problem.kind in ("count-mismatch", "no-integers-explain")
    }
    seen = reading.observations
    fractions = int((seen["formation_fraction"].notnull() & seen["elimination_fraction"].notnull()).sum())
    assert 0.08 < len(wrong) / fractions < 0.16, "about one interval in ten contradicts itself"
    both = seen["gained"].notnull() & seen["lost"].notnull()
    assert 0.88 < float(balanced(seen).sum() / both.sum()) < 0.95


def test_reappearing_spines_of_phoumthipphavong2016(shared_data):
    reading = read_observations(shared_data / "tidy" / "phoumthipphavong2016_new_spine_persistence.csv")
    assert reading.form == "new-spines"
    assert reading.audit.tally() == {"reappearing-spine": 3}


@pytest.mark.parametrize("arm", ["saline", "ketamine"])
def test_numbers_of_phoumthipphavong2016_against_its_fractions_and_means(shared_data, arm):
    """Each number gives its fraction back; the fractions of undamaged dendrites have the published mean."""
    seen = select(read_observations(shared_data / "tidy" / "phoumthipphavong2016_dendrites.csv").observations, arm=arm)
    previous = seen["spine_count"].to_numpy()[..., :-1]
    for name, fraction in (("gained", "formation_fraction"), ("lost", "elimination_fraction")):
        implied, given = seen[name].to_numpy() / previous, seen[fraction].to_numpy()[..., 1:]
        at = np.isfinite(implied)
        np.testing.assert_allclose(implied[at], given[at], atol=0.000502)
    kept = ~(seen["damaged"].sel(session=slice(-3, 5)) == 1).any("session")  # as in the paper
    published = load_summaries("phoumthipphavong2016", arm)
    for quantity in ("formation_fraction", "elimination_fraction"):
        mean = seen[quantity].where(kept).mean(["animal", "dendrite"])
        theirs = published.isel(point=np.flatnonzero(published["quantity"].to_numpy() == quantity))
        np.testing.assert_allclose(mean.sel(session=theirs["end_day"].to_numpy()), theirs["mean"], atol=2e-5)
