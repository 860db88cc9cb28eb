"""The likelihood against simulated histories, by chi-square.

Histories come from the events engine, which follows every spine and knows neither transition matrices nor
newborn means. Cells are chosen by what is expected, not by what was seen; all others are one cell.
"""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from level import agrees, z_of_mean
from scipy.special import ndtri
from scipy.stats import binom, chi2, multinomial, nbinom, poisson

from synmodel.inference import (
    LossFrailty,
    animals_log_likelihood,
    counts_log_likelihood,
    histories_log_likelihood,
)
from synmodel.turnover import TurnoverModel, propagate, simulate, trace
from synmodel.turnover.initial import Initial
from synmodel.turnover.start import start_of

TWO = TurnoverModel(("nascent", "mature"), 0.9, [[0, 0.35], [0.1, 0]], [0.5, 0.08])
THREE = TurnoverModel(
    ("filopodium", "thin", "mushroom"),
    (0.8, 0.2, 0.0),
    [[0, 0.5, 0.05], [0.1, 0, 0.2], [0, 0.05, 0]],
    [1.2, 0.25, 0.03],
)
FAST = TurnoverModel(("nascent", "mature"), 1.0, [[0, 0.4], [0.1, 0]], [0.8, 0.25])
"""From no spines it is at balance, to 1e-7, within 50 days."""
DRIVE = xr.Dataset(
    {
        "formation": ("time", [2.5, 1.4]),
        "maturation": ("time", [3.0, 0.5]),
        "elimination": ("time", [0.4, 1.6]),
    },
    {"time": [2.0, 3.7]},
)
TIMES = [0.0, 1.5, 3.0, 5.0]
LARGEST = 32

SIZES = [
    pytest.param(200_000, id="2e5"),
    pytest.param(2_000_000, id="2e6", marks=pytest.mark.long),
]


def histories_with_classes(model, composition, n0, replicates, seed, **options):
    """Gains and losses (history, interval) with the classes of n0 first spines drawn from a composition."""
    kinds = np.array([x for x in np.ndindex(*[n0 + 1] * model.n_class) if sum(x) == n0])
    number = np.random.default_rng(seed).multinomial(replicates, multinomial.pmf(kinds, n0, composition))
    parts = [
        simulate(model, initial=kind, times=TIMES, replicates=size, engine="events", seed=1000 * seed + i, **options)
        for i, (kind, size) in enumerate(zip(kinds.tolist(), number.tolist(), strict=True))
        if size
    ]
    return tuple(np.concatenate([part[name].to_numpy()[:, 0] for part in parts]) for name in ("gained", "lost"))


