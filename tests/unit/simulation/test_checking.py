"""Scenarios beside the evidence of the library: documents, conditions, and what is said first."""

import json
from math import hypot, inf, sqrt

import numpy as np
import pytest
import xarray as xr

from synmodel import library
from synmodel.analysis import caveats
from synmodel.analysis.simulated import simulate_scenario
from synmodel.analysis.sweeps import changed
from synmodel.analysis.sweeps.factors import without_doses
from synmodel.analysis.sweeps.plan import plan_of
from synmodel.core.documents import read
from synmodel.core.errors import LibraryError
from synmodel.experiments import outcome_document, run
from synmodel.library.evidence import Check, all_checks, load_check
from synmodel.library.parameters import default_parameters
from synmodel.report import documents, sweeps
from synmodel.report.simulation_figure import simulation_figure
from synmodel.scenario import load
from synmodel.simulation import checking, expectation
from synmodel.simulation.assays import density_folds, scanner_of
from synmodel.simulation.checking import Checked, Contradiction, checks_of, contradictions, day_of, predicted_change

INFUSION = load("ketamine-human-infusion")


def number(value, status="measured", **more):
    return {"value": value, "unit": "%", "status": status, "source": "somebody", **more}


def fake(change=0.0, sem=1.0, quantity="sv2a_pet", hours=24, **conditions):
    """Evidence that says whatever a test wants."""
    return Check(
        name="fake",
        title="A fake",
        quantity=quantity,
        observed="something",
        source="somebody",
        seen="verified",
        conditions={"species": "human", "compound": "ketamine", "amount": 0.5, "route": "i.v.", **conditions},
        hours={"at": hours, "earliest": 0.75 * hours, "latest": 1.25 * hours},
        change=number(change),
        sem=number(sem),
    )


@pytest.mark.parametrize("name", library.names("evidence"))
def test_every_piece_of_evidence_is_cited_and_has_a_number_or_says_not(name):
    check = load_check(name)
    assert check.name == name
    assert check.source
    assert (check.change is None) == bool(check.not_found)
    assert (check.half_width == inf) == (check.change is None)


def test_the_asked_evidence_is_there():
    ketamine = load_check("sv2a-ketamine-human-24h")
    assert (ketamine.change.value, ketamine.subject_sd.value, ketamine.seen) == (0.0, 8.5, "verified")
    assert "3 to 9 %" in ketamine.subject_sd.source
    assert ketamine.half_width == pytest.approx(1.959964 * 8.5 / sqrt(20))
    assert ketamine.subjects.status == "assumed"
    assert load_check("sv2a-psilocybin-human-week").not_found
    assert {check.name for check in all_checks()} == set(library.names("evidence"))


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"change": None}, "give either .change. or not_found"),
        ({"not_found": "nothing"}, "give either .change. or not_found"),
        ({"sem": None}, "a change has an uncertainty"),
        ({"subject_sd": number(8.5), "subjects": {**number(4), "unit": "1"}}, "a change has an uncertainty"),
        ({"sem": {**number(1), "unit": "1"}}, "in %, not in 1"),
        ({"sem": number(0)}, "sem is 0; it is above 0"),
        ({"hours": {"at": 24, "earliest": 25, "latest": 30}}, "24 h does not lie within"),
        ({"conditions": {"species": "human", "compound": "ketamin"}}, "did you mean 'ketamine'"),
        ({"conditions": {"species": "human", "compound": "ketamine", "state": "stress"}}, "conditions.state"),
        ({"seen": "heard"}, "evidence.fake.seen"),
        ({"chagne": 3}, "chagne is not known"),
    ],
)
def test_a_broken_piece_of_evidence_gets_one_line(changes, fault):
    content = fake().model_dump(exclude_none=True, exclude_defaults=True)
    content = {key: value for key, value in {**content, **changes}.items() if value is not None}
    with pytest.raises(LibraryError, match=fault) as caught:
        read(Check, content, "evidence.fake", LibraryError)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "day"),
    [
        ({}, 1.0),
        ({"regimen.doses[0].amount": 0.6}, 1.0),
        ({"regimen.doses[0].amount": 0.7}, None),
        ({"regimen.doses[0].amount": 35, "regimen.doses[0].unit": "mg"}, 1.0),
        ({"regimen.doses[0].duration_min": 5}, None),
        ({"regimen.doses[0].compound": "esketamine"}, None),
        ({"regimen.doses[0].day": 2}, 3.0),
        ({"regimen.doses[0].repeat": 3}, 1.0),
        ({"regimen.doses[0].repeat": 3, "regimen.doses[0].every_days": 0.5}, None),
        ({"regimen.doses": []}, None),
        ({"subject.stress": "restraint stress"}, None),
        ({"subject.genotype": "val66met"}, None),
        ({"schedule.sessions": [-1, 0.9]}, 0.9),
        ({"schedule.sessions": [-1, 0.5]}, None),
        ({"schedule.sessions": [1.1, 5]}, 1.1),
        ({"schedule.sessions": [2, 5]}, None),
    ],
)
def test_a_scenario_meets_evidence_or_does_not(settings, day):
    check = load_check("sv2a-ketamine-human-24h")
    plan = changed(INFUSION, {f"scenario.{path}": value for path, value in settings.items()})
    assert day_of(check, plan) == (None if day is None else pytest.approx(day))


