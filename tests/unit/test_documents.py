"""Scenarios, library entries and parameters: what is read, and the one line that a fault gets."""

import tomllib

import pytest

from synmodel import library
from synmodel.data import load_study, load_summaries
from synmodel.data.summaries import baseline_density, design_effect
from synmodel.documents import Evidence, read
from synmodel.errors import LibraryError, ParameterError, ScenarioError
from synmodel.parameters import Parameter, ParameterSet, default_parameters
from synmodel.pharmacology import load_compound
from synmodel.scenario import Scenario, load, loads
from synmodel.simulation import drive_of

GOOD = """
name = "mine"
baseline = "shao2021"
[[regimen.doses]]
compound = "psilocybin"
amount = 1
route = "i.p."
[[regimen.doses]]
compound = "ketanserin"
amount = 1
route = "i.p."
[schedule]
sessions = [-3, -1, 1]
"""


def broken(old, new):
    assert old in GOOD
    return GOOD.replace(old, new, 1)


@pytest.mark.parametrize("name", library.names("scenarios"))
def test_every_embedded_scenario_runs_and_round_trips(name):
    scenario = load(name)
    assert scenario.name == name
    again = loads(scenario.to_toml())
    assert again == scenario
    assert again.digest() == scenario.digest()
    assert (drive_of(scenario)["formation"] >= 1).all()


def test_the_asked_scenarios_are_there():
    names = library.names("scenarios")
    for wanted in (
        "saline-mouse",
        "ketamine-mouse-single",
        "ketamine-mouse-daily5",
        "psilocybin-mouse",
        "psilocybin-mouse-ketanserin",
        "ketamine-mouse-ketanserin",
        "ketamine-human-infusion",
        "psilocybin-human-oral",
        "psilocybin-mouse-knockout",
    ):
        assert wanted in names


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            broken("amount = 1", "amount = -10"),
            r"^scenario.regimen.doses\[0\].amount is -10: it must be greater than 0; a dose is positive; "
            r"for vehicle leave regimen.doses empty$",
        ),
        (broken("psilocybin", "psilocibin"), r"^scenario.regimen.doses\[0\].compound is 'psilocibin': did you mean"),
        (
            broken("i.p.", "snorted"),
            r"doses\[0\].route is 'snorted': it must be 'i.p.', 'i.v.' or 'oral'",
        ),
        (broken("shao2021", "shao2020"), "scenario.baseline is 'shao2020': did you mean 'shao2021'"),
        (broken("sessions = [-3, -1, 1]", "sessions = [1, -1]"), "scenario.schedule.sessions .* does not come after 1"),
        (broken("sessions = [-3, -1, 1]", "sessions = [1]"), "scenario.schedule.sessions"),
        (broken("sessions =", "session ="), "scenario.schedule.sessions is missing; at least two days"),
        (broken('baseline = "shao2021"\n', ""), "scenario.baseline is missing; name a study"),
        (broken("[schedule]", "[sheddule]"), "scenario.schedule is missing"),
        (GOOD + "colour = 3\n", "scenario.schedule.colour is not known; known names are 'sessions'"),
        (broken("amount = 1", "amount = 1\nduration_min = 40"), "only i.v. doses can be infused"),
        (broken("amount = 1", "amount = nan"), r"doses\[0\].amount"),
        (broken("[schedule]", "[schedule"), "not valid TOML"),
    ],
)
def test_a_fault_gets_one_line_with_its_path(text, line):
    with pytest.raises(ScenarioError, match=line) as caught:
        loads(text)
    assert "\n" not in str(caught.value)


def test_an_unknown_scenario_or_file_is_named():
    with pytest.raises(LibraryError, match="no scenario 'ketamine-mouse-singel'; did you mean 'ketamine-mouse-single'"):
        load("ketamine-mouse-singel")
    with pytest.raises(ScenarioError, match=r"cannot read nowhere.toml: .*give the path of a TOML file"):
        load("nowhere.toml")


def test_a_scenario_replaces_parameters():
    scenario = loads(GOOD + '[parameters]\n"shao2021.miss" = 0.1\n')
    from synmodel.simulation import parameters_of

    assert parameters_of(scenario).value("shao2021.miss") == 0.1
    wrong = loads(GOOD + '[parameters]\n"shao2021.mis" = 0.1\n')
    with pytest.raises(ParameterError, match=r"no parameter 'shao2021.mis'; did you mean 'shao2021.miss'"):
        parameters_of(wrong)
    outside = loads(GOOD + '[parameters]\n"shao2021.miss" = 2\n')
    with pytest.raises(ParameterError, match=r"shao2021.miss is 2 1; allowed is 0.0001 to 0.5 1"):
        parameters_of(outside)


@pytest.mark.parametrize("name", library.names("compounds"))
def test_every_compound_reads(name):
    compound = load_compound(name)
    assert compound.name == name
    for species, kinetics in compound.kinetics.items():
        assert kinetics.volume.to("L/kg") > 0
        for metabolite in kinetics.metabolites:
            assert species in load_compound(metabolite.compound).kinetics


