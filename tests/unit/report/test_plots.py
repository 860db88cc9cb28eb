"""Figures of ``synmodel plot``: what is drawn is what the data hold, and the numbers agree with other programs."""

import json

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from command_line import run
from matplotlib.figure import Figure
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

from synmodel.analysis.responses import dose_response
from synmodel.core import netcdf
from synmodel.core.errors import DataError, ScenarioError, SimulationError
from synmodel.data import read_observations
from synmodel.imaging import Scoring, observe
from synmodel.inference.conventional.estimation import Groups, differences_of, groups_of
from synmodel.inference.conventional.measured import dendrite_table
from synmodel.report import raster, style
from synmodel.report.dose_figure import dose_figure
from synmodel.report.estimation_figure import estimation_figure
from synmodel.report.prior_figure import Sampled, prior_figure
from synmodel.report.timeline import timeline_figure
from synmodel.scenario import load
from synmodel.simulation import histories

SALINE = np.array([6.2, 4.6, 13.8, 7.8, 5.0, 6.3]) / 100
PSILOCYBIN = np.array([8.2, 18.2, 16.3, 11.8, 10.4, 8.8]) / 100
# dabest 2025.10.20: load(idx=("saline", "psilocybin"), resamples=100000, random_seed=1).mean_diff.results, same means
DABEST = {"difference": 5.0, "bca_low": 0.9666666666666668, "bca_high": 8.716666666666667}


def groups(control=SALINE, arm=PSILOCYBIN):
    means = {"saline": np.asarray(control, float), "psilocybin": np.asarray(arm, float)}
    return Groups("s", "formation_fraction", -1, 1, "saline", means, {name: len(x) for name, x in means.items()})


# -- estimation ------------------------------------------------------------------------------------------------


def test_the_difference_and_its_interval_are_those_of_dabest():
    (found,) = differences_of(groups(), seed=1, resamples=20_000)
    assert 100 * found.estimate == pytest.approx(DABEST["difference"], abs=1e-9)
    # An end of 20,000 draws has a standard error of some 0.04 percentage points.
    assert 100 * found.bootstrap_low == pytest.approx(DABEST["bca_low"], abs=0.16)
    assert 100 * found.bootstrap_high == pytest.approx(DABEST["bca_high"], abs=0.16)


def test_welch_is_that_of_statsmodels():
    (found,) = differences_of(groups(), resamples=100)
    other = CompareMeans(DescrStatsW(PSILOCYBIN), DescrStatsW(SALINE)).tconfint_diff(usevar="unequal")
    assert (found.welch_low, found.welch_high) == pytest.approx(other, rel=1e-9)


def test_the_interval_moves_with_the_seed_and_not_without():
    one, again, other = (differences_of(groups(), seed=seed)[0] for seed in (1, 1, 2))
    assert (one.bootstrap_low, one.bootstrap_high) == (again.bootstrap_low, again.bootstrap_high)
    assert (one.bootstrap_low, one.bootstrap_high) != (other.bootstrap_low, other.bootstrap_high)


@pytest.mark.parametrize(("control", "arm"), [([0.1, 0.2], [0.3, 0.4]), ([0.1] * 4, [0.2] * 4), ([0.1], [0.3, 0.2])])
def test_too_few_mice_or_mice_alike_have_no_interval(control, arm):
    (found,) = differences_of(groups(control, arm))
    assert np.isnan([found.bootstrap_low, found.bootstrap_high]).all()
    assert found.estimate == pytest.approx(np.mean(arm) - np.mean(control))
    estimation_figure(groups(control, arm), [found])


@pytest.fixture
def counts(tmp_path):
    """Two arms of three mice with two dendrites: 10 spines at first, then the same gains, then more with the drug."""
    rows = []
    for arm, after in (("saline", 1), ("psilocybin", 3)):
        for mouse in range(3):
            for dendrite in range(2):
                more = (mouse == 1) + (dendrite == 1)
                where = (arm, f"m{mouse}", dendrite)
                rows.append((*where, -1, 10, "", "", 20))
                rows.append((*where, 0, 10, 1 + more, 1 + more, 20))
                rows.append((*where, 1, 9 + after + more, after + more, 1, 20))
    columns = ["arm", "mouse", "dendrite", "day", "spine_count", "gained", "lost", "length_um"]
    pd.DataFrame(rows, columns=columns).to_csv(tmp_path / "counts.csv", index=False)
    return tmp_path / "counts.csv"


