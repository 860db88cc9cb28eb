"""Scoring in cases that can be counted by hand, and the published measures."""

import numpy as np
import pytest
import xarray as xr

import synmodel
from synmodel.core.errors import SchemaError, SimulationError
from synmodel.core.randomness import stream_key, uniform_array
from synmodel.core.schema import OBSERVATIONS, SPINES, conform, stamped
from synmodel.imaging import Scoring, means, metrics, observe, summarise

SESSIONS = np.array([-1.0, 1.0, 3.0])


def spines(paths, dendrite):
    n = len(paths)
    return stamped(
        xr.Dataset(
            {
                "replicate": ("spine", np.zeros(n, int)),
                "dendrite": ("spine", np.array(dendrite)),
                "spine_key": ("spine", np.arange(n)),
                "birth_day": ("spine", np.zeros(n)),
                "death_day": ("spine", np.full(n, np.inf)),
                "spine_class": (("spine", "time"), np.array(paths, np.int8)),
            },
            {"time": SESSIONS},
        ),
        SPINES,
    )


PATHS = [[0, 1, 1], [-1, 0, -1], [-1, 0, 1], [1, -1, -1], [-1, -1, 0]]
DENDRITES = [0, 0, 1, 1, 1]


def scored(scoring, seed=1):
    return observe(
        spines(PATHS, DENDRITES), scoring, replicates=np.arange(1), animals=1, dendrites=2, length_um=20.0, seed=seed
    )


