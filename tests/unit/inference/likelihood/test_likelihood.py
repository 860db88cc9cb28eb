"""The likelihood's door: what it accepts, what it refuses, and small cases by hand."""

import itertools
from dataclasses import replace

import numba
import numpy as np
import pytest
import xarray as xr
from interpreted import interpreted
from scipy.integrate import quad
from scipy.special import logsumexp
from scipy.stats import gamma, poisson

from synmodel import simulation
from synmodel.core.errors import FitError, SchemaError, SynmodelError
from synmodel.inference import (
    Assumed,
    Detection,
    LossFrailty,
    Seen,
    animals_log_likelihood,
    counts_log_likelihood,
    counts_log_likelihood_of,
    detected_counts_log_likelihood,
    histories_log_likelihood,
    log_likelihood,
)
from synmodel.turnover import TurnoverModel, propagate, simulate

TWO = TurnoverModel(("nascent", "mature"), 0.4, [[0, 0.3], [0.05, 0]], [0.5, 0.1])
THREE = TurnoverModel(("a", "b", "c"), [0.3, 0.1, 0], [[0, 0.5, 0.1], [0.1, 0, 0.2], [0, 0.1, 0]], [1.0, 0.3, 0.1])
ONE = TurnoverModel(("spine",), 0.4, [[0]], [0.2])
DRIVE = xr.Dataset({"formation": ("time", [2.0, 1.0]), "elimination": ("time", [0.5, 1.0])}, {"time": [0.7, 2.2]})
TIMES = [0.0, 1.5, 3.0]
DATA = {"n0": [3, 2], "gained": [[1, 0], [2, 1]], "lost": [[1, 1], [0, 2]], "times": TIMES}
SCORED = {"scored": [[9, 8]], "gained": [[1, 0]], "lost": [[2, 1]], "times": TIMES}


def every_history(n0, most=16):
    """All gains up to a number, and losses, of two intervals."""
    rows = [
        (g1, g2, l1, l2)
        for g1, g2 in itertools.product(range(most), repeat=2)
        for l1 in range(n0 + 1)
        for l2 in range(n0 - l1 + g1 + 1)
    ]
    return np.array(rows)


@pytest.mark.parametrize("model", [ONE, TWO, THREE], ids=["one", "two", "three"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"frailty": LossFrailty(0.5)},
        {"frailty": LossFrailty(0.5, "response", nodes=5), "birth_effect": "response"},
        {"length_um": 1.3},
    ],
    ids=["plain", "lasting", "response", "length"],
)
def test_probabilities_sum_to_one(model, options):
    rows = every_history(3)
    model = replace(model, formation_cv_dendrite=0.3 if "frailty" in options else 0.0)
    log_p = counts_log_likelihood(
        model, n0=np.full(len(rows), 3), gained=rows[:, :2], lost=rows[:, 2:], times=TIMES, drive=DRIVE, **options
    )
    assert np.exp(log_p).sum() == pytest.approx(1.0, abs=2e-7)
    assert np.exp(log_p).sum() < 1 + 1e-12


def test_the_array_layer_is_the_same():
    steps = propagate(TWO, np.array(TIMES), DRIVE)
    n0, gained, lost = (np.array(DATA[name]) for name in ("n0", "gained", "lost"))
    by_array = counts_log_likelihood_of(steps, np.array([0.5, 0.5]), n0, gained, lost, np.array([2.0, 3.0]))
    by_model = counts_log_likelihood(TWO, **DATA, drive=DRIVE, composition=[0.5, 0.5], length_um=[2.0, 3.0])
    np.testing.assert_array_equal(by_array, by_model)