def test_other_evidence_is_met_by_a_state_by_several_doses_and_by_any_dose():
    stressed = changed(load("ketamine-mouse-single"), {"scenario.subject.stress": "chronic corticosterone"})
    assert day_of(load_check("sv2a-ketamine-mouse-corticosterone"), stressed) == 1
    assert day_of(load_check("sv2a-ketamine-mouse-corticosterone"), load("ketamine-mouse-single")) is None
    daily = load("ketamine-mouse-daily5")
    assert day_of(load_check("spines-ketamine-mouse-daily"), daily) == 5.5
    weekly = changed(daily, {"scenario.regimen.doses[0].every_days": 7})
    assert day_of(load_check("spines-ketamine-mouse-daily"), weekly) is None
    for amount in (1, 25):
        plan = changed(load("psilocybin-human-oral"), {"scenario.regimen.doses[0].amount": amount})
        assert day_of(load_check("sv2a-psilocybin-human-week"), plan) == 7
    assert checks_of(load("saline-mouse")) == checks_of(without_doses(INFUSION)) == []


def test_the_prediction_is_the_exact_expectation():
    """PET: the true density through the scanner. Spines: what is scored, against the same animals without doses."""
    share = scanner_of(INFUSION).nondisplaceable_share
    # From one session on, for the fold hangs a little on how old the first spines are.
    early = INFUSION.updated(schedule={"sessions": [-1, 1]})
    expected = 100 * (1 - share) * (density_folds(early, [24])[0] - 1)
    assert predicted_change(fake(), early, 1.0) == pytest.approx(expected)
    scored = [1 + expectation(plan).density_change[-1] for plan in (early, without_doses(early))]
    found = predicted_change(fake(quantity="spine_density"), early, 1.0)
    assert found == pytest.approx(100 * (scored[0] / scored[1] - 1))


def test_evidence_that_agrees_is_noted_and_evidence_that_contradicts_comes_first():
    predicted = predicted_change(fake(), INFUSION, 1.0)
    agrees, contradicts = fake(change=predicted + 1.5), fake(change=predicted - 10)
    assert contradictions(INFUSION, checks=[agrees]) == []
    (against,) = caveats.contradictions(INFUSION, checks=[contradicts, agrees])
    assert isinstance(against, Contradiction)
    assert against.difference == pytest.approx(10)
    assert against.allowed == pytest.approx(1.96, abs=0.01)
    assert against.line.startswith("CONTRADICTED BY DATA: SV2A PET signal")
    assert "10 apart where 2 is allowed; somebody" in against.line
    assert f"{predicted:+.2g} % in the model 24 h after" in against.line
    (beside,) = checks_of(INFUSION, checks=[agrees])
    assert type(beside) is Checked
    assert beside.line.startswith("agrees with what was measured: SV2A PET signal")
    notes = caveats.notes_of(INFUSION, checks_of(INFUSION, checks=[agrees, contradicts]))
    assert notes[0] == against.line
    assert notes[-1] == beside.line
    assert notes[1:-1] == caveats.notes_of(INFUSION)


