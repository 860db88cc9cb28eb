"""What holds for every model, start and schedule."""

import numpy as np
import xarray as xr
from hypothesis import example, given, settings
from hypothesis import strategies as st

from synmodel.turnover import TurnoverModel, moments, propagate, simulate

hazard = st.floats(0.0, 3.0)


@st.composite
def models(draw):
    k = draw(st.integers(1, 3))
    transition = [[0.0 if i == j else draw(hazard) for j in range(k)] for i in range(k)]
    return TurnoverModel(
        tuple(f"class {i}" for i in range(k)),
        [draw(st.floats(0.0, 4.0)) for _ in range(k)],
        transition,
        [draw(hazard) for _ in range(k)],
        formation_trend=draw(st.sampled_from([0.0, -0.05, 0.05])),
        formation_cv_dendrite=draw(st.sampled_from([0.0, 0.7])),
    )


@st.composite
def schedules(draw):
    steps = draw(st.lists(st.floats(0.01, 12.0), min_size=1, max_size=6))
    return (draw(st.floats(-5, 5)) + np.concatenate([[0.0], np.cumsum(steps)])).tolist()


@st.composite
def drives(draw):
    n = draw(st.integers(1, 4))
    times = np.cumsum([draw(st.floats(0.1, 4.0)) for _ in range(n)]) - 4
    folds = {
        name: ("time", [draw(st.floats(0.0, 4.0)) for _ in range(n)])
        for name in ("formation", "maturation", "elimination")
        if draw(st.booleans())
    }
    return xr.Dataset(folds, {"time": times})


@settings(max_examples=60)
@given(models(), schedules(), drives(), st.sampled_from(["sessions", "events", "coupled"]), st.integers(0, 2**64 - 1))
def test_spines_are_conserved(model, times, drive, engine, seed):
    start = dict.fromkeys(model.classes, 3)
    out = simulate(model, initial=start, times=times, replicates=4, dendrites=2, drive=drive, seed=seed, engine=engine)
    count = out["count"].to_numpy()
    assert (count >= 0).all()
    assert (count[:, :, 0] == 3).all()
    assert (out["gained"] >= 0).all()
    assert (out["lost"] >= 0).all()
    total = count.sum(axis=3)
    np.testing.assert_array_equal(np.diff(total, axis=2), (out["gained"] - out["lost"]).to_numpy())
    assert (out["lost"].to_numpy() <= total[:, :, :-1]).all()


@settings(max_examples=60)
@given(models(), schedules(), drives())
def test_propagation_composes(model, times, drive):
    """Chapman and Kolmogorov: P_ac = P_ab P_bc and gamma_ac = gamma_ab P_bc + gamma_bc."""
    steps = propagate(model, np.array(times), drive)
    whole = propagate(model, np.array([times[0], times[-1]]), drive)
    joined = steps.joined(np.array([0, len(times) - 1]))
    np.testing.assert_allclose(joined.survival, whole.survival, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(joined.newborn, whole.newborn, rtol=1e-9, atol=1e-9)
    assert (steps.survival >= -1e-15).all()
    np.testing.assert_allclose(steps.survival.sum(axis=2) + steps.lost, 1.0, rtol=1e-12)
    assert (steps.lost >= 0).all()
    assert (steps.newborn >= 0).all()


@settings(max_examples=60)
@given(models(), schedules())
def test_nothing_is_lost_where_no_hazard_is(model, times):
    """Elimination that cannot be is not left possible by rounding."""
    never = xr.Dataset({"elimination": ("time", [0.0])}, {"time": [times[0]]})
    steps = propagate(model, np.array(times), never)
    np.testing.assert_array_equal(steps.lost, 0.0)


@settings(max_examples=60)
@given(models(), schedules(), drives())
def test_moments_balance(model, times, drive):
    exact = moments(model, initial={"poisson": [4.0] * model.n_class}, times=times, drive=drive)
    total = exact["count_mean"].sum("spine_class").to_numpy()
    np.testing.assert_allclose(
        np.diff(total), (exact["gained_mean"] - exact["lost_mean"]).to_numpy(), rtol=1e-8, atol=1e-9
    )
    for name in ("count", "gained", "lost"):
        assert (exact[f"{name}_variance"] >= -1e-9).all()


@settings(max_examples=40)
@given(models(), schedules(), st.integers(0, 1000))
def test_a_flat_drive_is_no_drive(model, times, seed):
    effects = ("formation", "maturation", "elimination")
    flat = xr.Dataset({name: ("time", [1.0, 1.0]) for name in effects}, {"time": [0.0, 2.0]})
    start = [2] * model.n_class
    for engine in ("sessions", "events", "coupled"):
        design = {"initial": start, "times": times, "replicates": 3, "seed": seed, "engine": engine}
        for name, values in simulate(model, **design).data_vars.items():
            np.testing.assert_array_equal(values, simulate(model, drive=flat, **design)[name])


# Baseline formation that outgrows its fold of 1 within the sessions, beside a drug that does so from the start.
_GROWING = TurnoverModel(("a", "b", "c"), [0, 1, 1], [[0, 0, 0], [0, 0, 0], [0, 0, 0]], [0, 0, 1], formation_trend=0.05)


@settings(max_examples=30)
@given(models(), schedules(), st.integers(0, 1000))
@example(_GROWING, [-1.0, 0.0, 5.0], 0)
def test_more_formation_never_means_fewer_spines(model, times, seed):
    """A drug adds spines to those of the control and moves none of them."""
    drug = xr.Dataset({"formation": ("time", [2.6])}, {"time": [times[0]]})
    design = {"initial": [2] * model.n_class, "times": times, "replicates": 5, "seed": seed, "engine": "events"}
    treated, control = simulate(model, drive=drug, **design)["count"], simulate(model, **design)["count"]
    assert (treated >= control).all()
