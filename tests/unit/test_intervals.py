"""What a scenario is expected to show, with the uncertainty of parameters."""

import numpy as np
import pytest

from synmodel.intervals import QUANTITIES, expected_statistics, scenario_draws
from synmodel.parameters import default_parameters
from synmodel.scenario import load
from synmodel.simulation import expectation

GAIN = "cascade.formation_gain"


class TwoDraws:
    """In place of a posterior."""

    def scenarios(self, n, _seed):
        yield from (default_parameters().replace({GAIN: 20.0 + 10.0 * at}) for at in range(n))


@pytest.fixture(scope="module")
def draws():
    return scenario_draws(TwoDraws(), 2, 1)


@pytest.fixture(scope="module")
def expected(draws):
    return expected_statistics(load("psilocybin-mouse"), draws=draws)


def test_each_draw_is_the_exact_expectation_at_its_parameters(draws, expected):
    assert expected["draw"].values.tolist() == [-1, 0, 1]
    for draw, parameters in zip([-1, 0, 1], [None, *draws], strict=True):
        exact = expectation("psilocybin-mouse", parameters)
        for name, field in QUANTITIES.items():
            np.testing.assert_array_equal(expected[name].sel(draw=draw), getattr(exact, field))
    assert float(expected["formation_fraction"].sel(draw=0)[1]) < float(expected["formation_fraction"].sel(draw=1)[1])


def test_the_control_is_the_same_tissue_without_doses(draws, expected):
    alone = load("psilocybin-mouse")
    regimen = alone.regimen.model_copy(update={"doses": ()}).model_dump(exclude_none=True)
    exact = expectation(alone.updated(regimen=regimen), draws[1])
    np.testing.assert_array_equal(expected["density_change_control"].sel(draw=1), exact.density_change)
    before = expected["end_day"] <= 0
    np.testing.assert_array_equal(
        expected["formation_fraction"].where(before, drop=True), expected["formation_fraction_control"][:, before]
    )


def test_without_a_drug_there_is_no_control():
    alone = expected_statistics(load("saline-mouse"))
    assert set(alone) == set(QUANTITIES)
    assert alone.sizes["draw"] == 1


def test_every_number_has_unit_and_name(expected):
    assert all(each.attrs["units"] == "1" and each.attrs["long_name"] for each in expected.values())
    assert expected["start_day"].attrs["units"] == "day"


def test_draws_of_no_possible_dendrite_are_left_out(draws):
    impossible = default_parameters().replace({"shao2021.formation": 3.0, "shao2021.loss_nascent": 0.02})
    seen = []
    kept = expected_statistics(
        load("psilocybin-mouse"), draws=[impossible, *draws], progress=lambda done, of: seen.append((done, of))
    )
    assert kept["draw"].values.tolist() == [-1, 1, 2]
    assert seen[-1] == (3, 3)
