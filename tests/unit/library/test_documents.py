"""Scenarios, library entries and parameters: what is read, and the one line that a fault gets."""

import pickle
import tomllib

import pytest

from synmodel import library
from synmodel.analysis.sweeps import RangeSample, load_plan
from synmodel.core.documents import Evidence, read
from synmodel.core.errors import LibraryError, ParameterError, ScenarioError, SweepError, SynmodelError
from synmodel.data import load_study, load_summaries
from synmodel.data.summaries import baseline_density, design_effect
from synmodel.library.parameters import Parameter, ParameterSet, Prior, default_parameters
from synmodel.pharmacology import load_compound
from synmodel.scenario import Dose, Regimen, Scenario, Schedule, Spell, load, loads
from synmodel.simulation import drive_of, simulate

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
            r"doses\[0\].route is 'snorted': psilocybin has kinetics for i.v., i.p., oral$",
        ),
        (broken("shao2021", "shao2020"), "scenario.baseline is 'shao2020': did you mean 'shao2021'"),
        (broken("sessions = [-3, -1, 1]", "sessions = [1, -1]"), "scenario.schedule.sessions .* does not come after 1"),
        (
            broken("sessions = [-3, -1, 1]", "sessions = []"),
            r"^scenario.schedule.sessions is \[\]: too few entries; at least two days in rising order, for instance",
        ),
        (broken("[-3, -1, 1]", "[-3, 36501]"), r"sessions\[1\] is 36501: allowed is -36500 to 36500 days; at least"),
        (broken("[-3, -1, 1]", "3"), "scenario.schedule.sessions is 3: it must be a list; at least two days"),
        (broken("[schedule]", "[[cohort]]\n[schedule]"), "scenario.cohort is .*: it must be a table$"),
        (
            broken("amount = 1", "amount = 1\nday = -1e9"),
            r"doses\[0\].day is -1000000000.0: allowed is -36500 to 36500",
        ),
        (
            broken("amount = 1", "amount = 1\nrepeat = 1000\nevery_days = 100"),
            r"doses\[0\] .*it ends on day 99900, allowed is 36500; lower repeat, every_days or duration_min$",
        ),
        (broken("amount = 1", "amount = 10001"), r"amount is 10001 mg/kg; allowed is above 0 to 10000 mg/kg$"),
        (
            broken("amount = 1", 'amount = 2e6\nunit = "mg"'),
            r"doses\[0\] .*amount is 2e\+06 mg; allowed is above 0 to 1000000 mg$",
        ),
        (broken("sessions = [-3, -1, 1]", ""), "scenario.schedule.sessions is missing; at least two days"),
        (
            broken("sessions =", "session ="),
            r"^scenario.schedule.session is not known; did you mean 'sessions' or 'sessions_hours'\?$",
        ),
        (broken("amount", "ammount"), r"^scenario.regimen.doses\[0\].ammount is not known; did you mean 'amount'\?$"),
        (broken("name =", "nmae ="), r"^scenario.nmae is not known; did you mean 'name'\?$"),
        (broken("baseline =", "basline ="), r"^scenario.basline is not known; did you mean 'baseline'\?$"),
        (broken("baseline =", "note = 3\nstudy ="), "^scenario.baseline is missing; name a study"),
        (broken("compound = ", "hour = 3\ncompound = "), r"doses\[0\].hour is not known; did you mean 'hours'\?$"),
        (broken("[[regimen.doses]]", "[[doses]]"), r"^scenario.doses is not known; did you mean 'regimen.doses'\?$"),
        (broken("name =", "amount = 3\nname ="), r"^scenario.amount .*; did you mean 'regimen.doses\[0\].amount'\?$"),
        (
            "sessions = [1, 2]\n" + GOOD[: GOOD.index("[schedule]")],
            r"^scenario.sessions is not known; did you mean 'schedule.sessions'\?$",
        ),
        (broken('baseline = "shao2021"\n', ""), "scenario.baseline is missing; name a study"),
        (broken("[schedule]", "[sheddule]"), r"^scenario.sheddule is not known; did you mean 'schedule'\?$"),
        (
            broken("[schedule]", "[cohort]").replace("sessions = [-3, -1, 1]", "animals = 3"),
            "^scenario.schedule is missing; add it$",
        ),
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


SWEEP = 'name = "mine"\nscenarios = ["mine.toml"]\nreplicates = 4\n[grid]\n"shao2021.miss" = [0.1, 0.2]\n'