def test_the_asked_compounds_are_there():
    wanted = {
        "ketamine",
        "norketamine",
        "hydroxynorketamine",
        "esketamine",
        "psilocybin",
        "psilocin",
        "ketanserin",
        "saline",
    }
    assert wanted <= set(library.names("compounds"))


def evidence_of(value, path=""):
    if isinstance(value, dict) and "value" in value and "status" in value:
        yield path, value
    elif isinstance(value, dict):
        for key, entry in value.items():
            yield from evidence_of(entry, f"{path}.{key}")
    elif isinstance(value, list):
        for number, entry in enumerate(value):
            yield from evidence_of(entry, f"{path}[{number}]")


@pytest.mark.parametrize("kind", ["compounds", "studies", "parameters"])
def test_every_number_has_unit_source_and_status(kind):
    found = 0
    for name in library.names(kind):
        document = tomllib.loads(library.path_of(kind, name).read_text())
        for path, entry in evidence_of(document, name):
            found += 1
            assert entry["unit"], path
            assert len(entry["source"]) > 8, path
            assert entry["status"] in ("measured", "derived", "assumed"), path
            if entry["status"] == "assumed":
                assert len(entry["why"]) > 8, path
            if "recalled" in entry.get("seen", ""):
                assert entry["status"] != "measured", f"{path}: a recalled number is not measured"
    assert found >= {"compounds": 90, "studies": 2, "parameters": 70}[kind]


def test_evidence_converts_units_and_demands_reasons():
    half_life = read(Evidence, {"value": 13, "unit": "min", "status": "measured", "source": "x"}, "e", LibraryError)
    assert half_life.to("day") == pytest.approx(13 / 1440)
    with pytest.raises(LibraryError, match="an assumed number says why"):
        read(Evidence, {"value": 1, "unit": "1", "status": "assumed", "source": "x"}, "e", LibraryError)


@pytest.mark.parametrize("name", library.names("studies"))
def test_every_study_has_its_summaries(name):
    study = load_study(name)
    for arm in study.arms:
        table = load_summaries(name, arm.name)
        assert table.attrs["source_doi"] == study.doi
        assert {"formation_fraction", "elimination_fraction", "density_change"} <= set(table["quantity"].to_numpy())
        assert baseline_density(name, arm.name) > 0.1
    with pytest.raises(LibraryError, match=f"study {name} has no arm 'salin'; did you mean 'saline'"):
        load_summaries(name, "salin")


def test_design_effects_exceed_independence():
    """Mice differ: a mean over dendrites is less sure than its SEM over dendrites says."""
    for study in library.names("studies"):
        for quantity in ("formation_fraction", "elimination_fraction", "density_change"):
            assert 1.2 < design_effect(study, quantity) < 4.0
    assert design_effect("shao2021", "new_spine_persistence") == 1.0


def test_show_finds_every_kind():
    assert library.kind_of("psilocybin") == "compounds"
    assert library.kind_of("shao2021") == "studies"
    assert library.kind_of("psilocybin-mouse") == "scenarios"
    with pytest.raises(LibraryError, match="no entry 'psilocybine'; did you mean 'psilocybin'"):
        library.kind_of("psilocybine")


def one(**changes):
    content = {
        "name": "a.b",
        "value": 0.5,
        "unit": "1/day",
        "lower": 0.1,
        "upper": 2.0,
        "scale": "log",
        "long_name": "x",
        "status": "derived",
        "source": "here",
    }
    return Parameter(**{**content, **changes})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"value": 3.0}, "a.b is 3 1/day; allowed is 0.1 to 2 1/day"),
        ({"status": "guessed"}, "a.b.status is 'guessed'; allowed are measured"),
        ({"status": "assumed"}, "a.b is assumed but says no why"),
        ({"lower": 0.0}, "log needs a positive lower end"),
    ],
)
def test_bad_parameters_are_refused(changes, message):
    with pytest.raises(ParameterError, match=message):
        one(**changes)


def test_parameter_sets_are_values():
    parameters = default_parameters()
    with pytest.raises(ParameterError, match="given twice"):
        ParameterSet([one(), one()])
    changed = parameters.replace({"shao2021.miss": 0.05})
    assert changed.digest() != parameters.digest()
    assert parameters.replace({}).digest() == parameters.digest()
    again = ParameterSet.from_document(changed.to_document(), "copy")
    assert again.digest() == changed.digest()
    assert again["shao2021.formation"].prior == parameters["shao2021.formation"].prior
    with pytest.raises(ParameterError, match=r"copy: shao2021.miss.valu is not known; did you mean 'value'"):
        ParameterSet.from_document({"shao2021": {"miss": {"valu": 1}}}, "copy")
    joined = ParameterSet([one()]).joined(ParameterSet([one(name="a.c")]))
    assert list(joined) == ["a.b", "a.c"]


def test_a_scenario_is_frozen():
    with pytest.raises(Exception, match="frozen"):
        load("psilocybin-mouse").name = "other"
    assert isinstance(load(load("psilocybin-mouse")), Scenario)