def cells_of(n_interval, most_gained, most_lost):
    """All gains and losses up to a largest number, (cell, interval) each."""
    axes = [np.arange(most_gained + 1)] * n_interval + [np.arange(most_lost + 1)] * n_interval
    grid = np.stack([axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")], axis=1)
    return grid[:, :n_interval], grid[:, n_interval:]


def codes(gained, lost):
    columns = np.clip(np.concatenate([gained, lost], axis=1), 0, LARGEST - 1).astype(np.int64)
    return columns @ LARGEST ** np.arange(columns.shape[1])


def pearson(cells, log_p, gained, lost):
    """Statistic and degrees of freedom of histories against the probabilities of cells."""
    expected = len(gained) * np.exp(log_p)
    kept = expected >= 10
    seen, number = np.unique(codes(gained, lost), return_counts=True)
    wanted = codes(*cells)[kept]
    place = np.minimum(np.searchsorted(seen, wanted), len(seen) - 1)
    observed = np.where(seen[place] == wanted, number[place], 0)
    observed = np.append(observed, len(gained) - observed.sum())
    expected = np.append(expected[kept], len(gained) - expected[kept].sum())
    assert expected[-1] >= 10
    return ((observed - expected) ** 2 / expected).sum(), len(expected) - 1


def accepted(statistic, freedom):
    p = chi2.sf(statistic, freedom)
    print(f"chi2 {statistic:.1f} on {freedom}, p = {p:.3g}")
    return 0.001 < p < 0.999


def likelihood(model, cells, n0, **options):
    gained, lost = cells
    design = {"times": TIMES, "drive": DRIVE, **options}
    return counts_log_likelihood(model, n0=np.full(len(gained), n0), gained=gained, lost=lost, **design)


def plug_in(model, cells, n0, composition):
    """The usual shortcut: elimination is binomial with the mean elimination probability of a spine that is there."""
    steps = propagate(model, np.array(TIMES), DRIVE)
    gained, lost = cells
    n, mean, log_p = np.full(len(gained), n0), n0 * np.asarray(composition), 0.0
    for i in range(len(TIMES) - 1):
        log_p = log_p + binom.logpmf(lost[:, i], n, steps.lost[i] @ mean / mean.sum())
        log_p = log_p + poisson.logpmf(gained[:, i], steps.newborn[i].sum())
        n, mean = n + gained[:, i] - lost[:, i], mean @ steps.survival[i] + steps.newborn[i]
    return log_p


@pytest.mark.parametrize("replicates", SIZES)
@pytest.mark.parametrize("seed", [11, 12])
@pytest.mark.parametrize(
    ("model", "composition", "n0"), [(TWO, (0.3, 0.7), 4), (THREE, (0.2, 0.3, 0.5), 4)], ids=["two", "three"]
)
def test_counts(model, composition, n0, seed, replicates):
    gained, lost = histories_with_classes(model, composition, n0, replicates, seed, drive=DRIVE)
    cells = cells_of(3, 6, 5)
    exact = likelihood(model, cells, n0, composition=composition)
    assert accepted(*pearson(cells, exact, gained, lost))
    assert not accepted(*pearson(cells, plug_in(model, cells, n0, composition), gained, lost))
    for planted in (
        {"elimination": [1.05 * loss for loss in model.elimination]},
        {"formation": 1.05 * model.formation_rates},
    ):
        wrong = likelihood(replace(model, **planted), cells, n0, composition=composition)
        assert not accepted(*pearson(cells, wrong, gained, lost))


@pytest.mark.parametrize("replicates", SIZES)
@pytest.mark.parametrize("seed", [21, 22])
def test_formation_that_responds(seed, replicates):
    """Formation that differs between dendrites from the first session on."""
    model = replace(TWO, formation_cv_dendrite=0.7)
    gained, lost = histories_with_classes(model, (0.3, 0.7), 4, replicates, seed, drive=DRIVE)
    cells = cells_of(3, 8, 5)
    at = {"composition": (0.3, 0.7), "birth_effect": "response"}
    assert accepted(*pearson(cells, likelihood(model, cells, 4, **at), gained, lost))
    for wrong in (replace(model, formation_cv_dendrite=0.0), replace(model, formation_cv_dendrite=0.735)):
        assert not accepted(*pearson(cells, likelihood(wrong, cells, 4, **at), gained, lost))


def grown(model, replicates, seed, times=(0.0, 1.0, 2.5)):
    """Number at the first session, gains and losses of dendrites that grew from no spines."""
    out = simulate(
        model,
        initial=[0] * model.n_class,
        times=[-50.0, *times],
        replicates=replicates,
        drive=DRIVE,
        engine="events",
        seed=seed,
        threads=1 if replicates < 10_000 else None,
    )
    return out["count"].to_numpy()[:, 0, 1].sum(axis=1), *(
        out[name].to_numpy()[:, 0, 1:] for name in ("gained", "lost")
    )


def given_start(sample, cells, log_p):
    """Chi-square of histories within each number at the first session, summed over the usual numbers."""
    n0, gained, lost = sample
    parts = [pearson(cells, log_p(n), gained[n0 == n], lost[n0 == n]) for n in range(1, 7)]
    return tuple(np.sum(parts, axis=0))


@pytest.mark.parametrize("replicates", SIZES)
@pytest.mark.parametrize("seed", [31, 32])
def test_formation_that_differs_for_ever(seed, replicates):
    """The number at the first session tells of the formation of a dendrite."""
    model = replace(FAST, formation_cv_dendrite=0.7)
    sample = grown(model, replicates, seed)
    cells, times = cells_of(2, 10, 8), [0.0, 1.0, 2.5]

    def accepts(model, effect="lasting"):
        return accepted(
            *given_start(sample, cells, lambda n: likelihood(model, cells, n, times=times, birth_effect=effect))
        )

    assert accepts(model)
    assert not accepts(model, "response")
    assert not accepts(replace(model, elimination=[1.05 * loss for loss in model.elimination]))


def quantile_strata(log_sd, strata):
    """Multipliers at the middles of equally probable strata of the log-normal law of mean 1."""
    return np.exp(log_sd * ndtri((np.arange(strata) + 0.5) / strata) - log_sd**2 / 2)


@pytest.mark.parametrize("replicates", SIZES)
@pytest.mark.parametrize("seed", [41, 42])
def test_elimination_that_differs_for_ever(seed, replicates):
    strata = quantile_strata(0.6, 400 if replicates < 1e6 else 1000)
    samples = [
        grown(
            replace(FAST, elimination=[z * loss for loss in FAST.elimination]),
            replicates // len(strata),
            5000 * seed + i,
        )
        for i, z in enumerate(strata.tolist())
    ]
    sample = tuple(np.concatenate(parts) for parts in zip(*samples, strict=True))
    cells, times = cells_of(2, 8, 8), [0.0, 1.0, 2.5]

    def accepts(model, frailty):
        return accepted(
            *given_start(sample, cells, lambda n: likelihood(model, cells, n, times=times, frailty=frailty))
        )

    assert accepts(FAST, LossFrailty(0.6))
    assert accepts(FAST, LossFrailty(0.6, nodes=21))
    assert not accepts(FAST, LossFrailty(0.6, "response"))
    assert not accepts(FAST, None)
    assert not accepts(replace(FAST, formation=1.05 * FAST.formation_rates), LossFrailty(0.6))


@pytest.mark.parametrize("replicates", SIZES)
@pytest.mark.parametrize("seed", [51, 52])
def test_elimination_that_responds(seed, replicates):
    """From fixed numbers at the first session on, elimination differs between dendrites."""
    strata = quantile_strata(0.6, 200 if replicates < 1e6 else 1000)
    composition, n0 = (0.3, 0.7), 4
    samples = [
        histories_with_classes(
            replace(TWO, elimination=[z * loss for loss in TWO.elimination]),
            composition,
            n0,
            replicates // len(strata),
            5000 * seed + i,
            drive=DRIVE,
            threads=1,
        )
        for i, z in enumerate(strata.tolist())
    ]
    gained, lost = (np.concatenate(parts) for parts in zip(*samples, strict=True))
    cells = cells_of(3, 6, 5)

    def accepts(frailty):
        return accepted(
            *pearson(cells, likelihood(TWO, cells, n0, composition=composition, frailty=frailty), gained, lost)
        )

    assert accepts(LossFrailty(0.6, "response"))
    assert not accepts(LossFrailty(0.6, "lasting"))
    assert not accepts(None)


@pytest.mark.parametrize("seed", [61, 62])
def test_two_dendrites_of_one_animal(seed):
    """Starts and gains of two dendrites tell of one animal; a dendrite's own variation is on top."""
    model = replace(FAST, formation_cv_animal=0.6, formation_cv_dendrite=0.4)
    out = simulate(
        model, initial=[0, 0], times=[-50, 0, 2], replicates=400_000, dendrites=2, engine="events", seed=seed
    )
    n0 = out["count"].to_numpy()[:, :, 1].sum(axis=2)
    gained, lost = (out[name].to_numpy()[:, :, 1] for name in ("gained", "lost"))
    cells = cells_of(2, 7, 4)  # the two columns are two dendrites
    animal = np.repeat(np.arange(len(cells[0])), 2)

    def accepts(model, **options):
        parts = []
        for start in ((2, 2), (3, 5), (4, 1)):
            log_p = animals_log_likelihood(
                model,
                n0=np.tile(start, len(cells[0])),
                gained=cells[0].reshape(-1, 1),
                lost=cells[1].reshape(-1, 1),
                times=[0.0, 2.0],
                animal=animal,
                **options,
            )
            mine = (n0 == start).all(axis=1)
            parts.append(pearson(cells, log_p, gained[mine], lost[mine]))
        return accepted(*np.sum(parts, axis=0))

    assert accepts(model)
    assert not accepts(replace(model, formation_cv_animal=0.0, formation_cv_dendrite=model.formation_cv))
    assert not accepts(model, birth_effect="response")


def rows_of_spines(model, seed, times, replicates=60_000):
    """Class (-1: absent) of every spine at every session, from dendrites at balance."""
    start = start_of(
        model,
        Initial(tuple(model.stationary().tolist()), poisson=True),
        replicates=np.arange(replicates),
        animals=1,
        dendrites=1,
        length_um=None,
        seed=seed,
    )
    return trace(model, start, np.array(times), seed=seed, drive=DRIVE)["spine_class"].to_numpy()


@pytest.mark.parametrize("miss", [(0.0, 0.0), (0.3, 0.1)], ids=["perfect", "missed"])
@pytest.mark.parametrize("seed", [71, 72])
def test_histories_of_spines(seed, miss):
    """Words of seen and not seen, of spines that were seen at least once."""
    classes = rows_of_spines(TWO, seed, TIMES)
    hit = np.append(1.0 - np.array(miss), 0.0)
    scored = np.random.default_rng(seed).random(classes.shape) < hit[classes]
    words = np.array([word for word in np.ndindex(2, 2, 2, 2) if any(word)])
    counted = np.bincount(scored @ 2 ** np.arange(4)[::-1], minlength=16)[1:]

    def accepts(model, miss):
        log_p = histories_log_likelihood(
            model, present=words, times=TIMES, drive=DRIVE, miss=miss, dendrite=np.arange(15)
        )
        assert np.exp(log_p).sum() == pytest.approx(1, abs=1e-12)
        possible = np.isfinite(log_p)
        assert (counted[~possible] == 0).all()
        expected = counted.sum() * np.exp(log_p[possible])
        return accepted(((counted[possible] - expected) ** 2 / expected).sum(), possible.sum() - 1)

    assert accepts(TWO, miss)
    assert not accepts(replace(TWO, elimination=[1.05 * loss for loss in TWO.elimination]), miss)
    assert not accepts(TWO, (miss[0] + 0.05, miss[1] + 0.01))


def test_the_product_form_has_mean_score_zero():
    """At the truth the log-likelihood ratio against a rate 5 % off has mean exp(ratio) = 1, and not in reverse."""
    classes = rows_of_spines(TWO, 81, TIMES, 20_000)
    present = (classes >= 0).astype(int)
    owner = np.cumsum((classes[:, 0] >= 0) & np.append(True, classes[:-1, 0] < 0)) - 1
    keep = present.any(axis=1)
    data = {"present": present[keep], "dendrite": owner[keep], "times": TIMES, "drive": DRIVE}
    wrong = replace(TWO, elimination=[1.05 * loss for loss in TWO.elimination], formation=1.05 * TWO.formation_rates)
    ratio = np.exp(histories_log_likelihood(wrong, **data) - histories_log_likelihood(TWO, **data))
    assert agrees(z_of_mean(ratio, np.ones(1), ratio.var()))
    assert not agrees(z_of_mean(1 / ratio, np.ones(1), (1 / ratio).var()))


def test_gains_of_one_animal_are_negative_multinomial():
    """Without variation between its dendrites an animal has a closed form."""
    model = replace(TWO, formation_cv_animal=0.8)
    rng = np.random.default_rng(1)
    gained, lost = rng.poisson(2, (5, 3)), np.zeros((5, 3), int)
    data = {"gained": gained, "lost": lost, "n0": [3, 0, 5, 2, 9], "times": TIMES, "length_um": [1, 2, 0.5, 1, 3]}
    plain = counts_log_likelihood(TWO, **data).sum()
    expected = 0.0
    mean = propagate(TWO, np.array(TIMES)).newborn.sum(axis=1) * np.array(data["length_um"])[:, None]
    kappa = 0.8**-2
    for effect in ("response", "lasting"):
        prior = (0, 0.0) if effect == "response" else (19, TWO.stationary().sum() * 7.5)
        a, b = kappa + prior[0], kappa + prior[1]
        total, exposure = gained.sum(), mean.sum()
        expected = plain - poisson.logpmf(total, exposure) + nbinom.logpmf(total, a, b / (b + exposure))
        result = animals_log_likelihood(model, animal=["m"] * 5, birth_effect=effect, **data)
        np.testing.assert_allclose(result, expected, rtol=1e-12)