def test_a_mouse_is_the_mean_of_its_dendrites(counts):
    found = groups_of(dendrite_table(read_observations(counts).observations))
    assert (found.control, found.start_day, found.end_day) == ("saline", 0.0, 1.0)
    assert found.means["saline"] == pytest.approx([0.15, 0.25, 0.15])
    assert found.means["psilocybin"] == pytest.approx([0.35, 0.45, 0.35])
    assert found.dendrites == {"saline": 6, "psilocybin": 6}
    figure = estimation_figure(found, differences_of(found, resamples=200))
    mice, difference = figure.axes
    drawn = [line for line in mice.lines if line.get_marker() == "o" and len(line.get_ydata()) == 3]
    assert [sorted(line.get_ydata()) for line in drawn] == [
        pytest.approx([15, 15, 25]), pytest.approx([35, 35, 45]),
    ]  # fmt: skip
    # 0 of the difference stands level with the mean of the control, on axes of one scale.
    low, high = mice.get_ylim()
    base = 100 * found.means["saline"].mean()
    assert difference.get_ylim() == pytest.approx((low - base, high - base))
    points = [line.get_ydata()[0] for line in difference.lines if line.get_marker() == "o"]
    assert points == pytest.approx([20.0])


@pytest.mark.parametrize(
    ("options", "telling"),
    [
        ({"quantity": "charm"}, "quantity is 'charm'"),
        ({"control": "nobody"}, "control is 'nobody'; the arms"),
        ({"interval": (0.0, 9.0)}, "interval is 0 to 9; of formation_fraction there are: -1 to 0, 0 to 1"),
    ],
)
def test_what_is_not_in_a_table_is_said(counts, options, telling):
    table = dendrite_table(read_observations(counts).observations)
    with pytest.raises(DataError) as fault:
        groups_of(table, **options)
    assert telling in str(fault.value)


def test_several_arms_stand_above_their_differences():
    found = groups()
    third = found._replace(
        means=found.means | {"LSD": PSILOCYBIN + 0.01}, dendrites=found.dendrites | {"LSD": 6}
    )  # fmt: skip
    differences = differences_of(third, resamples=200)
    assert [each.arm for each in differences] == ["psilocybin", "LSD"]
    _, below = estimation_figure(third, differences).axes
    points = [line.get_ydata()[0] for line in below.lines if line.get_marker() == "o"]
    assert points == pytest.approx([5.0, 6.0])


# -- raster ----------------------------------------------------------------------------------------------------


def test_fates_of_spines():
    present = np.array(
        [[1, 1, 1, 0], [0, 1, 0, 1], [1, -1, 1, -1], [0, -1, 1, 0], [-1, 1, 1, 1], [0, 0, 0, 0]], np.int8
    )
    p, g, lost, u, a = raster.PERSISTENT, raster.GAINED, raster.LOST, raster.UNKNOWN, raster.ABSENT
    assert raster.fates(present).tolist() == [
        [p, p, p, lost], [a, g, lost, g], [p, u, p, u], [a, u, g, lost], [u, p, p, p], [a, a, a, a],
    ]  # fmt: skip


@pytest.fixture
def spines(tmp_path):
    """A table of single spines of two arms, with a spine censored once."""
    states = {
        "saline": {"a": "1111", "b": "1100", "c": "0111", "d": "1?11"},
        "psilocybin": {"a": "1111", "b": "0011", "c": "0110", "e": "0001", "f": "1000"},
    }
    words = {"1": "present", "0": "absent", "?": "censored"}
    rows = [
        (arm, "m1", dendrite, f"{spine}{dendrite}", day, words[state])
        for arm, own in states.items()
        for dendrite in range(2)
        for spine, course in own.items()
        for day, state in zip((-3, -1, 1, 3), course, strict=True)
    ]
    path = tmp_path / "spines.csv"
    pd.DataFrame(rows, columns=["arm", "mouse", "dendrite", "spine", "day", "status"]).to_csv(path, index=False)
    return path


def marks_of(axes):
    """Number of marks of each kind, by session."""
    return {
        line.get_label(): np.bincount(np.asarray(line.get_xdata(), int), minlength=4).tolist()
        for line in axes.lines
        if line.get_label() in raster._NAMES.values()
    }


