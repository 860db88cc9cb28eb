"""The conventional analysis of single dendrites, against formulas, ordinary least squares and published means."""

import math
import sys

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy.stats import t as student

from synmodel.core.errors import FitError
from synmodel.data import load_summaries, read_observations
from synmodel.inference import conventional
from synmodel.inference.conventional import COLUMNS, conventional_analysis, mixed_models, pairs_of
from synmodel.inference.conventional.expected_differences import expected_differences
from synmodel.inference.conventional.measured import dendrite_table
from synmodel.inference.dendrites import DendriteProblem
from synmodel.report.conventional import conventional_csv, conventional_document, conventional_tables

pytestmark = pytest.mark.heavy

statsmodels = pytest.importorskip("statsmodels.api")
DAYS = (-3.0, -1.0, 1.0, 3.0)


def counts(arms=("saline", "psilocybin"), mice=4, dendrites=6, study="lab", seed=1, **columns):
    """Rows of a laboratory's counts: 12 spines or so, a few gained and lost."""
    generator = np.random.default_rng(seed)
    rows = []
    for arm in arms:
        for mouse in range(mice):
            for dendrite in range(dendrites):
                n = int(generator.integers(10, 15))
                for k, day in enumerate(DAYS):
                    gained, lost = (generator.integers(0, 4, 2).tolist()) if k else (0, 0)
                    n += gained - lost
                    change = (gained, lost) if k else ("", "")
                    rows.append((study, arm, f"m{mouse}", f"d{dendrite}", day, n, *change, 40.0))
    names = ["study", "arm", "mouse", "dendrite", "day", "spine_count", "gained", "lost", "length_um"]
    return pd.DataFrame(rows, columns=names).assign(**columns)


def read(table, tmp_path):
    table.to_csv(tmp_path / "table.csv", index=False)
    return read_observations(tmp_path / "table.csv").observations


def crossed(mice=6, dendrites=5, sessions=4, sds=(0.0, 0.0, 0.1), difference=0.05, seed=1):
    """A balanced table for the mixed model, with known effects."""
    generator = np.random.default_rng(seed)
    rows = []
    for treated in (0.0, 1.0):
        for mouse in range(mice):
            of_mouse = sds[0] * generator.standard_normal()
            for dendrite in range(dendrites):
                of_dendrite = sds[1] * generator.standard_normal()
                for session in range(sessions):
                    value = 0.1 + difference * treated + of_mouse + of_dendrite + sds[2] * generator.standard_normal()
                    label = f"{treated:g}/{mouse}"
                    rows.append((treated, label, f"{label}/{dendrite}", float(session), value))
    return pd.DataFrame(rows, columns=["treated", "mouse", "dendrite", "session", "value"])


def test_welch_and_hedges_by_their_formulas():
    arm, control = np.array([0.11, 0.19, 0.14, 0.30, 0.22]), np.array([0.08, 0.12, 0.07])
    found = conventional.welch(arm, control)
    parts = [each.var(ddof=1) / len(each) for each in (arm, control)]
    error = math.sqrt(sum(parts))
    freedom = sum(parts) ** 2 / (parts[0] ** 2 / 4 + parts[1] ** 2 / 2)
    difference = arm.mean() - control.mean()
    assert found["welch_difference"] == pytest.approx(difference)
    half = student.ppf(0.975, freedom) * error
    assert found["welch_low"] == pytest.approx(difference - half)
    assert found["welch_high"] == pytest.approx(difference + half)
    assert found["welch_p"] == pytest.approx(2 * student.sf(difference / error, freedom))
    pooled = math.sqrt((4 * arm.var(ddof=1) + 2 * control.var(ddof=1)) / 6)
    assert found["hedges_g"] == pytest.approx(difference / pooled * (1 - 3 / (4 * 6 - 1)))