def test_what_cannot_be_has_probability_zero():
    data = {**DATA, "n0": [1, 2], "lost": [[2, 0], [0, 2]]}
    for model in (ONE, TWO, THREE):
        result = counts_log_likelihood(model, **data)
        assert result[0] == -np.inf
        assert np.isfinite(result[1])
        two_levels = replace(model, formation_cv_animal=0.5)
        result = animals_log_likelihood(two_levels, **data, animal=["a", "b"])
        assert result[0] == -np.inf
        assert np.isfinite(result[1])
    immortal = TurnoverModel(("young", "old"), 1.0, [[0, 0.1], [0, 0]], [0.2, 0.0])
    data = {"n0": [3], "gained": [[0]], "lost": [[1]], "times": [0, 1]}
    assert counts_log_likelihood(immortal, **data, composition=[0, 1])[0] == -np.inf
    assert np.isfinite(counts_log_likelihood(immortal, **data, composition=[0.1, 0.9])[0])
    barren = replace(TWO, formation=0.0)
    for gained in (0, 1):
        result = counts_log_likelihood(barren, **{**data, "gained": [[gained]]}, composition=[0.5, 0.5])
        assert np.isneginf(result[0]) == bool(gained)


def test_improbable_data_do_not_underflow():
    """Elimination and survival that no machine number can hold, by the closed form of one class."""
    slow = TurnoverModel(("young", "old"), 1.0, [[0, 0], [0, 0]], [1e-7, 1e-7])
    fast = TurnoverModel(("young", "old"), 1.0, [[0, 0], [0, 0]], [20.0, 1e-7])
    n = 80
    data = {"n0": [n], "gained": [[0]], "times": [0, 1], "composition": [0.5, 0.5]}
    lost = counts_log_likelihood(slow, **data, lost=[[n]])[0]
    assert lost == pytest.approx(n * np.log(-np.expm1(-1e-7)) - 1, rel=1e-8)
    kept = counts_log_likelihood(fast, **{**data, "composition": [1.0, 0.0]}, lost=[[0]])[0]
    formed = propagate(fast, np.array([0.0, 1.0])).newborn.sum()
    assert kept == pytest.approx(-20.0 * n - formed, rel=1e-12)


def test_large_numbers():
    n = 600
    data = {"n0": [n], "gained": [[30, 20]], "lost": [[25, 30]], "times": TIMES}
    same = TurnoverModel(("young", "old"), 20.0, [[0, 0.2], [0.1, 0]], [0.03, 0.03])
    one = TurnoverModel(("spine",), 20.0, [[0]], [0.03])
    np.testing.assert_allclose(counts_log_likelihood(same, **data), counts_log_likelihood(one, **data), rtol=1e-9)


def animal_by_quadrature(model, data, lasting):
    """One animal of one class, by a general integrator."""
    shape = model.formation_cv_animal**-2
    within = replace(model, formation_cv_animal=0.0)
    mean = float(model.stationary().sum())
    kappa = model.formation_cv_dendrite**-2

    def start(z, n):
        x = np.linspace(1e-9, 12, 4001)
        return np.trapezoid(poisson.pmf(n, mean * z * x) * gamma.pdf(x, kappa, scale=1 / kappa), x)

    def joint(z):
        at_z = replace(within, formation=z * within.formation_rates)
        effect = "lasting" if lasting else "response"
        p = np.exp(counts_log_likelihood(at_z, **data, birth_effect=effect).sum())
        return p * (np.prod([start(z, n) for n in data["n0"]]) if lasting else 1.0)

    def integral(f):
        return quad(lambda z: f(z) * gamma.pdf(z, shape, scale=1 / shape), 0, 15, epsrel=1e-9, limit=400)[0]

    below = integral(lambda z: np.prod([start(z, n) for n in data["n0"]])) if lasting else 1.0
    return np.log(integral(joint) / below)


@pytest.mark.parametrize("effect", ["lasting", "response"])
def test_an_animal_against_a_general_integrator(effect):
    model = replace(ONE, formation_cv_animal=0.7, formation_cv_dendrite=0.5)
    expected = animal_by_quadrature(model, DATA, effect == "lasting")
    result = animals_log_likelihood(model, **DATA, animal=[7, 7], birth_effect=effect)
    assert result[0] == pytest.approx(expected, rel=1e-7)


