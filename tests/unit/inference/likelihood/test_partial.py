"""Likelihoods of what was only partly recorded, against sums over everything that may have been."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from scipy.special import gammaln, logsumexp, pdtrc
from scipy.stats import binom, nbinom, norm, poisson, t

from synmodel.core.errors import FitError, SynmodelError
from synmodel.data.explanations import OPEN, Record, pieces_of, pieces_of_fractions
from synmodel.inference import animals_log_likelihood, counts_log_likelihood, histories_log_likelihood
from synmodel.inference.likelihood.animals import animals_log_probability
from synmodel.inference.likelihood.blocks import LengthLaw, blocks_of, evidence_of_blocks
from synmodel.inference.likelihood.courses import courses_of
from synmodel.inference.likelihood.evidence import ONE, _most_gained, joined
from synmodel.inference.likelihood.gains import Gains, Points, Unrecorded
from synmodel.inference.likelihood.groups import log_sums
from synmodel.inference.likelihood.hidden import logarithms
from synmodel.inference.likelihood.lengths import log_changes
from synmodel.inference.likelihood.runs import Runs
from synmodel.inference.likelihood.tail import fates_two, open_tail, tail_work
from synmodel.inference.likelihood.tracked import tracked_rows
from synmodel.turnover import TurnoverModel, propagate

pytestmark = pytest.mark.heavy

ONE_CLASS = TurnoverModel(("spine",), 1.3, [[0]], [0.2], formation_cv_dendrite=0.6)
TWO_CLASSES = TurnoverModel(("nascent", "mature"), 1.3, [[0, 0.3], [0, 0]], [0.4, 0.03], formation_cv_dendrite=0.6)
THREE_CLASSES = TurnoverModel(
    ("transient", "nascent", "mature"), [0.5, 1.0, 0], [[0, 0, 0], [0, 0, 0.3], [0, 0.02, 0]], [1.0, 0.3, 0.03],
    formation_cv_dendrite=0.6,
)  # fmt: skip
MODELS = [ONE_CLASS, TWO_CLASSES, THREE_CLASSES]
TIMES = [0.0, 2.0, 4.0, 7.0]
MOST = 20  # gains in one interval, in the enumerations
NAN = np.nan


def paths(n0, gained, lost, count):
    """All gains and losses that agree with what was recorded."""
    choices = [
        list(product([g] if g >= 0 else range(MOST + 1), [lose] if lose >= 0 else range(n0 + MOST + 1)))
        for g, lose in zip(gained, lost, strict=True)
    ]
    found = []
    for path in product(*choices):
        n = n0
        for (g, lose), end in zip(path, count, strict=True):
            if lose > n:
                break
            n += g - lose
            if end >= 0 and n != end:
                break
        else:
            found.append(path)
    return np.array(found)


@pytest.mark.parametrize("model", MODELS, ids=["K=1", "K=2", "K=3"])
@pytest.mark.parametrize("effect", ["response", "lasting"])
@pytest.mark.parametrize(
    ("gained", "lost", "count"),
    [
        ([-1, 1, 2], [-1, 0, 1], [6, -1, -1]),  # a count alone at the second session
        ([2, 1, -1], [-1, 0, -1], [-1, -1, 4]),  # gains without losses, then a count alone
        ([1, -1, 2], [2, -1, -1], [-1, 5, 5]),
        ([-1, -1, 0], [-1, -1, 0], [-1, 6, 6]),  # a session of which nothing is known
        ([2, 1, 0], [-1, 0, 1], [-1, -1, -1]),  # losses of the first interval unknown, and no count tells them
    ],
)
def test_what_was_not_recorded_is_summed_over(model, effect, gained, lost, count):
    every = paths(5, gained, lost, count)
    assert len(every) > 1
    full = counts_log_likelihood(
        model, n0=[5] * len(every), gained=every[:, :, 0], lost=every[:, :, 1], times=TIMES, birth_effect=effect
    )
    data = {"n0": [5], "gained": [gained], "lost": [lost], "count": [count], "times": TIMES}
    found = counts_log_likelihood(model, **data, birth_effect=effect)[0]
    assert found == pytest.approx(logsumexp(full), abs=1e-9)
    wrong = replace(model, elimination=[1.05 * each for each in model.elimination])
    assert abs(counts_log_likelihood(wrong, **data, birth_effect=effect)[0] - logsumexp(full)) > 1e-3
    own = {**data, "animal": ["m"], "birth_effect": effect}
    assert animals_log_likelihood(model, **own)[0] == pytest.approx(found, abs=1e-9)


def test_what_follows_from_the_rest_needs_no_sum():
    data = {"n0": [5], "times": TIMES[:3]}
    full = counts_log_likelihood(TWO_CLASSES, **data, gained=[[2, 1]], lost=[[1, 0]])
    for gained, lost, count in (([[-1, 1]], [[1, 0]], [[6, -1]]), ([[2, -1]], [[-1, 0]], [[6, 7]])):
        same = counts_log_likelihood(TWO_CLASSES, **data, gained=gained, lost=lost, count=count)
        np.testing.assert_array_equal(same, full)
    impossible = counts_log_likelihood(TWO_CLASSES, **data, gained=[[2, 1]], lost=[[1, 0]], count=[[9, -1]])
    assert impossible[0] == -np.inf
    with pytest.raises(SynmodelError, match=r"count has shape \(1, 1\)"):
        counts_log_likelihood(TWO_CLASSES, **data, gained=[[2, 1]], lost=[[1, 0]], count=[[9]])


LAW = LengthLaw(30.0, 0.4, 0.03)


def by_hand(model, record, times, law, *, most=40):
    """Sum over all numbers at the first session, and over all that may have become of them where a density is alone."""
    density = record.density_per_um
    first = np.arange(1, most + 1)
    prior = norm.logpdf(np.log(first / density[0]), np.log(law.median_um), law.spread) - np.log(first)
    prior -= logsumexp(prior)
    total = []
    for n0, weight in zip(first.tolist(), prior.tolist(), strict=True):
        n, gained, lost, lengths = n0, [], [], [n0 / density[0]]
        for k in range(len(record.formation)):
            if np.isnan(record.formation[k]):
                break
            g, d = round(record.formation[k] * n), round(record.elimination[k] * n)
            if abs(g / n - record.formation[k]) > 1e-6 or abs(d / n - record.elimination[k]) > 1e-6:
                break
            n += g - d
            gained.append(g)
            lost.append(d)
            lengths.append(n / density[k + 1])
        known = np.isfinite(record.formation).sum()
        if len(gained) < known or n > most:
            continue
        changes = t.logpdf(np.diff(np.log(lengths)), 2, scale=law.change).sum()
        scale = float(np.mean(lengths))
        if known == len(record.formation):
            seen = counts_log_likelihood(
                model, n0=[n0], gained=[gained], lost=[lost], times=times, length_um=scale, birth_effect="response"
            )
            total.append(weight + changes + seen[0])
            continue
        for g, d in product(range(30), range(n + 1)):
            end = n + g - d
            if end == 0:
                continue
            step = t.logpdf(np.log(end / density[-1]) - np.log(n / density[-2]), 2, scale=law.change)
            seen = counts_log_likelihood(
                model, n0=[n0], gained=[[*gained, g]], lost=[[*lost, d]], times=times, length_um=scale,
                birth_effect="response",
            )  # fmt: skip
            total.append(weight + changes + step + seen[0])
    return logsumexp(total)


def evidence(model, record, times, law=LAW):
    pieces = pieces_of_fractions(record, (1e-6, 1e-6))[0]
    blocks = blocks_of([(0, piece) for piece in pieces], np.empty(0), len(times), 0.4)
    return evidence_of_blocks(blocks, courses_of(model, np.asarray(times), None, "stationary"), law)[0]


def fractions(formation, elimination, density):
    blank = np.full(len(density), NAN)
    return Record(blank, blank[1:], blank[1:], np.array(formation), np.array(elimination), np.array(density), blank)


PER_UM = [replace(model, formation=(model.formation_rates / 30).tolist()) for model in MODELS]


@pytest.mark.parametrize("model", PER_UM, ids=["K=1", "K=2", "K=3"])
def test_fractions_are_summed_over_all_that_explains_them(model):
    record = fractions([0.2, 1 / 11], [0.1, 1 / 11], [0.33, 0.37, 0.36])
    expected = by_hand(model, record, TIMES[:3], LAW)
    found = evidence(model, record, TIMES[:3])
    assert len(found) == 1
    value = found.given_start(ONE, model.formation_cv_dendrite)[0, 0]
    assert value == pytest.approx(expected, abs=1e-9)
    for wrong in (LAW._replace(median_um=31.5), LAW._replace(spread=0.42), LAW._replace(change=0.0315)):
        other = evidence(model, record, TIMES[:3], wrong).given_start(ONE, model.formation_cv_dendrite)[0, 0]
        assert abs(other - expected) > 1e-4, wrong


@pytest.mark.parametrize("model", PER_UM[:2], ids=["K=1", "K=2"])
def test_a_density_alone_tells_the_number_of_spines(model):
    model = replace(model, formation_cv_dendrite=0.0)  # where formation does not differ, this is exact
    record = fractions([0.2, NAN], [0.1, NAN], [0.33, 0.37, 0.30])
    expected = by_hand(model, record, TIMES[:3], LAW, most=12)
    pieces = pieces_of_fractions(record, (1e-6, 1e-6), 12)[0]
    blocks = blocks_of([(0, piece) for piece in pieces], np.empty(0), 3, 0.4)
    courses = courses_of(model, np.asarray(TIMES[:3]), None, "stationary")
    found = evidence_of_blocks(blocks, courses, LAW)[0].given_start(ONE, 0.0)[0, 0]
    # The prior of the number is over 40 spines, that of the enumeration over 12.
    first = np.arange(1, 41)
    prior = norm.logpdf(np.log(first / 0.33), np.log(LAW.median_um), LAW.spread) - np.log(first)
    assert found == pytest.approx(expected + logsumexp(prior[:12]) - logsumexp(prior), abs=1e-6)


@pytest.mark.parametrize("formation", [0.2, 0.5])
@pytest.mark.parametrize("cv", [0.0, 0.3, 0.6])
def test_the_end_of_a_record_and_the_filter_of_all_numbers(cv, formation):
    record = fractions([0.2, 1 / 11, NAN, NAN], [0.1, 1 / 11, NAN, NAN], [0.33, 0.37, 0.36, 0.33, 0.39])
    times = np.array([0.0, 2.0, 4.0, 30.0, 60.0])
    pieces = [(0, piece) for piece in pieces_of_fractions(record, (1e-6, 1e-6))[0]]
    (block,) = blocks_of(pieces, np.empty(0), len(times), 0.4)
    # A first gain that stands in the counts alone is the same data, and leads through the filter of all numbers.
    gained = block.runs.gained.copy()
    gained[:, 0] = OPEN
    other = replace(block, runs=block.runs._replace(gained=gained))

    def value(of, formation):
        model = replace(PER_UM[1], formation=[formation * rate for rate in PER_UM[1].formation_rates.tolist()])
        found, _ = evidence_of_blocks([of], courses_of(model, times, None, "stationary"), LAW)
        assert len(found) == 1
        return found.given_start(ONE, cv)[0, 0]

    tolerance = {0.0: 1e-6, 0.3: 1e-6, 0.6: 1e-4}[cv]
    assert value(block, formation) == pytest.approx(value(other, formation), abs=tolerance)
    assert abs(value(block, 1.05 * formation) - value(other, formation)) > tolerance


def with_more(log_a, gains, log_z, cv, *, lasting):
    """Log-probabilities of recorded gains and any number of others."""
    every = np.arange(len(log_a))
    points, more = Points.of(log_z, every), Unrecorded(every, log_a)
    return gains.log_probability(points, cv, lasting=lasting, more=more)


def term_by_term(log_a, gains, log_z, cv, *, lasting):
    """The same, with the gamma integrals of each number of others on its own."""
    kappa = cv**-2 if cv > 0 else np.inf
    a, b = (kappa + gains.start, kappa + np.exp(log_z) * gains.mean) if lasting else (kappa, kappa)
    terms = []
    for m in range(log_a.shape[2]):
        n, x = gains.number + m, np.exp(log_z) * gains.exposure
        mixed = -x if cv == 0 else gammaln(a + n) - gammaln(a) + a * np.log(b) - (a + n) * np.log(b + x)
        terms.append(log_a[:, :, m, None] + gains.poisson + n * log_z + mixed)
    return logsumexp(np.stack(terms), axis=0)


def test_sums_over_unrecorded_gains_are_those_term_by_term():
    rng = np.random.default_rng(1)
    log_a = np.where(rng.random((3, 1, 40)) < 0.1, -np.inf, rng.normal(-5.0, 3.0, (3, 1, 40)))
    log_a[2] = -np.inf
    numbers = [[0.0, 4.0, 2.0], [9.0] * 3, [0.0] * 3, [3.0] * 3, [8.0] * 3]
    gains = Gains(*(np.array(each)[:, None, None] for each in numbers))
    log_z = np.log(np.array([1e-6, 0.3, 1.0, 7.0]))[None, None]
    for cv, lasting in ((0.0, False), (0.4, False), (0.4, True)):
        expected = term_by_term(log_a, gains, log_z, cv, lasting=lasting)
        found = with_more(log_a, gains, log_z, cv, lasting=lasting)
        np.testing.assert_allclose(found, expected, rtol=1e-12)
        off = with_more(log_a, gains._replace(exposure=1.05 * gains.exposure), log_z, cv, lasting=lasting)
        assert not np.allclose(off[:2], expected[:2], rtol=1e-6)


def test_each_run_has_multipliers_and_nodes_of_its_own():
    rng = np.random.default_rng(2)
    log_a = rng.normal(-5.0, 3.0, (4, 3, 20))
    number, start = rng.integers(0, 9, (2, 4, 1, 1)).astype(float)
    gains = Gains(number, start, *rng.uniform(0.5, 5.0, (3, 4, 3, 1)))
    log_z, row = rng.normal(0.0, 1.0, (2, 1, 5)), np.array([1, 0, 0, 1])
    for cv, lasting in ((0.0, False), (0.4, False), (0.4, True)):
        expected = term_by_term(log_a, gains, log_z[row], cv, lasting=lasting)
        found = gains.log_probability(Points.of(log_z, row), cv, lasting=lasting, more=Unrecorded(np.arange(4), log_a))
        np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_gains_hardly_change_where_births_hardly_differ():
    gains = Gains(*(np.full((1, 1, 1), each) for each in (7.0, 9.0, 0.0, 6.0, 8.0)))
    points = Points.of(np.linspace(-3.0, 3.0, 7)[None, None], np.zeros(1, np.int64))
    alike = gains.log_probability(points, 0.0, lasting=False)
    for lasting in (False, True):
        np.testing.assert_allclose(gains.log_probability(points, 1e-7, lasting=lasting), alike, rtol=1e-9)


def test_a_multiplier_too_small_to_be_a_number_leaves_no_unrecorded_gains():
    gains = Gains(*(np.full((1, 1, 1), each) for each in (0.0, 9.0, 0.0, 2.0, 8.0)))
    log_a = np.log([[[0.5, 0.25]]])
    found = with_more(log_a, gains, np.full((1, 1, 2), -800.0), 0.0, lasting=False)
    np.testing.assert_allclose(found, np.log(0.5))


def test_sums_of_runs_hide_nothing_that_is_no_number():
    values = np.array([[-np.inf, -np.inf, 1.0], [NAN, -np.inf, 2.0], [-3.0, 0.0, NAN]])
    out = np.empty((2, 3))
    log_sums(values, np.array([0, 2]), out)
    np.testing.assert_allclose(out, [[NAN, -np.inf, np.logaddexp(1.0, 2.0)], [-3.0, 0.0, NAN]])


def test_lengths_are_of_known_changes_alone():
    changes, out = np.array([[0.1, NAN, -0.2], [NAN, np.inf, NAN], [1e60, -1e60, 1e60]]), np.zeros(3)
    log_changes(changes, 0.05, np.log(2 * np.sqrt(2) * 0.05), out)
    expected = t.logpdf(changes / 0.05, 2) - np.log(0.05)
    np.testing.assert_allclose(out[0], np.nansum(expected[0]))
    assert out[1] == 0.0
    np.testing.assert_allclose(out[2], expected[2].sum())


def test_sums_over_hundreds_of_unrecorded_gains_are_numbers_everywhere():
    """What matters at the smallest multiplier may be no number beside what matters at the largest."""
    m, mean = np.arange(900), 300.0
    log_a = (m * np.log(mean) - gammaln(m + 1))[None, None]
    gains = Gains(*(np.full((1, 1, 1), each) for each in (0.0, 9.0, 0.0, 0.0, 8.0)))
    log_z = np.linspace(-4.0, 1.0, 30)[None, None]
    expected = logsumexp(log_a[..., None] + m[:, None] * log_z[:, :, None, :], axis=2)
    np.testing.assert_allclose(with_more(log_a, gains, log_z, 0.0, lasting=False), expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("implied", "tolerances"), [(1.0, (1e-6, 1e-6, 3e-5)), (2.0, (1e-6, 3e-5, 3e-3)), (3.0, (1e-6, 1e-2, 0.3))]
)
@pytest.mark.parametrize("n", [10, 30])
@pytest.mark.parametrize("mean", [1.0, 10.0])
def test_a_density_at_the_end_and_the_sum_over_all_newcomers(n, mean, implied, tolerances):
    """Where the density implies one, two or three times the newcomers that are expected."""
    left, sigma, many = 0.6, 0.05, np.arange(600)
    ratio = (n * left + implied * mean) / n
    room = int(2 * mean + 8 * np.sqrt(2 * mean) + 10)
    there, work = tail_work(n, room, logarithms(2 * (n + room + 3)))
    fates_two(np.eye(n + 2)[0], n, np.array([[0.0, left, 1.0 - left]] * 2), there)
    series = np.zeros(room + 1)
    open_tail(there, n, (0.0, mean, 0.0), np.array([1.0, ratio, NAN]), sigma, False, work, series)
    numbers = np.arange(1, n + len(many) + 1)
    weight = np.append(0.0, t.pdf(np.log(numbers / (n * ratio)) / sigma, 2) / sigma)
    exact = np.array([binom.pmf(np.arange(n + 1), n, left) @ weight[m : m + n + 1] for m in many])

    def log_mean(values, mean, cv):
        law = poisson(mean) if cv == 0 else nbinom(cv**-2, 1.0 / (1.0 + cv**2 * mean))
        return np.log(values @ law.pmf(np.arange(len(values))))

    for cv, tolerance in zip((0.0, 0.3, 0.6), tolerances, strict=True):
        expected = log_mean(exact, mean, cv)
        assert log_mean(series, mean, cv) == pytest.approx(expected, abs=tolerance)
        if implied == 1.0 and mean == 10.0:
            assert log_mean(series, 1.05 * mean, cv) != pytest.approx(expected, abs=tolerance)


def test_records_that_no_chain_explains_are_cut():
    record = fractions([0.2, 1 / 7], [0.1, 0.0], [0.3, 0.3, 0.3])  # 10 -> 11, and then of 7 or 14
    pieces, remarks = pieces_of_fractions(record, (1e-6, 1e-6), 40)
    assert [piece.sessions.tolist() for piece in pieces] == [[0, 1], [1, 2]]
    assert [piece.n.tolist() for piece in pieces] == [[10, 20, 30], [7, 14, 21, 28, 35]]
    assert remarks[0][0] == 1
    # Two fractions of numbers that differ by one: 3 of 18 formed, 3 of 17 lost.
    widened, remarks = pieces_of_fractions(fractions([3 / 18], [3 / 17], [0.3, 0.3]), (1e-6, 1e-6), 40)
    assert {17, 18} <= set(widened[0].n.tolist())
    assert "1 apart" in remarks[0][1]
    left = pieces_of_fractions(fractions([0.2, 0.0081], [0.1, 0.13], [0.3, 0.3, 0.3]), (1e-6, 1e-6), 40)
    assert left[0][0].gained[:, 1].tolist() == [OPEN] * 3
    assert "left open" in left[1][0][1]
    assert pieces_of_fractions(fractions([NAN], [NAN], [0.3, 0.3]), (1e-6, 1e-6))[0] == []


def test_counts_over_a_skipped_session():
    blank = np.full(3, NAN)
    record = Record(
        np.array([12, NAN, 10, 9]), np.array([NAN, 1, 0]), np.array([NAN, 2, 1]), blank, blank, np.full(4, NAN),
        np.full(4, 40.0),
    )  # fmt: skip
    piece = pieces_of(record, (1e-6, 1e-6))[0][0]
    assert piece.sessions.tolist() == [0, 2, 3]
    # 12 + 1 - 2 is not 10: the gains and losses are of a session that the file does not have.
    assert piece.gained.tolist() == [[OPEN, 0]]
    assert piece.at_end.tolist() == [[10, 9]]


def test_fractions_need_a_response():
    found = evidence(PER_UM[1], fractions([0.2], [0.1], [0.33, 0.37]), TIMES[:2])
    with pytest.raises(FitError, match="choose 'response'"):
        animals_log_probability(found, replace(PER_UM[1], formation_cv_animal=0.3), np.array([0]), 1, "lasting")


def test_spines_one_by_one():
    """A censored spine hides its own later record; one that reappears is lost and, later, new."""
    present = np.array([[1, 1, 1], [1, 0, 1], [1, -1, -1], [-1, 1, 1], [0, 1, 0]], np.int8)
    rows, owner = tracked_rows(present, np.zeros(5, np.int64))
    assert sorted(map(tuple, rows.tolist())) == [(0, 0, 1), (0, 1, 0), (1, -1, -1), (1, 0, 0), (1, 1, 1)]
    assert owner.tolist() == [0] * 5
    alone = [histories_log_likelihood(TWO_CLASSES, present=rows[:k], times=TIMES[:3])[0] for k in (4, 5)]
    assert np.isfinite(alone).all()


def test_courses_over_skipped_sessions_are_those_between_the_others():
    model = TurnoverModel(("nascent", "mature"), [0.7, 0.1], [[0, 0.2], [0.05, 0]], [0.4, 0.02])
    days = np.array([0.0, 1.0, 2.5, 4.0, 9.0])
    keep = np.array([0, 3, 4])
    over = joined(courses_of(model, days, None, "stationary"), keep)
    direct = courses_of(model, days[keep], None, "stationary")
    for name in ("survival", "newborn", "lost", "composition", "total"):
        np.testing.assert_allclose(getattr(over, name), getattr(direct, name), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("mean", [0.01, 0.3, 2.0, 9.0, 40.0, 300.0])
def test_gains_beyond_the_largest_hardly_ever_are(mean):
    """At twice the births, as births differ between dendrites."""
    open_ = np.full((1, 1), -1)
    runs = Runs(np.array([5]), open_, open_, np.array([0]), np.array([1]))
    most = _most_gained(runs, open_, np.array([[mean]]))
    assert pdtrc(float(most[0, 0]), 2.0 * mean) < 1e-12


@pytest.mark.parametrize("recorded", [[], [-1]], ids=["at the end", "before the end"])
def test_formation_beyond_all_reason_is_impossible(recorded):
    """A search meets such rates at the ends of a prior; their laws would not fit into memory."""
    gained, lost, count = [*recorded, 1, -1], [*recorded, 0, -1], [*[-1] * len(recorded), -1, -1]
    data = {"n0": [5], "gained": [gained], "lost": [lost], "count": [count], "times": TIMES[: len(gained) + 1]}
    many = replace(TWO_CLASSES, formation=[20.0, 0.0])
    assert np.isfinite(counts_log_likelihood(many, **data)[0])
    for rate in (1e5, 1e19, 1e300):
        assert counts_log_likelihood(replace(many, formation=[rate, 0.0]), **data)[0] == -np.inf


def test_a_long_record_without_gains_is_possible():
    """Its newcomers add up to hundreds that there might have been, and are few between two sessions."""
    n = 20
    data = {"n0": [4], "gained": [[-1] * n], "lost": [[0] * n], "count": [[-1] * n], "times": np.arange(n + 1) * 2.0}
    model = replace(TWO_CLASSES, formation_cv_dendrite=0.0)
    steps, numbers = propagate(model, data["times"]), model.stationary()
    # Nobody is lost, of those at the start and of a Poisson number of newcomers in what is left of the record.
    stays, expected = np.ones(2), 0.0
    for survival, newborn in zip(steps.survival[::-1], steps.newborn[::-1], strict=True):
        expected -= newborn @ (1.0 - stays)
        stays = survival @ stays
    expected += 4 * np.log(numbers @ stays / numbers.sum())
    assert counts_log_likelihood(model, **data)[0] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("seed", range(100))
def test_the_end_of_a_record_reads_nothing_that_it_did_not_write(seed):
    """Places of laws and weights move with the numbers that matter; what lay there before must not be seen."""
    rng = np.random.default_rng(seed)
    n, two = int(rng.integers(0, 60)), bool(rng.random() < 0.8)
    means = tuple((rng.random(3) * 10.0 ** rng.uniform(-1, 1.9)).tolist())
    density, sigma = rng.uniform(0.3, 2.0, 3), 10.0 ** rng.uniform(-1.5, -0.5)
    fate, law = rng.dirichlet(np.ones(3) * 0.4, 2), rng.dirichlet(np.ones(n + 1))
    there = np.empty((n + 2, n + 2))
    fates_two(law, n, fate, there)
    found = []
    for before in (0.0, 50.0, np.nan):
        room = int(2.5 * sum(means) + 8 * np.sqrt(2.5 * sum(means)) + 5)
        _, work = tail_work(n, room, logarithms(2 * (n + room + 3)))
        logs = work[1][1].copy()
        work[0][:], work[1][:] = before, before
        work[1][1] = logs
        found.append(np.zeros(room + 1))
        open_tail(there, n, means, density, sigma, two, work, found[-1])
    assert np.isfinite(found[0]).all()
    np.testing.assert_array_equal(found[1], found[0])
    np.testing.assert_array_equal(found[2], found[0])