@pytest.mark.parametrize(
    ("read_file", "text", "line"),
    [
        (load, SWEEP, "mine.toml: this is a sweep; run it with `synmodel sweep FILE`$"),
        (load_plan, GOOD, "mine.toml: this is a scenario; run it with `synmodel simulate FILE`$"),
        (load_plan, SWEEP.replace("replicates", "replicate"), "sweep.replicate is not known; did you mean 'rep"),
    ],
)
def test_a_file_of_the_other_kind_is_told(tmp_path, read_file, text, line):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(SynmodelError, match=line) as caught:
        read_file(path)
    assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (lambda: Dose(compound="ketamine", amount=-1, route="i.p."), "^dose.amount is -1: it must be greater than 0"),
        (lambda: Dose(compound="ketamine", ammount=1, route="i.p."), "^dose.ammount is not known; did you mean 'am"),
        (lambda: Schedule(sessions=(1, 0)), r"^schedule.sessions is \(1, 0\): session 0 does not come after 1; at"),
        (lambda: Spell(name="lithium", from_day=2, from_hours=48), r"^spell\['from_hours'\] stands beside from_day"),
        (
            lambda: Scenario(name="a", baseline="shao2021", schedule={"sessions": (1, 0)}),
            r"^scenario.schedule.sessions is \(1, 0\): session 0 does not come after 1; at least",
        ),
        (
            lambda: Regimen(doses=[{"compound": "ketamine", "amount": -1, "route": "i.p."}]),
            r"^regimen.doses\[0\].amount is -1: it must be greater than 0",
        ),
    ],
)
def test_a_document_made_in_python_gets_one_line(make, line):
    with pytest.raises(ScenarioError, match=line) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_documents_of_other_kinds_get_one_line():
    with pytest.raises(SweepError, match=r"^range_sample.ranges\['a.b'\].hgh is not known; did you mean 'high'"):
        RangeSample(points=4, ranges={"a.b": {"low": 1, "hgh": 2}})
    with pytest.raises(SynmodelError, match=r"^evidence is a table: an assumed number says why; add `why`$"):
        Evidence(value=1, unit="1", status="assumed", source="x")


@pytest.mark.parametrize("name", library.names("scenarios"))
def test_an_assumed_interval_says_so(name):
    if any(dose.day == -0.006944 for dose in load(name).regimen.doses):
        assert "ten minutes (assumed)" in load(name).title


def test_an_unknown_scenario_or_file_is_named():
    with pytest.raises(LibraryError, match="no scenario 'ketamine-mouse-singel'; did you mean 'ketamine-mouse-single'"):
        load("ketamine-mouse-singel")
    with pytest.raises(ScenarioError, match=r"cannot read nowhere.toml: .*give the path of a TOML file"):
        load("nowhere.toml")


def test_a_scenario_replaces_parameters():
    scenario = loads(GOOD + '[parameters]\n"shao2021.miss" = 0.1\n')
    from synmodel.simulation import parameters_of

    assert parameters_of(scenario).value("shao2021.miss") == 0.1


@pytest.mark.parametrize(
    ("entry", "line"),
    [
        ('"shao2021.mis" = 0.1', r"\['shao2021.mis'\] is not known; did you mean 'shao2021.miss'"),
        ('"shao2021.miss" = 2', r"\['shao2021.miss'\] is 2; allowed is 0.0001 to 0.5 1$"),
        ('"shao2021.miss" = "0.1"', r"\['shao2021.miss'\] is '0.1': it must be a number"),
        ('"shao2021.miss" = true', r"\['shao2021.miss'\] is True: it must be a number"),
        (
            "shao2021.formation = 0.1",
            r"\['shao2021'\] is a table; a dotted name stands in quotes: \"shao2021.formation\" = 0.1$",
        ),
    ],
)
def test_replaced_parameters_are_checked_when_read(entry, line):
    with pytest.raises(ScenarioError, match="^scenario.parameters" + line):
        loads(GOOD + f"[parameters]\n{entry}\n")


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("amount = 1", "amount = true", r"doses\[0\].amount is True: it must be a number"),
        ("amount = 1", 'amount = "7"', r"doses\[0\].amount is '7': it must be a number"),
        ("amount = 1", "amount = 1\nrepeat = 2.0", r"doses\[0\].repeat is 2.0: it must be an integer"),
        ("amount = 1", "amount = 1\nrepeat = true", r"doses\[0\].repeat is True: it must be an integer"),
        ("[-3, -1, 1]", '["-3", -1, 1]', r"schedule.sessions\[0\] is '-3': it must be a number"),
        ("[schedule]", "[cohort]\nanimals = true\n[schedule]", "cohort.animals is True: it must be an integer"),
    ],
)
def test_numbers_are_numbers(old, new, line):
    with pytest.raises(ScenarioError, match=line):
        loads(broken(old, new))


def test_whole_numbers_are_numbers():
    assert loads(GOOD).regimen.doses[0].amount == 1.0
    assert type(loads(GOOD).regimen.doses[0].amount) is float


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
    assert library.kinds_of("psilocybin") == ["compounds"]
    assert library.kinds_of("shao2021") == ["studies", "head_twitches", "parameters"]
    assert library.kinds_of("psilocybin-mouse") == ["scenarios"]
    with pytest.raises(LibraryError, match="no entry 'psilocybine'; did you mean 'psilocybin'"):
        library.kinds_of("psilocybine")


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


