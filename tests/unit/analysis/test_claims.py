"""The table that compares the drugs: each cell follows from its numbers."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from synmodel import library
from synmodel.analysis.claims import RECEPTORS, compared
from synmodel.analysis.comparison import Contrast, contrasts
from synmodel.analysis.embedded import embedded_arms
from synmodel.analysis.own_arms import against_own_arms
from synmodel.inference.summaries.readings import Reading


@pytest.fixture(scope="module")
def tables(fit):
    return {drug: contrasts(fit, drug, draws=100, seed=1)[0] for drug in embedded_arms()}


def readings(**evidence):
    return [{"name": Reading(receptor=name).name, "log_evidence": evidence.get(name, 0.0)} for name in RECEPTORS]


@pytest.fixture(scope="module")
def cells(fit, tables):
    return compared(fit, tables, readings())


def of(cells, feature, drug):
    return next(cell for cell in cells if (cell.feature, cell.drug) == (feature, drug))


def test_every_feature_has_a_cell_for_every_drug(cells):
    features = {cell.feature for cell in cells}
    assert len(features) == 4
    assert {(cell.feature, cell.drug) for cell in cells} == {(f, drug) for f in features for drug in embedded_arms()}
    for cell in cells:
        assert cell.reason
        assert cell.numbers
        for number in cell.numbers:
            assert np.isfinite(number.estimate), number
            assert np.isnan(number.low) or number.low <= number.high
            assert np.isfinite(number.low) or "Laplace" in number.note


def test_what_no_session_shows_is_not_identifiable(cells):
    said = {(cell.feature, cell.drug): cell.support for cell in cells}
    assert said["onset", "ketamine"] == "not identifiable"
    assert said["primary target", "ketamine"] == "not identifiable"
    assert said["effect on spine density", "psilocybin"] == "supported"


@pytest.mark.slow
def test_support_follows_the_intervals(fit, tables):
    """Planted numbers on the other side, or around no effect, turn the cell."""

    def support(low, high):
        planted = {name: replace(tables["psilocybin"][name], low=low, high=high, estimate=(low + high) / 2)
                   for name in ("extra_spines_day_7", "head_width_gain_day_1")}  # fmt: skip
        changed = {**tables, "psilocybin": {**tables["psilocybin"], **planted}}
        return of(compared(fit, changed, readings()), "effect on spine density", "psilocybin").support

    assert support(1.0, 2.0) == "supported"
    assert support(-1.0, 2.0) == "not identifiable"
    assert support(-2.0, -1.0) == "contradicted"


@pytest.mark.parametrize(
    ("evidence", "support"),
    [
        ({"TrkB": -10.0}, "supported"),
        ({"TrkB": 10.0}, "contradicted"),
        ({"TrkB": -1.0}, "not identifiable"),
    ],
)
def test_the_target_of_psilocybin_follows_the_evidence(fit, tables, evidence, support):
    cell = of(compared(fit, tables, readings(**evidence)), "primary target", "psilocybin")
    assert cell.support == support
    assert "ln evidence" in cell.reason


def test_an_arm_that_shows_the_opposite_is_told(fit):
    """Ketamine's arm lost more than its control, by the published means; the fit says that elimination falls."""
    found = against_own_arms(fit, with_folds(formation=(1.8, 1.4, 2.6), elimination=(0.65, 0.46, 0.87)))
    (entry,) = [each for each in found if each["drug"] == "ketamine"]
    assert entry["effect"] == "elimination"
    published = pd.read_csv(library.summaries_path())
    rows = published[(published["study"] == "phoumthipphavong2016") & (published["quantity"] == "elimination_fraction")]
    for key, rows_then in (("before", rows[rows["end_day"] < 0]), ("observed", rows[rows["end_day"] > 0])):
        for arm, seen in zip(("ketamine", "saline"), entry[key], strict=True):
            assert seen == pytest.approx(rows_then[rows_then["arm"] == arm]["mean"].mean())
    assert "28.7 % against 18.2 % per interval (before it 25.2 % and 22.7 %;" in entry["line"]
    assert "\n" not in entry["line"]


def test_nothing_is_told_where_the_fit_is_not_sure_or_agrees(fit):
    unsure = with_folds(formation=(1.8, 1.4, 2.6), elimination=(0.65, 0.46, 1.05))
    agrees = with_folds(formation=(1.8, 1.4, 2.6), elimination=(1.3, 1.1, 1.5))
    for folds in (unsure, agrees):
        assert not [each for each in against_own_arms(fit, folds) if each["drug"] == "ketamine"]
    opposite = with_folds(formation=(0.8, 0.7, 0.9), elimination=(1.3, 1.1, 1.5))
    told = {(each["drug"], each["effect"]) for each in against_own_arms(fit, opposite)}
    assert {("ketamine", "formation"), ("psilocybin", "formation")} <= told


def with_folds(**effects):
    """Contrasts of both drugs with these folds."""
    names = {"formation": "formation_peak_fold", "elimination": "elimination_lowest_fold"}
    table = {names[effect]: Contrast(effect, *bounds, "1") for effect, bounds in effects.items()}
    return dict.fromkeys(embedded_arms(), table)