def test_the_raster_shows_the_table(spines):
    reading = read_observations(spines)
    figure = raster.raster_figure([reading.presence])
    by_arm = {axes.get_label(): axes for axes in figure.axes}
    assert set(by_arm) == {"saline", "psilocybin"}
    saline = marks_of(by_arm["saline"])
    assert saline == {
        "persistent": [6, 4, 6, 6], "gained": [0, 2, 0, 0], "lost": [0, 0, 2, 0], "not known (censored)": [0, 2, 0, 0],
    }  # fmt: skip
    # Gains and losses are those that the reader of the table counts.
    observed = reading.observations
    for name, axes in by_arm.items():
        animal = int(np.flatnonzero(observed["arm"].to_numpy() == name)[0])
        for kind, quantity in (("gained", "gained"), ("lost", "lost")):
            counted = observed[quantity].isel(animal=animal).sum("dendrite", skipna=False).to_numpy()
            drawn = np.array(marks_of(axes)[kind][1:])
            known = np.isfinite(counted)
            assert drawn[known].tolist() == counted[known].tolist()
    markers = {line.get_marker() for line in by_arm["saline"].lines if line.get_label() in raster._NAMES.values()}
    assert len(markers) == 4  # told apart without colour


def test_the_raster_of_a_simulation_is_that_of_its_observations():
    """Without errors of scoring a microscope reports the very gains and losses that the raster shows."""
    plan = load("psilocybin-mouse").updated(cohort={"animals": 2, "dendrites_per_animal": 3})
    traced = histories(plan, seed=5)
    sees_all = Scoring((0.0,) * (1 + int(traced["spine_class"].max())))
    seen = observe(traced, sees_all, replicates=np.array([0]), animals=2, dendrites=3, length_um=23.0, seed=5)
    presence = raster.presence_of(traced, animals=2, dendrites=3, name="psilocybin")
    states = raster.fates(presence["present"].to_numpy())
    for kind, quantity in ((raster.GAINED, "gained"), (raster.LOST, "lost")):
        for animal, dendrite in np.ndindex(2, 3):
            own = (presence["animal"] == animal) & (presence["dendrite"] == dendrite)
            counted = seen[quantity].isel(replicate=0, animal=animal, dendrite=dendrite).to_numpy()
            assert (states[own.to_numpy()] == kind).sum(axis=0)[1:].tolist() == counted.tolist()
    assert int((states == raster.GAINED).sum()) > 20


def test_a_raster_ends_with_a_whole_dendrite():
    plan = load("saline-mouse").updated(cohort={"animals": 2, "dendrites_per_animal": 5})
    presence = raster.presence_of(histories(plan, seed=1), animals=2, dendrites=5)
    (axes,) = raster.raster_figure([presence], most=40).axes
    shown = int(axes.get_ylim()[0] + 0.4)
    sizes = pd.Series(presence["dendrite"].to_numpy() + 10 * presence["animal"].to_numpy()).value_counts(sort=False)
    assert shown in np.cumsum(sizes.to_numpy())
    assert shown <= 40
    assert "the first" in axes.texts[0].get_text()


def test_histories_are_keyed_by_replicate():
    plan = load("saline-mouse").updated(cohort={"animals": 1, "dendrites_per_animal": 2})
    assert histories(plan, seed=1).identical(histories(plan, seed=1))
    assert not histories(plan, seed=1).equals(histories(plan, seed=1, replicate=1))
    with pytest.raises(SimulationError, match="replicate"):
        histories(plan, seed=1, replicate=-1)


# -- timeline, doses, priors -----------------------------------------------------------------------------------


def test_the_timeline_shows_doses_conditions_and_sessions():
    plan = load("ketamine-mouse-daily5").updated(
        subject={"stress": {"name": "chronic corticosterone", "from_day": -3, "to_day": 2}}
    )
    (axes,) = timeline_figure([plan]).axes
    labels = [tick.get_text() for tick in axes.get_yticklabels()]
    assert labels == ["ketamine 10 mg/kg i.p., 5 times", "chronic corticosterone", "imaging, 8 sessions"]
    doses, sessions = (
        next(line.get_xdata() for line in axes.lines if line.get_marker() == mark) for mark in ("v", "|")
    )  # fmt: skip
    assert list(doses) == [0, 1, 2, 3, 4]
    assert list(sessions) == list(plan.schedule.sessions)
    (bar,) = axes.patches
    assert (bar.get_x(), bar.get_width()) == (-3, 5)


@pytest.mark.parametrize("look", ["page", "slides"])
def test_a_timeline_can_be_read(look):
    """Long titles lie inside, a compound has one colour, a pretreatment is told in minutes."""
    names = ("psilocybin-mouse-ketanserin", "esketamine-human-label")
    figure = timeline_figure([load(name) for name in names], look=look)
    figure.canvas.draw()
    upper = figure.axes[0]
    for axes in figure.axes:
        assert axes.title.get_window_extent().x1 <= figure.bbox.x1
    labels = [tick.get_text() for tick in upper.get_yticklabels()]
    assert labels[0] == "ketanserin 1 mg/kg i.p., 10 min before day 0"
    of_compounds = [{line.get_color() for line in axes.lines if line.get_marker() == "v"} for axes in figure.axes]
    assert [len(colours) for colours in of_compounds] == [2, 1]


