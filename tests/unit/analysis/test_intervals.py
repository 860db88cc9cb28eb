"""What a scenario, or every cell of a sweep, is expected to show, with the uncertainty of parameters."""

import numpy as np
import pytest

from synmodel.analysis.intervals import QUANTITIES, expected_statistics, scenario_draws, with_ends
from synmodel.analysis.sweeps import expected_cells, plan_of
from synmodel.analysis.sweeps.factors import without_doses
from synmodel.library.parameters import default_parameters
from synmodel.scenario import load
from synmodel.simulation import expectation

GAIN = "cascade.formation_gain"
DOSE = "scenario.regimen.doses[0].amount"


class TwoDraws:
    """In place of a posterior."""

    def scenarios(self, n, _seed):
        yield from (default_parameters().replace({GAIN: 20.0 + 10.0 * at}) for at in range(n))


@pytest.fixture(scope="module")
def draws():
    return scenario_draws(TwoDraws(), 2, 1)


@pytest.fixture(scope="module")
def plan():
    return load("psilocybin-mouse")


@pytest.fixture(scope="module")
def expected(plan, draws):
    return expected_statistics(plan, control=without_doses(plan), draws=draws)


def test_each_draw_is_the_exact_expectation_at_its_parameters(plan, draws, expected):
    assert expected["draw"].values.tolist() == [-1, 0, 1]
    for draw, parameters in zip([-1, 0, 1], [None, *draws], strict=True):
        exact, alone = expectation(plan, parameters), expectation(without_doses(plan), parameters)
        for name, field in QUANTITIES.items():
            own = expected.isel(draw=draw + 1).sel(point=expected["quantity"] == name)
            np.testing.assert_array_equal(own["expected"], getattr(exact, field))
            np.testing.assert_array_equal(own["contrast"], getattr(exact, field) - getattr(alone, field))
    gained = expected["expected"].sel(point=expected["quantity"] == "formation_fraction")
    assert float(gained.sel(draw=0)[1]) < float(gained.sel(draw=1)[1])


def test_before_the_dose_there_is_no_difference(expected):
    before = expected["contrast"].sel(point=expected["end_day"] <= 0)
    assert before.size
    assert np.all(before == 0)


def test_changes_of_density_are_from_the_first_session(expected):
    density = expected.sel(point=expected["quantity"] == "density_change")
    assert set(density["start_day"].values.tolist()) == {-3.0}
    assert density["end_day"].values.tolist() == [-1, 1, 3, 5, 7, 34]


def test_without_a_control_there_is_no_contrast():
    alone = expected_statistics(load("saline-mouse"))
    assert set(alone) == {"expected"}
    assert alone.sizes["draw"] == 1
    assert np.isnan(with_ends(alone["expected"].to_numpy())[1:]).all()


def test_ends_are_quantiles_of_the_draws_and_not_of_the_estimate():
    values = np.r_[100.0, np.arange(101.0)][:, None]
    assert with_ends(values)[:, 0] == pytest.approx([100.0, 2.5, 97.5])


def test_every_number_has_unit_and_name(expected):
    assert all(each.attrs["units"] == "1" and each.attrs["long_name"] for each in expected.values())
    assert expected["start_day"].attrs["units"] == "day"


def test_draws_of_no_possible_dendrite_are_left_out(plan, draws):
    impossible = default_parameters().replace({"shao2021.formation": 3.0, "shao2021.loss_nascent": 0.02})
    seen = []
    kept = expected_statistics(plan, draws=[impossible, *draws], progress=lambda done, of: seen.append((done, of)))
    assert kept["draw"].values.tolist() == [-1, 1, 2]
    assert seen[-1] == (3, 3)


def test_cells_of_a_sweep_have_the_intervals_of_their_scenarios(draws):
    sweep = plan_of("psilocybin-mouse", grid={DOSE: [0.3, 1.0]}, replicates=1, seed=1)
    cells = expected_cells(sweep, draws)
    assert cells["expected"].dims == ("scenario", "amount", "point")
    assert cells["amount"].values.tolist() == [0.3, 1.0]
    one = expected_statistics(sweep.cell(1).scenario, control=sweep.cell(1).control, draws=draws)
    ends = with_ends(one["contrast"].to_numpy())
    for end, row in zip(("", "_low", "_high"), ends, strict=True):
        known = cells[f"contrast{end}"].isel(scenario=0, amount=1).dropna("point")
        order = {tuple(key): x for *key, x in zip(*(one[n].values.tolist() for n in KEYS), row, strict=True)}
        got = zip(*(known[n].values.tolist() for n in KEYS), strict=True)
        np.testing.assert_array_equal(known, [order[key] for key in got])
        assert known.sizes["point"] == len(row)
    assert np.isnan(cells["expected"]).any()  # head width has no exact mean here
    gained = cells["expected"].isel(scenario=0).sel(point=cells["quantity"] == "formation_fraction")
    assert float(gained[0, 1]) < float(gained[1, 1])


KEYS = ("quantity", "start_day", "end_day")


def test_a_level_of_a_cell_has_no_uncertainty(draws):
    sweep = plan_of("psilocybin-mouse", grid={GAIN: [30.0]}, replicates=1, seed=1, control="none")
    cells = expected_cells(sweep, draws)
    known = np.isfinite(cells["expected_low"])
    assert set(cells) == {"expected", "expected_low", "expected_high"}
    np.testing.assert_array_equal(cells["expected_low"].where(known), cells["expected_high"].where(known))
