"""Plans against simulation: moments of mice, the law of Welch's t, and days whose optimum is known."""

import numpy as np
import pytest
from level import Z_BOUND, agrees, z_of_covariance, z_of_mean

from synmodel.analysis.planning.arms import Arms
from synmodel.analysis.planning.days import best_days
from synmodel.analysis.planning.effects import parse_effect
from synmodel.analysis.planning.outcome import DendriteOutcome
from synmodel.analysis.planning.power import contrast_of, welch_power
from synmodel.analysis.planning.simulated import dendrite_outcomes, of_mice
from synmodel.imaging.power import welch_rejects
from synmodel.scenario import load

DAYS = (-3.0, -1.0, 2.0, 7.0)
DENDRITES, MICE = 6, 6000
SPREAD = {"shao2021.formation_cv_animal": 0.3, "shao2021.formation_cv_dendrite": 0.3}
OUTCOMES = [DendriteOutcome(quantity, "change", 0.0, 7.0) for quantity in ("formation", "elimination")]


def arms():
    plans = [load(name).updated(parameters=SPREAD) for name in ("psilocybin-mouse", "saline-mouse")]
    return Arms(*plans, (parse_effect("formation=2.5"), parse_effect("elimination=0.5")))


@pytest.fixture(scope="module")
def mice():
    """Means of mice, (mouse, outcome)."""
    both = arms()
    plan, drive = both.planned(DAYS, 6, DENDRITES)[0], both.drives(DAYS)[0]
    values = dendrite_outcomes(plan, OUTCOMES, replicates=(0, MICE // 6), seed=7, drive=drive)
    return np.column_stack([of_mice(each).ravel() for each in values])


@pytest.mark.parametrize("planted", [1.0, 1.05])
def test_moments_of_mice(mice, planted):
    """Exact means, and variances whose only approximation is the correlation of ratios within a dendrite."""
    moments = arms().courses(DAYS)[0].moments(DAYS)
    weights = np.array([each.weights(DAYS) for each in OUTCOMES])
    mean, covariance = weights @ moments.mean, weights @ moments.of_mouse(DENDRITES) @ weights.T
    z = z_of_mean(mice, planted * mean, np.diag(covariance))
    spread = [z_of_covariance(mice[:, i], mice[:, i], planted**2 * covariance[i, i]) for i in range(2)]
    if planted == 1.0:
        assert agrees(z)
        assert agrees(np.array(spread))
    else:
        assert not (agrees(z) and agrees(np.array(spread)))


@pytest.mark.parametrize(("mice", "ratio"), [(3, 1.0), (4, 3.0), (9, 0.5)])
@pytest.mark.parametrize("planted", [1.0, 1.05])
def test_the_power_of_welch(mice, ratio, planted):
    n, rng = 200_000, np.random.default_rng(5)
    variances, difference = (1.0, ratio), 3.0 * np.sqrt((1.0 + ratio) / mice)
    samples = [np.sqrt(v) * rng.standard_normal((n, mice)) for v in variances]
    share = welch_rejects(samples[0] + difference, samples[1]).mean()
    power = welch_power(np.array([planted * difference]), tuple(np.array([v]) for v in variances), mice)[0]
    close = abs(share - power) < Z_BOUND * np.sqrt(power * (1 - power) / n)
    assert close == (planted == 1.0)


@pytest.mark.slow
@pytest.mark.parametrize(("effect", "measure", "mice"), [("formation=2.5", "level", 5), ("formation=2.5", "change", 9)])
def test_power_of_simulated_studies(effect, measure, mice):
    """2,000 studies, simulated and analysed, against power without simulation."""
    plans = [load(name).updated(parameters=SPREAD) for name in ("psilocybin-mouse", "saline-mouse")]
    both, outcome, n = Arms(*plans, (parse_effect(effect),)), DendriteOutcome("formation", measure, 0.0, 7.0), 2000
    power = contrast_of([both], DAYS, DAYS, outcome).power(mice, DENDRITES)
    plans, drives = both.planned(DAYS, mice, DENDRITES), both.drives(DAYS)
    treated, control, again = (
        of_mice(dendrite_outcomes(plans[at], [outcome], replicates=(place * n, n), seed=3, drive=drives[at])[0])
        for place, at in enumerate((0, 1, 1))
    )
    assert abs(welch_rejects(treated, control).mean() - power) < Z_BOUND * np.sqrt(power * (1 - power) / n)
    assert abs(welch_rejects(again, control).mean() - 0.05) < Z_BOUND * np.sqrt(0.05 * 0.95 / n)


@pytest.mark.parametrize("planted", [1.0, 1.05])
def test_days_of_an_exponential_decay(planted):
    """D-optimal days of amplitude and time constant of a decay are 0 and the time constant itself."""
    constant = 6.0

    def criterion(days):
        t = np.array(days)
        slopes = np.column_stack([np.exp(-t / (planted * constant)), t * np.exp(-t / (planted * constant))])
        return -float(np.linalg.slogdet(slopes.T @ slopes)[1])

    days, _ = best_days(criterion, np.round(np.arange(0.0, 30.0, 0.1), 10), 2)
    assert (days == (0.0, constant)) == (planted == 1.0)