def test_dose_response_passes_through_the_scenario():
    from synmodel.simulation.courses import course_function

    plan = load("psilocybin-mouse")
    found = dose_response(plan, factors=(0.1, 1.0, 10.0), draws=4, seed=1)
    assert found["amount"].to_numpy().tolist() == pytest.approx([0.1, 1, 10])
    days = np.unique(np.concatenate([plan.schedule.sessions, np.linspace(0.01, 34, 2000)]))
    with_drug = course_function(plan, days)(None)
    without = course_function(plan.updated(regimen={"doses": []}), days)(None)
    at = found.sel(draw=-1, factor=1.0)
    assert float(at["formation_peak"]) == pytest.approx(with_drug.formation_fold.max(), rel=0.02)
    assert float(at["elimination_lowest"]) == pytest.approx(with_drug.elimination_fold.min(), rel=0.02)
    assert float(at["extra_spines"]) == pytest.approx(with_drug.density[-1] - without.density[-1], rel=1e-9)
    assert (np.diff(found["formation_peak"].to_numpy(), axis=1) > 0).all()  # more drug, more formation, at every draw
    figure = dose_figure(found, look="slides")
    assert [axes.get_label() for axes in figure.axes] == ["formation_peak", "elimination_lowest", "extra_spines"]
    with pytest.raises(ScenarioError, match="gives no drug"):
        dose_response(load("saline-mouse"), draws=0)


def test_posterior_against_prior():
    generator = np.random.default_rng(1)
    draws = {
        "a.formation": Sampled(np.exp(0.1 * generator.standard_normal(4000)), np.exp(generator.standard_normal(4000)),
                               "1/day", True),
        "flat": Sampled(generator.standard_normal(4000), generator.standard_normal(4000), "1", False),
    }  # fmt: skip
    narrow, flat, *_ = prior_figure(draws).axes
    assert narrow.get_xlabel() == "1/day; 90 % narrower"
    share = int(flat.get_xlabel().split(" %")[0])
    assert share <= 4


# -- the command -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("ending", "begins"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
@pytest.mark.parametrize("look", style.LOOKS)
def test_every_format_and_style(capsys, monkeypatch, tmp_path, ending, begins, look):
    out = tmp_path / f"timeline.{ending}"
    for _ in range(2):
        status, said, _ = run(capsys, monkeypatch, "plot", "timeline", "saline-mouse", "--out", out, "--style", look)
        assert (status, said) == (0, f"Written to {out}\n")
        written = out.read_bytes()
        assert written.startswith(begins)
        first = locals().setdefault("first", written)
    assert written == first
    assert b"synmodel_version" in written or ending == "pdf"


def test_slides_have_larger_type_than_paper():
    sizes = {}
    for look in style.LOOKS:
        (axes,) = timeline_figure([load("saline-mouse")], look=look).axes
        sizes[look] = axes.xaxis.label.get_size()
    assert sizes["paper"] < sizes["page"] < sizes["slides"]


@pytest.mark.parametrize(
    ("arguments", "telling"),
    [
        (("timeline", "saline-mouse", "--out", "x.gif"), "a figure is written as .png, .svg, .pdf"),
        (("timeline", "saline-mouse", "--style", "loud"), "style is 'loud'; allowed is page, paper, slides"),
        (("timeline", "nothing"), "no scenario 'nothing'"),
        (("raster", "nothing"), "no scenario 'nothing'"),
        (("raster", "a", "b"), "is no table"),
        (("raster", "a", "b"), "give tables of single spines, or one scenario"),
        (("estimation", "a", "b"), "give tables, or one scenario"),
        (("estimation", "saline-mouse"), "gives no drug"),
        (("estimation", "psilocybin-mouse", "--interval", "1"), "give two days"),
        (("posterior", "nowhere"), "cannot read nowhere/fit.nc"),
        (("predictive", "nowhere"), "nowhere is not there"),
    ],
)
def test_what_cannot_be_drawn_is_one_line(capsys, monkeypatch, tmp_path, arguments, telling):
    monkeypatch.chdir(tmp_path)
    status, said, fault = run(capsys, monkeypatch, "plot", *arguments)
    assert (status, said) == (2, "")
    assert fault.count("\n") == 1
    assert telling in fault
    assert not list(tmp_path.iterdir())