def test_animals_without_variation_are_sums():
    data = {**DATA, "frailty": LossFrailty(0.4), "drive": DRIVE}
    each = counts_log_likelihood(TWO, **data)
    np.testing.assert_allclose(animals_log_likelihood(TWO, **data, animal=["b", "a"]), each[::-1])
    np.testing.assert_allclose(animals_log_likelihood(TWO, **data, animal=["b", "b"]), each.sum())
    little = replace(TWO, formation_cv_animal=1e-4)
    np.testing.assert_allclose(animals_log_likelihood(little, **data, animal=[0, 0]), each.sum(), rtol=1e-6)
    empty = replace(TWO, formation_cv_animal=0.5)
    no_balance = replace(empty, elimination=(0.5, 0.0), transition=((0, 0.3), (0, 0)))
    result = animals_log_likelihood(no_balance, **DATA, animal=[0, 1], composition=[0.5, 0.5], birth_effect="response")
    assert np.isfinite(result).all()


def test_frailty_nodes_converge():
    result = [counts_log_likelihood(TWO, **DATA, frailty=LossFrailty(0.6, nodes=n)) for n in (9, 31, 90)]
    np.testing.assert_allclose(result[0], result[2], atol=3e-3)  # every spine of a dendrite lost: a hard case
    np.testing.assert_allclose(result[1], result[2], rtol=1e-6)
    none = counts_log_likelihood(TWO, **DATA)
    np.testing.assert_array_equal(counts_log_likelihood(TWO, **DATA, frailty=LossFrailty(0.0)), none)
    np.testing.assert_allclose(counts_log_likelihood(TWO, **DATA, frailty=LossFrailty(1e-6)), none, rtol=1e-6)


def words(n_session):
    return np.array([word for word in itertools.product((0, 1), repeat=n_session) if any(word)])


def table(n0, h):
    """Rows of spines: first spines lost in interval 1, 2 or kept, then newcomers of interval 1 (lost, kept) and 2."""
    kinds = [(1, 0, 0), (1, 1, 0), (1, 1, 1), (0, 1, 0), (0, 1, 1), (0, 0, 1)]
    assert sum(h[:3]) == n0
    return np.repeat(np.array(kinds), h, axis=0)


@pytest.mark.parametrize("cv", [0.0, 0.6])
@pytest.mark.parametrize("effect", ["lasting", "response"])
@pytest.mark.parametrize("model", [ONE, TWO, THREE], ids=["one", "two", "three"])
def test_histories_sum_to_counts(model, effect, cv):
    model = replace(model, formation_cv_dendrite=cv)
    for n0, gained, lost in ((3, (2, 1), (1, 2)), (2, (0, 3), (2, 0)), (4, (3, 0), (0, 3))):
        parts = []
        for early in range(lost[1] + 1):
            h = (lost[0], early, n0 - lost[0] - early, lost[1] - early, gained[0] - lost[1] + early, gained[1])
            if min(h) >= 0:
                design = {"times": TIMES, "drive": DRIVE, "length_um": 1.5, "birth_effect": effect}
                parts.append(histories_log_likelihood(model, present=table(n0, h), **design)[0])
        whole = counts_log_likelihood(model, n0=[n0], gained=[gained], lost=[lost], **design)[0]
        assert logsumexp(parts) == pytest.approx(whole, rel=1e-12)