def test_a_contradiction_takes_just_over_the_uncertainty():
    predicted = predicted_change(fake(), INFUSION, 1.0)
    for side in (-1, 1):
        for apart, number_of in ((1.95, 0), (1.97, 1)):
            assert len(contradictions(INFUSION, checks=[fake(change=predicted + side * apart)])) == number_of


def test_an_interval_of_the_prediction_widens_what_is_allowed():
    base = default_parameters()
    draws = [base.replace({"cascade.formation_gain": base["cascade.formation_gain"].value * f}) for f in (0.1, 1, 1.2)]
    spread = [predicted_change(fake(), INFUSION, 1.0, draw) for draw in draws]
    predicted = predicted_change(fake(), INFUSION, 1.0)
    low, high = np.quantile(spread, [0.025, 0.975])
    below, above = fake(change=predicted - 2.5), fake(change=predicted + 30)
    (near,) = checks_of(INFUSION, draws=draws, checks=[below])
    assert (near.low, near.high) == (pytest.approx(low), pytest.approx(high))
    assert near.allowed == pytest.approx(hypot(predicted - low, 1.959964))
    assert not isinstance(near, Contradiction), "without draws it is one"
    assert len(contradictions(INFUSION, checks=[below])) == 1
    (far,) = contradictions(INFUSION, draws=draws, checks=[above])
    assert far.allowed == pytest.approx(hypot(high - predicted, 1.959964))
    assert f"({low:+.2g} to {high:+.2g})" in far.line


def test_a_missing_number_is_a_note():
    (found,) = checks_of(load("psilocybin-human-oral"))
    assert (found.observed, found.difference) == (None, None)
    assert found.line.startswith("not checked: SV2A PET signal")
    assert "the mean change in per cent is not in the abstract" in found.line
    assert contradictions(load("psilocybin-human-oral")) == []
    assert caveats.notes_of(load("psilocybin-human-oral"), [found])[-1] == found.line


@pytest.fixture
def against(monkeypatch):
    """The library holds one piece of evidence, which contradicts an infusion in man."""
    predicted = predicted_change(fake(), INFUSION, 1.0)
    check = fake(change=predicted - 50)
    for module in (checking, sweeps):
        monkeypatch.setattr(module, "all_checks", lambda: (check,))
    return contradictions(INFUSION)[0].line


def test_a_simulation_says_first_what_contradicts_it(against, tmp_path):
    result = simulate_scenario(INFUSION, replicates=2, seed=1, draws=0)
    document = documents.simulation_document(INFUSION, result)
    assert document["notes"][0] == against
    (entry,) = document["contradictions"]
    assert (entry["line"], entry["difference"]) == (against, pytest.approx(50))
    json.dumps(entry)
    path = tmp_path / "observations.nc"
    documents.simulation_dataset(result).to_netcdf(path, engine="h5netcdf")
    with xr.open_dataset(path, engine="h5netcdf") as seen:
        assert list(seen.attrs)[:2] == ["contradictions", "notes"]
        assert seen.attrs["contradictions"] == against
        assert seen.attrs["notes"].startswith(against)
    figure = simulation_figure(INFUSION, document, result.mechanism)
    (first,) = figure.texts
    assert " ".join(first.get_text().split()) == " ".join(against.split())
    assert not simulation_figure(INFUSION, {**document, "contradictions": []}, result.mechanism).texts


@pytest.mark.usefixtures("against")
def test_a_sweep_names_the_worst_cell():
    grid = {"scenario.regimen.doses[0].amount": [0.1, 0.45, 0.5], "phoumthipphavong2016.miss": [0.1, 0.2]}
    plan = plan_of(INFUSION, grid=grid, replicates=1, seed=1)
    (entry,) = sweeps._contradictions(plan)
    assert entry["line"].startswith("CONTRADICTED BY DATA")
    assert "in 4 of 4 cells that were checked, most in ketamine-human-infusion; " in entry["line"]
    assert entry["cell"] in entry["line"]
    saline = plan_of(load("saline-mouse"), grid={"shao2021.miss": [0.1, 0.2]}, replicates=1, seed=1)
    assert sweeps._contradictions(saline) == []


def test_an_experiment_says_it_too(against):
    document = outcome_document("sv2a-pet", run("sv2a-pet", short=True), seed=1, short=True)
    assert against.partition(" in the model")[0].partition(":")[0] in document["notes"][0]
    assert len(document["contradictions"]) == 1