def test_raster_and_estimation_of_tables(capsys, monkeypatch, spines, counts, tmp_path):
    status, _, _ = run(capsys, monkeypatch, "plot", "raster", spines, "--out", tmp_path / "r.png")
    assert status == 0
    status, said, _ = run(
        capsys, monkeypatch, "plot", "estimation", counts, "--out", tmp_path / "e.png", "--interval=-1,0", "--json"
    )
    (difference,) = json.loads(said)["differences"]
    assert (status, difference["arm"], difference["control"]) == (0, "psilocybin", "saline")
    assert difference["estimate"] == pytest.approx(0.0)
    status, _, fault = run(capsys, monkeypatch, "plot", "raster", counts, "--out", tmp_path / "r.png")
    assert status == 2
    assert "has no single spines" in fault


def test_posterior_and_predictive_of_a_fit(capsys, monkeypatch, tmp_path):
    generator = np.random.default_rng(1)
    folder = tmp_path / "fit"
    folder.mkdir()
    groups_of_fit = {
        name: xr.Dataset(
            {"psilocybin.formation_fold": (("chain", "draw"), np.exp(sd * generator.standard_normal((1, 200))),
                                           {"units": "1"})}
        )
        for name, sd in (("posterior", 0.1), ("prior", 1.0))
    }  # fmt: skip
    netcdf.write(xr.DataTree.from_dict(groups_of_fit), folder / "fit.nc")
    assert run(capsys, monkeypatch, "plot", "posterior", folder, "--out", tmp_path / "p.png")[0] == 0
    status, _, fault = run(
        capsys, monkeypatch, "plot", "posterior", folder, "--parameter", "x", "--out", tmp_path / "p.png"
    )
    assert status == 2
    assert "no parameter 'x'" in fault
    (folder / "fit.json").write_text('{"model": "none"}')
    status, _, fault = run(capsys, monkeypatch, "plot", "predictive", folder, "--out", tmp_path / "q.png")
    assert status == 2
    assert "holds no predictive check" in fault
    assert fault.endswith("or nested\n")


def drawn():
    with style.style("page"):
        figure, axes = style.panels(2, 2, size=(6.0, 4.0), sharex=True)
        for k, each in enumerate(axes.ravel()):
            each.plot([0, 1], [0, 10.0**k])
            each.set_ylabel(f"quantity {k}")
    return figure, axes


def test_a_figure_is_laid_out_for_each_file_and_left_as_it_was(tmp_path, monkeypatch):
    """An SVG after a PNG is the SVG alone; and what is changed between two files is made room for."""
    first, axes = drawn()
    style.save(first, tmp_path / "a.png", {})
    style.save(first, tmp_path / "a.svg", {})
    style.save(drawn()[0], tmp_path / "b.svg", {})
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert first.get_layout_engine() is not None
    seen, savefig = [], first.savefig
    monkeypatch.setattr(first, "savefig", lambda *_, **__: seen.append(axes[0, 0].get_position().x0))
    style.save(first, tmp_path / "a.png", {})
    axes[0, 0].set_ylabel("one\ntwo\nthree\nfour")
    style.save(first, tmp_path / "a.png", {})
    assert seen[1] > seen[0] + 0.02
    monkeypatch.setattr(first, "savefig", savefig)
    dpi = first.dpi
    with pytest.raises(OSError, match="nowhere"):
        style.save(first, tmp_path / "nowhere" / "a.png", {})
    assert first.dpi == dpi
    assert first.get_layout_engine() is not None


def test_places_of_axes_are_rounded_in_files(tmp_path, monkeypatch):
    """The solver of the layout leaves places that differ in the last bits from process to process."""
    figure, axes = drawn()
    seen = []
    monkeypatch.setattr(
        figure, "savefig", lambda *_, **__: seen.extend(each.get_position().bounds for each in figure.axes)
    )
    style.save(figure, tmp_path / "a.svg", {})
    assert len(seen) == axes.size
    np.testing.assert_allclose(seen, np.round(seen, 9), rtol=0, atol=1e-14)


def test_a_figure_is_drawn_once_for_a_file_whatever_the_settings_of_the_user(monkeypatch, tmp_path):
    """A layout engine that is left in place has all drawn twice, and a setting of the user would make one anew."""
    drawn = []
    monkeypatch.setattr(
        Figure, "draw", lambda figure, canvas, draw=Figure.draw: (drawn.append(1), draw(figure, canvas))
    )
    figure = timeline_figure([load("ketamine-mouse-single")])
    style.save(figure, tmp_path / "a.svg", {})
    with mpl.rc_context({"figure.constrained_layout.use": True}):
        style.save(figure, tmp_path / "b.svg", {})
    assert len(drawn) == 2
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert figure.get_layout_engine() is not None
