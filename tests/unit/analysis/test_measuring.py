"""What to measure next: the ensemble follows a fit made anew, conclusions are the model's, the verb writes."""

import itertools
import json
import sys
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from command_line import names_in

from synmodel.analysis.measuring import Ensemble, conclusions, evaluate, fixed_numbers, measurements, rank
from synmodel.analysis.measuring import ranking as room
from synmodel.analysis.sweeps.factors import without_doses
from synmodel.cli import main
from synmodel.core.errors import FitError, SimulationError
from synmodel.inference.summaries.joint import load_posterior
from synmodel.inference.summaries.summary_fit import fit_problem
from synmodel.simulation import drive_of, expectation

pytestmark = pytest.mark.heavy

SOME = (
    "ketamine.human_clearance", "psilocin.agonist_5ht2a_maximum", "psilocin.mouse_half_life", "psilocin.mouse_kp_uu"
)  # fmt: skip


@pytest.fixture(scope="module")
def ensemble():
    """With some of the fixed numbers: the slopes of all take half a minute."""
    source = load_posterior()
    return Ensemble(source, tuple(e for e in fixed_numbers(source, conclusions()) if e.parameter.name in SOME))


def test_conclusions_are_expectations_of_scenarios(ensemble):
    parameters = ensemble.posterior.typical()
    values = evaluate(conclusions(), parameters)
    for quantity, value in zip(conclusions(), values, strict=True):
        plan = quantity.scenario
        if quantity.kind == "lowest_elimination":
            assert value == float(drive_of(plan, parameters)["elimination"].min())
            continue
        field = {"density_change": "density_change", "formation_fraction": "formation"}[quantity.kind]
        at = plan.schedule.sessions.index(quantity.end_day) - 1
        drug, vehicle = expectation(plan, parameters), expectation(without_doses(plan), parameters)
        assert value == 100 * (getattr(drug, field)[at] - getattr(vehicle, field)[at])


def test_fixed_numbers_have_priors_and_the_library_is_the_middle(ensemble):
    everything = fixed_numbers(ensemble.posterior, conclusions())
    names = [each.parameter.name for each in everything]
    assert set(SOME) < set(names)
    assert not set(names) & set(ensemble.posterior.problem.free)
    assert "nmda.disinhibition_gain" not in names
    for each in everything:
        assert each.at(0.0) == each.parameter.value
        assert each.at(-9.0) < each.parameter.value <= each.at(99.0) <= each.parameter.upper
    middle = ensemble.parameters(ensemble.posterior.vector, np.zeros(len(SOME)))
    assert middle == ensemble.posterior.typical()


def test_data_narrow_what_they_see_alone(ensemble):
    """Head twitches and spines of mice say nothing of human kinetics."""
    left = dict(zip((each.parameter.name for each in ensemble.fixed), ensemble.spreads, strict=True))
    assert (ensemble.spreads <= 1 + 1e-9).all()
    assert left["ketamine.human_clearance"] == pytest.approx(1.0, abs=1e-9)
    assert left["psilocin.agonist_5ht2a_maximum"] < 0.9
    z = ensemble.draws(4000, 1)[1]
    assert z.std(axis=0) == pytest.approx(ensemble.spreads, rel=0.06)


@pytest.mark.slow
def test_free_parameters_move_as_in_a_fit_made_anew(ensemble):
    """Numbers of psilocin in mice a spread away: conclusions move as by a fit that is made again, within a quarter."""
    names = [each.parameter.name for each in ensemble.fixed]
    z = np.array([{"ketamine.human_clearance": 0.0, "psilocin.mouse_half_life": -1.0}.get(name, 1.0) for name in names])
    wanted = [each for each in conclusions() if each.name.startswith("psilocybin, mouse: extra")]
    numbers = {each.parameter.name: each.at(at) for each, at in zip(ensemble.fixed, z.tolist(), strict=True)}
    problem = ensemble.posterior.problem
    held = [name for name in problem.free if not name.startswith("spread.")]
    start = problem.parameters.replace(problem.parameters.unpack(ensemble.posterior.vector, problem.free))
    before, after = (
        evaluate(wanted, fit_problem(problem.altered(parameters, held), seed=1, starts=1).typical())
        for parameters in (start, start.replace(numbers))
    )
    library = room._at(ensemble, wanted, np.zeros_like(z))
    error = room._at(ensemble, wanted, z) - library - (after - before)
    not_fitted = evaluate(wanted, ensemble.posterior.typical().replace(numbers)) - library - (after - before)
    assert np.abs(error).max() < 0.25 * np.abs(not_fitted).max()