@pytest.mark.parametrize("changes", [{"lower": 0.2}, {"upper": 3.0}, {"scale": "linear"}, {"prior": Prior(1, 2)}])
def test_the_digest_tells_fits_apart(changes):
    """Support, scale and prior decide a fit as much as the values do."""
    assert ParameterSet([one(**changes)]).digest() != ParameterSet([one()]).digest()
    assert ParameterSet([one(prior=Prior(1, 2))]).digest() != ParameterSet([one(prior=Prior(1, 3))]).digest()


ENTRY = """
[a.b]
value = 0.5
unit = "1/day"
lower = 0.1
upper = 2
scale = "log"
long_name = "x"
status = "derived"
source = "here"
prior = { centre = 0.5, spread = 1 }
"""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (ENTRY, "[a", "mine.toml is not valid TOML"),
        (ENTRY, "a = 3", r"mine.toml: a is 3; it must be a table, as in \[group.parameter\]"),
        (ENTRY, "[a]\nb = 3", r"mine.toml: a.b is 3; it must be a table, as in \[a.b\]"),
        ("0.5", '"x"', "mine.toml: a.b: value is 'x'; give a number"),
        ("0.5", "true", "mine.toml: a.b: value is True; give a number"),
        ("0.5", "5", "mine.toml: a.b: a.b is 5 1/day; allowed is 0.1 to 2 1/day"),
        ("centre", "center", r"mine.toml: a.b.prior.center is not known; did you mean 'centre'\?"),
        ("spread = 1", "spread = 0", "mine.toml: a.b: prior has centre 0.5 and spread 0; .* spread above 0"),
        (", spread = 1", "", "mine.toml: a.b.prior.spread is missing; add it"),
        ("{ centre = 0.5, spread = 1 }", "3", "mine.toml: a.b.prior is 3; it must be a table"),
        ('"1/day"', "1", "mine.toml: a.b.unit is 1; give text"),
        ("lower = 0.1\n", "", "mine.toml: a.b.lower is missing; add it"),
    ],
)
def test_a_broken_parameter_file_gets_one_line(tmp_path, old, new, message):
    path = tmp_path / "mine.toml"
    path.write_text(ENTRY)
    assert ParameterSet.from_toml(str(path)).value("a.b") == 0.5
    assert old in ENTRY
    path.write_text(ENTRY.replace(old, new, 1))
    with pytest.raises(ParameterError, match=message) as caught:
        ParameterSet.from_toml(path)
    assert "\n" not in str(caught.value)


def test_a_missing_parameter_file_is_named():
    with pytest.raises(ParameterError, match=r"cannot read nowhere.toml: .*give the path of a TOML file"):
        ParameterSet.from_toml("nowhere.toml")


def test_a_partial_set_names_what_it_lacks():
    values = ParameterSet([one(name="nmda.hil")]).as_floats()
    with pytest.raises(ParameterError, match=r"there is no parameter 'nmda.hill'; did you mean 'nmda.hil'\?"):
        values["nmda.hill"]
    assert values.get("nmda.hill") is None
    partial = ParameterSet(p for p in default_parameters().values() if not p.name.startswith("nmda."))
    with pytest.raises(ParameterError, match=r"there is no parameter 'nmda.hill'"):
        simulate("ketamine-mouse-single", partial, replicates=1, seed=1)
    with pytest.raises(ParameterError, match=r"shao2021.miss.value is 'x'; give a number"):
        default_parameters().replace({"shao2021.miss": "x"})


def test_a_scenario_is_frozen():
    with pytest.raises(Exception, match="frozen"):
        load("psilocybin-mouse").name = "other"
    assert isinstance(load(load("psilocybin-mouse")), Scenario)
    scenario = loads(GOOD + '[parameters]\n"shao2021.miss" = 0.1\n"shao2021.formation" = 0.02\n')
    before = scenario.digest()
    with pytest.raises(TypeError, match="does not support item assignment"):
        scenario.parameters["shao2021.miss"] = 0.2
    for copy in (
        loads(scenario.to_toml()),
        scenario.updated(),
        pickle.loads(pickle.dumps(scenario)),
        scenario.model_copy(deep=True),
        loads(GOOD + '[parameters]\n"shao2021.formation" = 0.02\n"shao2021.miss" = 0.1\n'),
    ):
        assert copy == scenario
        assert hash(copy) == hash(scenario)
        assert copy.digest() == before
    assert len({scenario, load("saline-mouse"), load("saline-mouse")}) == 2
    assert scenario.parameters == {"shao2021.miss": 0.1, "shao2021.formation": 0.02}
    with pytest.raises(KeyError):
        scenario.parameters["shao2021.mis"]