def test_without_variance_of_mice_and_dendrites_the_mixed_model_is_least_squares():
    table = crossed(difference=0.0)
    table["value"] -= table.groupby("dendrite")["value"].transform("mean")  # dendrites and mice differ by nothing
    table["value"] += 0.1 + 0.03 * table["treated"] * table["session"]
    found = mixed_models.arm_differences(table)
    means = np.eye(4)[table["session"].to_numpy(int)]
    design = np.hstack([means, means * table["treated"].to_numpy()[:, None]])
    plain = statsmodels.OLS(table["value"].to_numpy(), design).fit()
    np.testing.assert_allclose(found.difference, plain.params[4:], atol=1e-6)
    np.testing.assert_allclose(found.se, plain.bse[4:], rtol=1e-3)
    assert "variance between mice and dendrites estimated as 0" in found.note


def test_a_balanced_mixed_model_by_its_mean_squares():
    mice, dendrites, sessions = 6, 5, 4
    table = crossed(mice, dendrites, sessions, sds=(0.06, 0.05, 0.08), seed=5)
    found = mixed_models.arm_differences(table)
    value = table["value"].to_numpy().reshape(2, mice, dendrites, sessions)
    of_dendrite, of_mouse = value.mean(axis=3), value.mean(axis=(2, 3))
    cell = value.mean(axis=(1, 2))
    residual = value - of_dendrite[..., None] - cell[:, None, None] + cell.mean(axis=1)[:, None, None, None]
    ms_residual = (residual**2).sum() / (2 * (mice * dendrites - 1) * (sessions - 1))
    ms_dendrite = sessions * ((of_dendrite - of_mouse[..., None]) ** 2).sum() / (2 * mice * (dendrites - 1))
    centred = of_mouse - of_mouse.mean(axis=1)[:, None]
    ms_mouse = sessions * dendrites * (centred**2).sum() / (2 * (mice - 1))
    variances = ((ms_mouse - ms_dendrite) / (sessions * dendrites), (ms_dendrite - ms_residual) / sessions, ms_residual)
    assert min(variances) > 0
    np.testing.assert_allclose(found.difference, cell[1] - cell[0], atol=1e-6)
    np.testing.assert_allclose(
        [found.mouse_sd**2, found.dendrite_sd**2, found.residual_sd**2], variances, rtol=5e-3
    )  # fmt: skip
    error = math.sqrt(2 * (variances[0] + (variances[1] + variances[2]) / dendrites) / mice)
    np.testing.assert_allclose(found.se, error, rtol=5e-3)
    assert found.note == ""


@pytest.mark.slow
def test_the_mixed_model_covers_a_known_difference():
    """With 12 mice an arm intervals hold the truth as often as they say; with dendrites as independent they do not."""
    truth, held, naive, estimates = 0.05, 0, 0, []
    for seed in range(40):
        table = crossed(12, 4, 2, sds=(0.08, 0.04, 0.08), difference=truth, seed=100 + seed)
        found = mixed_models.arm_differences(table)
        held += bool(found.low[0] <= truth <= found.high[0])
        first = table[table["session"] == 0]
        arms = [first.loc[first["treated"] == each, "value"] for each in (1.0, 0.0)]
        error = math.sqrt(sum(each.var() / len(each) for each in arms))
        naive += bool(abs(arms[0].mean() - arms[1].mean() - truth) < 1.96 * error)
        estimates.append(found.difference[0])
    error = np.std(estimates, ddof=1) / math.sqrt(len(estimates))
    assert abs(np.mean(estimates) - truth) < 4 * error
    assert held >= 34, "binomial(40, 0.95) is below 34 once in two hundred"
    assert naive < held


def test_fits_that_fail_are_told(tmp_path):
    alike = crossed(3, 2, 2).assign(value=0.1)
    found = mixed_models.arm_differences(alike)
    assert np.isnan(found.difference).all()
    assert found.note.startswith("no fit")
    rows = conventional_analysis(read(counts(mice=1), tmp_path)).table
    assert len(rows) == 6
    assert (rows["mixed_note"] == "no fit: fewer than two mice in an arm").all()
    assert (rows["welch_note"] == "no test: fewer than two mice in an arm").all()
    assert rows["welch_difference"].notna().all(), "the means are there"
    assert rows[["mixed_p", "welch_p", "hedges_g"]].isna().all(axis=None)
    assert conventional.welch(np.full(3, 0.2), np.full(3, 0.1))["welch_note"].startswith("no test")