@pytest.mark.parametrize("model", [ONE, TWO, THREE], ids=["one", "two", "three"])
def test_no_misses_are_perfect_detection_of_what_was_seen(model):
    rows = words(4)
    design = {"times": [0, 1.5, 3, 4], "drive": DRIVE, "dendrite": np.arange(len(rows))}
    seen = histories_log_likelihood(model, present=rows, **design, miss=0.0)
    perfect = histories_log_likelihood(model, present=rows, **design)
    entries = propagate(model, np.array([0, 1.5, 3, 4]), DRIVE).newborn.sum()
    first = rows[:, 0] == 1
    number = np.where(first, model.stationary().sum(), 1.0) * np.exp(perfect + entries)
    np.testing.assert_allclose(np.exp(seen), number / number.sum(), rtol=1e-12)
    assert np.exp(seen).sum() == pytest.approx(1.0, abs=1e-12)
    gap = (rows == (1, 0, 1, 1)).all(axis=1)
    assert perfect[gap] == -np.inf


@pytest.mark.parametrize("miss", [None, (0.3, 0.1)], ids=["perfect", "missed"])
def test_a_censored_entry_is_the_sum_over_what_it_may_have_been(miss):
    def weight(row):
        # The other spine shows that the dendrite was imaged.
        design = {"times": [0, 1.5, 3, 4], "drive": DRIVE, "composition": [0.4, 0.6]}
        return histories_log_likelihood(TWO, present=[row, [1, 1, 0, 0]], **design, miss=miss)[0]

    for row in ([1, -1, 1, 0], [1, 1, 1, -1], [0, 1, -1, -1]):
        known = [weight(word) for word in completions(row)]
        if miss is None:
            assert weight(row) == pytest.approx(logsumexp(known), rel=1e-12)
        else:
            # Given that it was seen at the sessions that are known, a spine is likelier to be in the table at all.
            assert weight(row) > max(known)


def completions(row):
    """All rows without a censored entry that a row may stand for."""
    options = [(0, 1) if entry == -1 else (entry,) for entry in row]
    return list(itertools.product(*options))


def test_a_session_without_images_is_no_session():
    rows = np.array([[1, -1, 1], [1, -1, 0], [0, -1, 1], [0, -1, 1]])
    with_gap = histories_log_likelihood(TWO, present=rows, times=TIMES, drive=DRIVE)
    without = histories_log_likelihood(TWO, present=rows[:, [0, 2]], times=[0.0, 3.0], drive=DRIVE)
    np.testing.assert_allclose(with_gap, without, rtol=1e-12)
    late = np.array([[-1, 1, 1], [-1, 1, 0], [-1, 0, 1]])
    steps = propagate(TWO, np.array(TIMES), DRIVE)
    mean = TWO.stationary() @ steps.survival[0] + steps.newborn[0]
    without = histories_log_likelihood(
        TWO, present=late[:, 1:], times=TIMES[1:], drive=DRIVE, composition=mean / mean.sum()
    )
    np.testing.assert_allclose(
        histories_log_likelihood(TWO, present=late, times=TIMES, drive=DRIVE), without, rtol=1e-12
    )


def test_a_dendrite_without_spines_is_an_observation():
    result = histories_log_likelihood(TWO, present=[[1, 1, 1]], times=TIMES, dendrite=[1], n_dendrite=3)
    entries = propagate(TWO, np.array(TIMES)).newborn.sum()
    np.testing.assert_allclose(result[[0, 2]], -entries)


def observed(count, gained, lost, length=10.0):
    count = np.asarray(count, float)
    n_session = count.shape[-1]
    at, between = ("animal", "dendrite", "session"), ("animal", "dendrite", "interval")
    times = 1.5 * np.arange(n_session)
    return xr.Dataset(
        {
            "spine_count": (at, count),
            "gained": (between, np.asarray(gained, float)),
            "lost": (between, np.asarray(lost, float)),
            "length_um": (at, np.broadcast_to(length, count.shape)),
        },
        {"session": times, "start_day": ("interval", times[:-1]), "end_day": ("interval", times[1:])},
    )