@pytest.fixture(scope="module")
def written(tmp_path_factory, ensemble):
    """The folder of the verb, with few draws, numbers and measurements."""
    out = tmp_path_factory.mktemp("measure") / "out"
    arguments = ["synmodel", "measure-next", "--out", str(out), "--draws", "24", "--points", "2", "--quiet", "--json"]
    asked = tuple(each for each in conclusions() if each.name.endswith("week"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("synmodel.analysis.measuring.experiments._EXPERIMENTS", 4)
        some = [
            each for each in measurements(1) if each.name.startswith(("psilocin free", "EC50")) or "week" in each.name
        ]
        patch.setattr(sys, "argv", arguments)
        patch.setattr(room, "_SCREENED", 0.5)
        patch.setattr(room, "conclusions", lambda: asked)
        patch.setattr(room, "measurements", lambda _: some)
        patch.setattr(room, "fixed_numbers", lambda *_: ensemble.fixed)
        with pytest.raises(SystemExit) as end:
            main()
    assert not end.value.code
    return out


def test_the_verb_ranks_and_writes(written):
    document = json.loads((written / "measure-next.json").read_text())
    assert names_in(written) == {f"measure-next.{end}" for end in ("json", "nc", "png", "svg")}
    assert len(document["conclusions"]) == 2
    for key in ("numbers", "fixed_numbers", "measurements"):
        means = [entry["mean"] for entry in document[key]]
        assert means == sorted(means, reverse=True)
    assert {entry["kind"] for entry in document["numbers"]} == {"fixed", "posterior"}
    assert any("screened" in entry for entry in document["fixed_numbers"])
    assert all(np.isfinite(entry["reduction"]).all() for entry in document["measurements"])
    assert document["provenance"]["seed"] == "1"
    with xr.open_dataset(written / "measure-next.nc", engine="h5netcdf") as result:
        assert result["reduction"].dims == ("measurement", "conclusion")
        assert all(each.attrs["long_name"] for each in result.values())


def test_a_measurement_of_a_conclusion_itself_tells_of_it(written):
    """PET after a week in man tells more of man after a week than any measurement of the other drug does."""
    document = json.loads((written / "measure-next.json").read_text())
    titles = [each["name"] for each in document["conclusions"]]
    reduction = {each["name"]: each["reduction"] for each in document["measurements"]}
    at = titles.index("ketamine, man: extra spines after a week")
    own = reduction["ketamine, man: synaptic density by PET after a week"][at]
    assert own > max(value[at] for name, value in reduction.items() if name.startswith("psilocybin"))


def test_a_posterior_with_few_possible_draws_is_refused(ensemble, monkeypatch):
    calls = itertools.count()

    def rarely(wanted, _):
        if next(calls) % 3:
            message = "no such dendrite"
            raise SimulationError(message)
        return np.zeros(len(wanted))

    monkeypatch.setattr(room, "evaluate", rarely)
    with pytest.raises(
        FitError, match=r"in only 0 of 20 draws of the posterior, .* at least half of them are needed; give"
    ):
        room._sample(ensemble, conclusions(), (), 20, 1, None)


@pytest.mark.parametrize("options", [{"draws": 19}, {"points": 3}, {"points": 1}])
def test_too_few_draws_or_points_are_refused(options):
    with pytest.raises(FitError, match="give at least 20 draws, and a power of two of points"):
        rank(**options)


def test_errors_of_imaging_shrink_with_mice():
    found = {each.name: each for each in measurements(1)}
    assert all(sd > 0 for each in found.values() for sd in each.error_sd)
    assert len({each.name for each in found.values()}) == len(measurements(1))
    assert replace(found["psilocybin, mouse: density on day 35"], name="x").quantities[0].end_day == 35.0
