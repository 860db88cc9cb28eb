"""What must hold of head twitches whatever the numbers."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from synmodel.imaging.head_twitches import HeadTwitches, cumulated, relative_rate, twitch_rate
from synmodel.pharmacology.binding import gaddum

TIMES = np.linspace(0.0, 60.0, 121) / 1440
UPTAKE = np.exp(-TIMES * 1440 / 40) - np.exp(-TIMES * 1440 / 2)
positive = st.floats(0.01, 100.0)
assays = st.builds(
    HeadTwitches,
    baseline=st.floats(0.0, 2000.0),
    maximum=st.floats(0.0, 1e5),
    exponent=st.floats(0.3, 4.0),
    fading=st.floats(0.0, 300.0),
)


def course(dose, antagonist=0.0):
    return gaddum(dose * UPTAKE, antagonist * np.ones_like(UPTAKE))


@given(assay=assays, dose=st.floats(0.0, 1e4))
def test_the_rate_is_never_below_baseline(assay, dose):
    assert np.all(twitch_rate(assay, TIMES, course(dose)) >= assay.baseline)


@given(assay=assays)
def test_without_drug_or_receptor_the_rate_is_the_baseline(assay):
    assert np.all(twitch_rate(assay, TIMES, np.zeros_like(TIMES)) == assay.baseline)


@given(dose=positive, more=st.floats(1.0, 10.0), exponent=st.floats(1.0, 4.0), fading=st.floats(0.0, 300.0))
@settings(max_examples=50)
def test_more_drug_gives_more_twitches(dose, more, exponent, fading):
    few, many = (
        cumulated(TIMES, relative_rate(TIMES, course(each), exponent, fading))[-1] for each in (dose, more * dose)
    )
    assert many >= few * (1 - 1e-3)  # of the trapezium rule


@given(dose=positive, antagonist=st.floats(0.0, 1e3), more=st.floats(1.0, 10.0), fading=st.floats(0.0, 300.0))
def test_more_antagonist_gives_fewer_twitches(dose, antagonist, more, fading):
    numbers = [
        cumulated(TIMES, relative_rate(TIMES, course(dose, each), 1.0, fading))[-1]
        for each in (antagonist, more * antagonist)
    ]
    assert numbers[1] <= numbers[0] * (1 + 1e-3)


@given(dose=positive, exponent=st.floats(0.5, 4.0), fading=st.floats(0.0, 300.0))
def test_full_block_leaves_nothing(dose, exponent, fading):
    blocked = relative_rate(TIMES, course(dose, 1e12), exponent, fading)
    assert np.all(blocked <= 1e-4)


@given(dose=positive, fading=st.floats(0.1, 300.0))
def test_a_linear_rate_integrates_to_the_closed_form(dose, fading):
    fine = np.linspace(0.0, TIMES[-1], 4001)
    agonism = np.interp(fine, TIMES, course(dose))
    number = cumulated(fine, relative_rate(fine, agonism, 1.0, fading))[-1]
    used = cumulated(fine, agonism)[-1]
    np.testing.assert_allclose(number, -np.expm1(-fading * used) / fading, rtol=1e-5)