def test_observations_are_runs_of_counts():
    nan = np.nan
    table = observed(
        [[[4, 5, 4, 6], [4, nan, 4, 6], [4, 5, 4, 7], [nan] * 4, [4, 9, 8, 6]]],
        [[[2, 1, 2], [nan, nan, 2], [2, 1, 2], [nan] * 3, [2, 1, 0]]],
        [[[1, 2, 0], [nan, nan, 0], [1, 2, 0], [nan] * 3, [1, 2, 2]]],
    ).assign_coords(animal=["m1"])
    design = {"drive": DRIVE, "frailty": LossFrailty(0.3), "birth_effect": "lasting"}
    model = replace(TWO, formation=TWO.formation_rates / 10, formation_cv_dendrite=0.4)
    result = log_likelihood(model, table, **design)
    assert result.dims == ("animal", "dendrite")
    assert result["animal"] == "m1"
    times = table["session"].to_numpy()

    def run(n, gained, lost, times, composition="stationary", **options):
        data = {"n0": [n], "gained": [gained], "lost": [lost], "times": times, "composition": composition}
        return counts_log_likelihood(model, **data, length_um=10.0, **{**design, **options})[0]

    assert float(result[0, 0]) == pytest.approx(run(4, [2, 1, 2], [1, 2, 0], times), rel=1e-12)
    assert float(result[0, 2]) == pytest.approx(run(4, [2, 1], [1, 2], times[:3]), rel=1e-12)
    assert float(result[0, 3]) == 0.0
    plain = replace(model, formation_cv_dendrite=0.0)
    steps = propagate(plain, times, DRIVE)
    mean = plain.stationary()
    mean = mean @ steps.survival[0] + steps.newborn[0]
    model = plain
    cut = log_likelihood(plain, table, drive=DRIVE)
    alone = run(9, [1, 0], [2, 2], times[1:], composition=mean / mean.sum(), frailty=None)
    assert float(cut[0, 4]) == pytest.approx(alone, rel=1e-12)
    skipped = run(4, [-1, 2], [-1, 0], times[[0, 2, 3]], count=[[4, 6]], frailty=None)
    assert float(cut[0, 1]) == pytest.approx(skipped, rel=1e-12)


def test_simulated_observations_and_replicates():
    observations = simulation.simulate("saline-mouse", replicates=2, seed=3)
    model = TurnoverModel(("nascent", "mature"), 0.02, [[0, 0.2], [0, 0]], [1.0, 0.01])
    result = log_likelihood(model, observations)
    assert result.dims == ("replicate", "animal", "dendrite")
    assert np.isfinite(result).all()
    np.testing.assert_array_equal(log_likelihood(model, observations.isel(replicate=1)), result[1])
    per_dendrite = log_likelihood(replace(model, formation=100 * model.formation_rates), observations, per_um=False)
    assert per_dendrite.shape == result.shape


def test_settings_given_whole_are_their_fields():
    fields = {"composition": [0.3, 0.7], "drive": DRIVE, "length_um": [2.0, 3.0], "birth_effect": "response"}
    assumed, mixed = Assumed(**fields), replace(TWO, formation_cv_dendrite=0.4)
    rows = {"present": [[1, 1, 0], [0, 1, 1]], "times": TIMES, "dendrite": [0, 1]}
    for whole, loose in (
        (
            counts_log_likelihood(mixed, seen=Seen(**DATA), assumed=assumed),
            counts_log_likelihood(mixed, **DATA, **fields),
        ),
        (
            animals_log_likelihood(mixed, seen=Seen(**DATA), animal=[0, 1], assumed=assumed),
            animals_log_likelihood(mixed, **DATA, animal=[0, 1], **fields),
        ),
        (
            histories_log_likelihood(mixed, **rows, assumed=assumed),
            histories_log_likelihood(mixed, **rows, **fields),
        ),
        (
            detected_counts_log_likelihood(TWO, **SCORED, detection=Detection(0.1, 0.2)),
            detected_counts_log_likelihood(TWO, **SCORED, miss=0.1, false_positive_per_um=0.2),
        ),
    ):
        np.testing.assert_array_equal(whole, loose)
    assert np.all(counts_log_likelihood(mixed, **DATA) != counts_log_likelihood(mixed, **DATA, assumed=assumed))


