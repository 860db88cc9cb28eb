"""The table that compares the drugs: each cell follows from its numbers."""

from dataclasses import replace

import numpy as np
import pytest

from synmodel.claims import compared, ketanserin_share
from synmodel.comparison import DRUGS, contrasts


@pytest.fixture(scope="module")
def tables(fit):
    return {drug: contrasts(fit, drug, draws=300, seed=1)[0] for drug in DRUGS}


@pytest.fixture(scope="module")
def cells(fit, tables):
    return compared(fit, tables, seed=1)


def of(cells, feature, drug):
    return next(cell for cell in cells if (cell.feature, cell.drug) == (feature, drug))


def test_every_feature_has_a_cell_for_every_drug(cells):
    features = {cell.feature for cell in cells}
    assert len(features) == 4
    assert {(cell.feature, cell.drug) for cell in cells} == {(f, drug) for f in features for drug in DRUGS}
    for cell in cells:
        assert cell.reason
        assert cell.numbers
        for number in cell.numbers:
            assert np.isfinite(number.estimate), number
            assert np.isnan(number.low) or number.low <= number.estimate <= number.high
            assert np.isfinite(number.low) or "no interval" in number.note


def test_what_the_embedded_studies_say(cells):
    said = {(cell.feature, cell.drug): cell.support for cell in cells}
    assert said["effect on spine density", "ketamine"] == "supported"
    assert said["effect on spine density", "psilocybin"] == "supported"
    assert said["onset", "ketamine"] == "not identifiable"
    assert said["onset", "psilocybin"] == "supported"
    assert said["duration", "psilocybin"] == "supported in part"
    assert said["primary target", "psilocybin"] == "not identifiable"


def test_support_follows_the_intervals(fit, tables):
    """Planted numbers on the other side, or around no effect, turn the cell."""

    def support(low, high):
        planted = {name: replace(tables["psilocybin"][name], low=low, high=high, estimate=(low + high) / 2)
                   for name in ("extra_spines_day_7", "head_width_gain_day_1")}  # fmt: skip
        changed = {**tables, "psilocybin": {**tables["psilocybin"], **planted}}
        return of(compared(fit, changed, seed=1), "effect on spine density", "psilocybin").support

    assert support(1.0, 2.0) == "supported"
    assert support(-1.0, 2.0) == "not identifiable"
    assert support(-2.0, -1.0) == "contradicted"


def test_what_ketanserin_removes_is_found(fit):
    """Nothing in the published arms; where ketanserin is made to matter in the targets, a share."""
    share = ketanserin_share(fit, seed=1)
    assert share.estimate < 1
    assert share.low == pytest.approx(0, abs=1e-6)
    assert 5 < share.high < 40
    swapped = []
    for target in fit.problem.arms:
        if target.arm.name == "ketanserin+psilocybin":  # as if ketanserin had removed all: the data of ketanserin alone
            other = next(each for each in fit.problem.arms if each.arm.name == "ketanserin+saline")
            target = replace(target, turnover=other.turnover, head_width=other.head_width)
        swapped.append(target)
    problem = type(fit.problem)(
        fit.problem.parameters, fit.problem.free, fit.problem.studies, unit=fit.problem.unit, targets=swapped
    )
    blocked = ketanserin_share(replace(fit, problem=problem), seed=1)
    assert blocked.low > 50