def test_the_table_holds_each_quantity_after_the_dose(tmp_path):
    observations = read(counts(), tmp_path)
    found = conventional_analysis(observations)
    assert list(found.table.columns) == list(COLUMNS)
    assert [tuple(row) for row in found.table[["quantity", "start_day", "end_day"]].to_numpy()] == [
        ("formation_fraction", -1.0, 1.0), ("formation_fraction", 1.0, 3.0),
        ("elimination_fraction", -1.0, 1.0), ("elimination_fraction", 1.0, 3.0),
        ("density_change", -3.0, 1.0), ("density_change", -3.0, 3.0),
    ]  # fmt: skip
    assert (found.table[["n_mice", "n_mice_control"]] == 4).all(axis=None)
    assert (found.table[["n_dendrites", "n_dendrites_control"]] == 24).all(axis=None)
    assert found.notes == []
    n, gained = observations["spine_count"].to_numpy(), observations["gained"].to_numpy()
    by_mouse = (gained[..., 1] / n[..., 1]).mean(axis=1)
    drug = observations["arm"].to_numpy() == "psilocybin"
    assert found.table["welch_difference"][0] == pytest.approx(by_mouse[drug].mean() - by_mouse[~drug].mean())
    change = (n[..., 3] / n[..., 0] - 1).mean(axis=1)
    assert found.table["welch_difference"][5] == pytest.approx(change[drug].mean() - change[~drug].mean())


def test_fractions_of_a_file_stand_in_for_counts_and_no_interval_is_longer(tmp_path):
    table = counts(arms=("saline",), mice=1, dendrites=3)[["study", "arm", "mouse", "dendrite", "day"]].assign(
        density_per_um=0.4, formation_fraction=0.123456, elimination_fraction=0.214321
    )
    table.loc[table["day"] == -3, ["formation_fraction", "elimination_fraction"]] = np.nan
    table.loc[(table["dendrite"] == "d1") & (table["day"] == -1), table.columns[5:]] = np.nan
    table.loc[(table["dendrite"] == "d2") & (table["day"] == 3), "density_per_um"] = 0.5
    found = dendrite_table(read(table, tmp_path))
    formation = found[found["quantity"] == "formation_fraction"]
    assert formation["value"].to_numpy() == pytest.approx(0.123456)
    assert formation.groupby("dendrite")["end_day"].apply(list).to_dict() == {
        "lab/saline/m0/0": [-1.0, 1.0, 3.0],
        "lab/saline/m0/1": [3.0],  # day 1 follows day -3, over twice the time
        "lab/saline/m0/2": [-1.0, 1.0, 3.0],
    }
    density = found[(found["quantity"] == "density_change") & (found["end_day"] == 3)]
    assert density["value"].to_numpy() == pytest.approx([0, 0, 0.25])


def test_one_experiment_at_a_time(tmp_path):
    several = read(counts(), tmp_path).expand_dims(replicate=2)
    with pytest.raises(FitError, match=r"observations.isel\(replicate=0\)"):
        dendrite_table(several)


def test_flagged_dendrites_are_left_out(tmp_path):
    table = counts().assign(damaged=0)
    table.loc[(table["dendrite"] == "d0") & (table["day"] == 3), "damaged"] = 1
    observations = read(table, tmp_path)
    assert (conventional_analysis(observations).table["n_dendrites"] == 24).all()
    assert (conventional_analysis(observations, without=["damaged"]).table["n_dendrites"] == 20).all()


def test_arms_and_their_controls(tmp_path):
    rows = [
        ("lab", "saline"), ("lab", "DOI"), ("lab", "ketanserin"), ("lab", "ketanserin+psilocybin"),
        ("alone", "saline"), ("other", "psilocybin"),
        ("shaoliao2025_ko", "saline"), ("shaoliao2025_ko", "saline+knock-out"), ("shaoliao2025_ko", "psilocybin"),
        ("shaoliao2025_ko", "psilocybin+knock-out"),
    ]  # fmt: skip
    pairs, notes = pairs_of(pd.DataFrame(rows, columns=["study", "arm"]))
    assert {(pair.arm, pair.control) for pair in pairs} == {
        ("DOI", "saline"), ("ketanserin+psilocybin", "ketanserin"), ("psilocybin", "saline"),
        ("psilocybin+knock-out", "saline+knock-out"),
    }  # fmt: skip
    assert {pair.dose_day for pair in pairs} == {0.0}
    assert notes == [
        "alone has no arm with a drug, so the conventional analysis has nothing to compare",
        "other has no arm without a drug, so the conventional analysis has nothing to compare",
    ]
    empty = conventional_analysis(read(counts(arms=("saline",)), tmp_path))
    assert len(empty.table) == 0
    assert "nothing to compare" in empty.notes[0]