@pytest.mark.parametrize(
    ("function", "given", "unknown"),
    [
        (counts_log_likelihood, DATA, "animal"),
        (animals_log_likelihood, {**DATA, "animal": [0, 1]}, "per_um"),
        (histories_log_likelihood, {"present": [[1, 1, 1]], "times": TIMES}, "frailty"),
        (detected_counts_log_likelihood, SCORED, "composition"),
    ],
)
def test_a_keyword_that_is_not_known_is_named(function, given, unknown):
    with pytest.raises(TypeError, match=f"unexpected keyword argument '{unknown}'"):
        function(TWO, **given, **{unknown: None})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"n0": [[3, 2]]}, "n0 has shape"),
        ({"n0": [3, -1]}, r"n0\[1\] is -1"),
        ({"gained": [[1, 0]]}, r"gained has shape \(1, 2\); expected \(2, 2\)"),
        ({"lost": [[1, 0.5], [0, 0]]}, r"lost\[0, 1\] is 0.5"),
        ({"lost": [[1, np.nan], [0, 0]]}, r"lost\[0, 1\] is nan"),
        ({"times": [0, 1]}, "gained has shape"),
        ({"times": [0, 2, 1]}, "rising"),
        ({"composition": "uniform"}, "'stationary'"),
        ({"composition": [0.5, 0.6]}, "with sum 1"),
        ({"length_um": [1.0, -1.0]}, "positive length"),
        ({"birth_effect": "lastin"}, "did you mean 'lasting'"),
    ],
)
def test_refusals_of_counts(change, words):
    with pytest.raises(SynmodelError, match=words):
        counts_log_likelihood(TWO, **{**DATA, **change})


def test_refusals_of_models():
    four = TurnoverModel(tuple("abcd"), 1.0, np.zeros((4, 4)), [1.0] * 4)
    growing = TurnoverModel(("spine",), 1.0, [[0]], [0.0], formation_cv_dendrite=0.5)
    with pytest.raises(FitError, match="at most 3 classes"):
        counts_log_likelihood(four, **DATA)
    with pytest.raises(FitError, match="animals_log_likelihood"):
        counts_log_likelihood(replace(TWO, formation_cv_animal=0.1), **DATA)
    with pytest.raises(FitError, match="give a probability for each class"):
        counts_log_likelihood(replace(TWO, formation=0.0), **DATA)
    with pytest.raises(FitError, match="choose 'response'"):
        counts_log_likelihood(growing, **DATA, composition=[1.0])
    kept = {**DATA, "lost": np.zeros((2, 2)), "composition": [1.0], "birth_effect": "response"}
    assert np.isfinite(counts_log_likelihood(growing, **kept)).all()
    with pytest.raises(FitError, match="label of the animal"):
        animals_log_likelihood(TWO, **DATA, animal=["a"])
    for wrong in ({"log_sd": -1}, {"log_sd": 0.5, "nodes": 0}, {"log_sd": 0.5, "effect": "always"}):
        with pytest.raises(FitError, match="frailty"):
            LossFrailty(**wrong)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"present": [[1, 0]]}, "a column for each of the times"),
        ({"present": [[1, 0, 2]]}, r"present\[0, 2\] is 2"),
        ({"present": [[1, 0, 0], [0, 0, -1]]}, "row 1 of present has no 1"),
        ({"present": [[1, 0, 0], [-1, 1, 1]]}, r"present\[1, 0\] is -1"),
        ({"dendrite": [0.0]}, "number of the dendrite"),
        ({"dendrite": [3], "n_dendrite": 2}, "give 4 or more"),
        ({"miss": [0.1, 0.2, 0.3]}, "one for each of 2 classes"),
        ({"miss": 1.0}, "from 0 to below 1"),
    ],
)
def test_refusals_of_histories(change, words):
    with pytest.raises(FitError, match=words):
        histories_log_likelihood(TWO, **{"present": [[1, 1, 0]], "times": TIMES, **change})


