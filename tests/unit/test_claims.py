"""The table that compares the drugs: each cell follows from its numbers."""

from dataclasses import replace

import numpy as np
import pytest

from synmodel.claims import RECEPTORS, compared
from synmodel.comparison import contrasts
from synmodel.embedded import embedded_arms
from synmodel.inference.readings import Reading


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