@pytest.mark.parametrize("miss", [(0.3, 0.3), (0.1, 0.6)], ids=["all alike", "by class"])
@pytest.mark.parametrize("reference", [0, 1, 3])
def test_scores_are_those_of_plain_arrays(miss, reference):
    """Spines that come, go, and come back, more than are scored together; some dendrites have none."""
    rng, n, days = np.random.default_rng(4), 1500, np.arange(6.0)
    classes = rng.integers(-1, 2, (n, days.size)).astype(np.int8)
    row = np.sort(rng.choice([0, 2, 3, 5], n, p=[0.6, 0.2, 0.19, 0.01]))
    content = {
        "replicate": ("spine", 4 + row // 3),
        "dendrite": ("spine", row % 3),
        "spine_key": ("spine", rng.permutation(n)),
        "birth_day": ("spine", np.zeros(n)),
        "death_day": ("spine", np.full(n, np.inf)),
        "spine_class": (("spine", "time"), classes),
        "head_width": (("spine", "time"), np.where(classes >= 0, rng.random((n, days.size)), np.nan)),
    }
    there = stamped(xr.Dataset(content, {"time": days}), SPINES)
    found = observe(
        there,
        Scoring(miss),
        replicates=np.array([4, 5]),
        animals=3,
        dendrites=1,
        length_um=9.0,
        seed=8,
        reference_day=reference - 0.5 if reference else 99.0,
    )
    who = [there[name].to_numpy()[:, None] for name in ("replicate", "dendrite", "spine_key")]
    u = uniform_array(stream_key(8, "detection"), *who, np.arange(days.size))
    hit = (classes >= 0) & (u < 1 - np.array(miss)[classes])
    new = hit[:, 1:] & ~hit[:, :-1]
    gone = ~hit[:, 1:] & hit[:, :-1]
    own = row == np.arange(6)[:, None]

    def sums(each):
        return (own @ each.astype(float)).reshape(2, 3, 1, -1)

    np.testing.assert_array_equal(found["spine_count"], sums(hit))
    np.testing.assert_array_equal(found["gained"], sums(new))
    np.testing.assert_array_equal(found["lost"], sums(gone))
    width = np.where(hit, there["head_width"], 0.0)
    with np.errstate(invalid="ignore"):
        np.testing.assert_allclose(found["head_width"], sums(width) / sums(hit), rtol=1e-12)
    if reference:
        followed = hit & new[:, [reference - 1]] & (np.arange(days.size) >= reference)
        ever = np.where(np.arange(days.size) < reference, True, hit).cumprod(axis=1) * followed
        np.testing.assert_array_equal(found["new_spines_seen"][..., reference:], sums(followed)[..., reference:])
        np.testing.assert_array_equal(found["new_spines_followed"][..., reference:], sums(ever)[..., reference:])
    else:
        assert "new_spines_seen" not in found


def test_a_perfect_microscope_reports_what_is_there():
    seen = scored(Scoring((0.0, 0.0)))
    conform(seen, OBSERVATIONS)
    np.testing.assert_array_equal(seen["spine_count"][0, 0], [[1, 2, 1], [1, 1, 2]])
    np.testing.assert_array_equal(seen["gained"][0, 0], [[1, 0], [1, 1]])
    np.testing.assert_array_equal(seen["lost"][0, 0], [[0, 1], [1, 0]])
    np.testing.assert_array_equal(seen["new_spines_seen"][0, 0], [[np.nan, 1, 0], [np.nan, 1, 1]])
    assert (seen["length_um"] == 20).all()


def test_an_imperfect_one_conserves_counts():
    seen = scored(Scoring((0.4, 0.2), false_positive_per_um=0.1, length_cv=0.1))
    count = seen["spine_count"].to_numpy()
    np.testing.assert_array_equal(np.diff(count, axis=3), (seen["gained"] - seen["lost"]).to_numpy())
    assert seen["length_um"].std() > 0


def test_dendrites_without_spines_are_seen_empty():
    """Also where no dendrite of a replicate ever has one; false spines are all that is there."""
    none = spines(np.empty((0, 3), np.int8), np.empty(0, int))
    design = {"replicates": np.arange(1), "animals": 1, "dendrites": 2, "length_um": 20.0, "seed": 1}
    assert (observe(none, Scoring((0.0,)), **design)["spine_count"] == 0).all()
    seen = observe(none, Scoring((0.0,), false_positive_per_um=0.1), **design)
    assert seen["spine_count"].shape == (1, 1, 2, 3)
    assert 0 < seen["spine_count"].sum() < 40
    one_session = observe(none.isel(time=[0]), Scoring((0.0,)), **design)
    assert one_session["gained"].shape == (1, 1, 2, 0)


def test_spines_of_a_dendrite_need_not_stand_together():
    together, apart = spines(PATHS, DENDRITES), spines(PATHS[::-1], DENDRITES[::-1])
    apart["spine_key"] = ("spine", np.arange(5)[::-1])
    design = {"replicates": np.arange(1), "animals": 1, "dendrites": 2, "length_um": 20.0, "seed": 1}
    scoring = Scoring((0.4, 0.2))
    xr.testing.assert_equal(observe(together, scoring, **design), observe(apart, scoring, **design))


def test_every_class_needs_its_probability_to_be_missed():
    with pytest.raises(SimulationError, match=r"scoring.miss is \(0.1,\), and there are spines of class 1"):
        scored(Scoring((0.1,)))


@pytest.mark.parametrize("scoring", [{"miss": (1.0,)}, {"miss": (-0.1,)}, {"miss": (0.1,), "length_cv": -1.0}])
def test_bad_scoring_is_refused(scoring):
    with pytest.raises(SimulationError, match="scoring"):
        Scoring(**scoring)


def test_measures():
    previous = np.array([10.0, 8.0, 0.0])
    np.testing.assert_array_equal(metrics.formation_fraction(np.array([1.0, 2.0, 1.0]), previous), [0.1, 0.25, np.nan])
    np.testing.assert_array_equal(
        metrics.elimination_fraction(np.array([1.0, 2.0, 0.0]), previous), [0.1, 0.25, np.nan]
    )
    assert metrics.turnover_ratio(np.array([1.0]), np.array([3.0]), np.array([10.0]), np.array([8.0]))[0] == 4 / 18
    assert metrics.survival_fraction(np.array([7.0]), np.array([10.0]))[0] == 0.7
    assert metrics.persistence(np.array([1.0]), np.array([4.0]))[0] == 0.25
    assert metrics.density(np.array([10.0]), np.array([20.0]))[0] == 0.5
    assert metrics.relative_change(np.array([9.0]), np.array([10.0]))[0] == pytest.approx(-0.1)


def test_summary_by_hand():
    seen = scored(Scoring((0.0, 0.0)))
    summary = summarise(seen.isel(replicate=0, drop=True))
    row = {
        (q.item(), e.item()): m.item()
        for q, e, m in zip(summary["quantity"], summary["end_day"], summary["mean"], strict=True)
    }
    assert row["formation_fraction", 1.0] == pytest.approx((1 / 1 + 1 / 1) / 2)
    assert row["elimination_fraction", 3.0] == pytest.approx((1 / 2 + 0 / 1) / 2)
    assert row["density_change", 3.0] == pytest.approx((0 + 1) / 2)
    assert row["new_spine_persistence_seen", 3.0] == pytest.approx(1 / 2)


def test_observations_without_a_variable_are_refused():
    with pytest.raises(SchemaError, match=r"Observations.gained is missing; it holds spines scored now"):
        summarise(scored(Scoring((0.0, 0.0))).drop_vars("gained"))


@pytest.mark.parametrize("replicates", [1, 6])
def test_means_alone_are_those_of_the_summary(replicates):
    """Of short dendrites, some of which have no spine and so no fraction."""
    short = {"animals": 2, "dendrites_per_animal": 2, "length_um": 1.5}
    plan = synmodel.load_scenario("psilocybin-mouse").updated(cohort=short)
    observations = synmodel.simulate(plan, replicates=replicates, seed=2)
    summary = summarise(observations)
    points, mean = means(observations)
    assert np.isnan(mean).any() or replicates == 1
    assert mean.tobytes() == summary["mean"].to_numpy().tobytes()
    coordinates = (summary[name].to_numpy().tolist() for name in ("quantity", "start_day", "end_day"))
    assert points == list(zip(*coordinates, strict=True))


def test_a_summary_is_what_labelled_means_and_sums_say():
    observations = synmodel.simulate("ketamine-mouse-single", replicates=3, seed=4)
    summary = summarise(observations).isel(replicate=1)
    one = observations.isel(replicate=1)
    before = one["spine_count"].isel(session=slice(None, -1)).drop_vars("session").rename(session="interval")
    lost = (one["lost"] / before).where(before > 0)
    seen = summary.isel(point=(summary["quantity"] == "elimination_fraction").to_numpy())
    mice = lost.mean("dendrite")
    np.testing.assert_allclose(seen["mouse_mean"], mice.mean("animal"), rtol=1e-14)
    np.testing.assert_allclose(
        seen["mouse_sem"], mice.std("animal", ddof=1) / np.sqrt(mice.sizes["animal"]), rtol=1e-12
    )
    np.testing.assert_array_equal(seen["n_dendrites"], lost.notnull().sum(("animal", "dendrite")))