def test_refusals_of_observations():
    good = observed([[[4, 5]]], [[[2]]], [[[1]]])
    with pytest.raises(SchemaError, match="lost"):
        log_likelihood(TWO, good.drop_vars("lost"))
    with pytest.raises(FitError, match="spine_count"):
        log_likelihood(TWO, good.assign(spine_count=good["spine_count"] + 0.5))
    with pytest.raises(FitError, match="length_um of dendrite 0"):
        log_likelihood(TWO, good.assign(length_um=good["length_um"] * np.nan))
    no_balance = TurnoverModel(("young", "old"), 1.0, [[0, 0.1], [0, 0]], [0.2, 0.0])
    cut = observed([[[np.nan, 5, 5]]], [[[np.nan, 1]]], [[[np.nan, 1]]])
    with pytest.raises(FitError, match="later session"):
        log_likelihood(no_balance, cut, composition=[0.5, 0.5])


def simulated(model):
    out = simulate(model, initial="stationary", times=[0, 2, 4, 9], replicates=12, seed=4, threads=1)
    n0 = out["count"].to_numpy()[:, 0, 0].sum(axis=1)
    return {"n0": n0, "gained": out["gained"].to_numpy()[:, 0], "lost": out["lost"].to_numpy()[:, 0]}


def bits(model):
    options = {"times": [0, 2, 4, 9], "frailty": LossFrailty(0.4, nodes=3)}
    return counts_log_likelihood(model, **simulated(model), **options)


def test_threads_do_not_matter():
    if numba.config.NUMBA_NUM_THREADS < 2:
        pytest.skip("one thread on this machine")
    before, results = numba.get_num_threads(), []
    for threads in (1, 2):
        numba.set_num_threads(threads)
        results.append(bits(TWO).tobytes())
    numba.set_num_threads(before)
    assert results[0] == results[1]


def test_interpreted_code_gives_the_bits_of_compiled_code():
    plain = interpreted(__file__, "[bits(model).tolist() for model in (ONE, TWO, THREE)]")
    assert plain == [bits(model).tolist() for model in (ONE, TWO, THREE)]


def some_survive():
    """Two classes, one of which survives no interval: the logarithm of its probability is that of 0."""
    model = TurnoverModel(("a", "b"), [1.0, 1.0], [[0.0, 0.0], [0.0, 0.0]], [800.0, 0.3])
    return counts_log_likelihood(model, n0=[3], gained=[[1, 2]], lost=[[2, 1]], times=[0, 2, 4]).tolist()


def test_interpreted_code_takes_logarithms_of_0():
    plain = interpreted(__file__, "some_survive()")
    assert plain == some_survive()
    assert np.isfinite(plain).all()


def test_a_dendrite_has_the_same_bits_among_others():
    seen = simulated(TWO)
    together = counts_log_likelihood(TWO, **seen, times=[0, 2, 4, 9])
    alone = [
        counts_log_likelihood(TWO, **{name: each[k : k + 1] for name, each in seen.items()}, times=[0, 2, 4, 9])[0]
        for k in range(len(together))
    ]
    assert together.tolist() == alone


def test_no_dendrites_have_no_likelihood():
    nothing = {"n0": [], "gained": np.zeros((0, 2)), "lost": np.zeros((0, 2)), "times": [0, 2, 4]}
    assert counts_log_likelihood(TWO, **nothing).shape == (0,)
    several = replace(TWO, formation_cv_animal=0.3)
    assert animals_log_likelihood(several, **nothing, animal=[], birth_effect="response").shape == (0,)