def test_without_statsmodels_one_line_says_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "statsmodels", None)
    found = conventional_analysis(read(counts(), tmp_path))
    assert found.notes == [mixed_models.INSTALL]
    assert "pip install 'synmodel[data]'" in found.notes[0]
    assert "\n" not in found.notes[0]
    assert found.table["mixed_difference"].isna().all()
    assert found.table["welch_p"].between(0, 1).all()
    assert found.table["hedges_g"].isna().all()
    document = conventional_document(found)
    assert found.notes[0] in document["notes"]
    assert len(conventional_tables(document)) == 2


def test_what_the_model_expects_by_its_moments(tmp_path):
    """Over the first interval gains are the new spines that survive it, and losses those of the first composition."""
    rows = counts(dendrites=12)
    rows = rows[rows["day"] > -3]  # so that the first interval holds the dose
    rows.loc[rows["day"] == -1, ["gained", "lost"]] = ""
    problem = DendriteProblem(read(rows, tmp_path), "formation")
    vector = problem.parameters.replace({"psilocybin.formation_fold": 3.0}).pack(problem.free)
    expected = {}
    for arm, _, courses in problem.courses(vector):
        gain = float(np.mean(arm.shown.length_um / arm.shown.n) * courses.newborn[0, 0].sum())
        loss = float(courses.composition[0, 0] @ courses.lost[0, 0])
        expected[arm.arm] = {"formation_fraction": gain, "elimination_fraction": loss, "density_change": gain - loss}
    table = pd.DataFrame(
        [("lab", "psilocybin", "saline", name, -1.0, 1.0) for name in expected["saline"]],
        columns=["study", "arm", "control", "quantity", "start_day", "end_day"],
    )
    wanted = [expected["psilocybin"][name] - expected["saline"][name] for name in table["quantity"]]
    assert wanted[0] > 0.03, "the drug does something"
    found = expected_differences(problem, vector, table, seed=1)
    np.testing.assert_allclose(found["model_difference"], wanted, atol=0.005)
    assert (found[["model_dendrites", "model_dendrites_control"]] == 48).all(axis=None)
    for other in (table.assign(arm="ketamine"), table.assign(end_day=2.0), table[:2].assign(start_day=-3.0)):
        none = expected_differences(problem, vector, other, seed=1, draws=2)
        assert none["model_difference"].isna().all()
        assert (none["model_dendrites"] == 0).all()


def test_csv_and_json_hold_every_column(tmp_path):
    found = conventional_analysis(read(counts(), tmp_path))
    lines = conventional_csv(found).splitlines()
    assert lines[0] == ",".join(COLUMNS)
    assert len(lines) == 1 + len(found.table)
    document = conventional_document(found)
    assert list(document["columns"]) == list(COLUMNS) == list(document["rows"][0])
    assert all(set(entry) == {"unit", "long_name"} for entry in document["columns"].values())


@pytest.mark.parametrize("name", ["shao2021", "shaoliao2025"])
def test_means_of_mice_are_those_of_the_library(shared_data, name):
    observations = read_observations(shared_data / "tidy" / f"{name}_dendrites.csv").observations
    found = conventional_analysis(observations).table
    assert len(found) > 20
    for row in found.to_dict("records"):
        means = []
        for arm in (row["arm"], row["control"]):
            known: xr.Dataset = load_summaries(row["study"], arm)
            at = (known["quantity"] == row["quantity"]) & (known["end_day"] == row["end_day"])
            means.append(float(known["mouse_mean"][at.to_numpy()][0]))
        assert row["welch_difference"] == pytest.approx(means[0] - means[1], abs=2e-5)
        assert row["mixed_low"] < row["mixed_difference"] < row["mixed_high"]
