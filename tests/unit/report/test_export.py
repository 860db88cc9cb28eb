"""Exports: what the files hold, what is refused, and that other libraries read them."""

import io
import re
import zipfile

import command_line
import pytest

from synmodel.core.errors import SynmodelError
from synmodel.library import names
from synmodel.library.parameters import default_parameters
from synmodel.report.exporting import model_of, optional, plan_of
from synmodel.report.exporting.files import file_stem, omex_file, sbml_files
from synmodel.report.exporting.microscope import formation_nodes
from synmodel.report.exporting.sbml import ExportError, checked, to_sbml
from synmodel.scenario import load
from synmodel.turnover.heterogeneity import dendrite_nodes

libsbml = pytest.importorskip("libsbml", reason="python-libsbml is not installed")

REFUSED = {
    "crowding": ({"turnover": {"crowding": {"n_max_per_um": 2.0}}}, "scenario.turnover.crowding"),
    "homeostasis": ({"turnover": {"homeostasis": {"steepness": 1.0}}}, "scenario.turnover.homeostasis"),
    "pool": ({"turnover": {"pool": {"shares_per_um": 2.0}}}, "scenario.turnover.pool"),
    "elimination_by_size": (
        {"turnover": {"elimination_by_size": {"steepness": 2.0, "most": 5.0}}},
        "scenario.turnover.elimination_by_size",
    ),
    "variability": ({"variability": {"clearance": 0.3}}, "scenario.variability"),
}


@pytest.fixture(scope="module")
def files():
    return sbml_files("psilocybin-mouse")


def test_the_command_writes_what_libsbml_reads_without_a_fault(tmp_path, capsys, monkeypatch):
    out = tmp_path / "made"
    status, printed, _ = command_line.run(capsys, monkeypatch, "export", "psilocybin-mouse", "--sbml", "--out", out)
    assert status == 0
    assert "psilocybin-mouse.xml" in printed
    written = sorted(command_line.names_in(out))
    assert written == [
        "psilocybin-mouse-reactions-events.xml", "psilocybin-mouse-reactions.xml", "psilocybin-mouse.xml",
    ]  # fmt: skip
    for path in (out / name for name in written):
        document = libsbml.readSBMLFromFile(str(path))
        document.setConsistencyChecks(libsbml.LIBSBML_CAT_UNITS_CONSISTENCY, True)
        document.checkConsistency()
        assert document.getNumErrors(libsbml.LIBSBML_SEV_ERROR) == 0
        assert document.getNumErrors(libsbml.LIBSBML_SEV_WARNING) == 0
        assert (document.getLevel(), document.getVersion()) == (3, 2)


@pytest.mark.parametrize("feature", REFUSED)
def test_what_no_file_can_carry_is_refused_by_name(feature, tmp_path, capsys, monkeypatch):
    changes, place = REFUSED[feature]
    path = tmp_path / "mine.toml"
    path.write_text(load("psilocybin-mouse").updated(name="mine", **changes).to_toml())
    status, printed, error = command_line.run(capsys, monkeypatch, "export", path, "--sbml", "--out", tmp_path / "made")
    assert (status, printed) == (2, "")
    assert place in error
    assert error.count("\n") == 1
    assert not (tmp_path / "made").exists()


def test_a_missing_library_is_one_line(monkeypatch, tmp_path, capsys):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(optional.importlib, "import_module", missing)
    status, _, error = command_line.run(
        capsys, monkeypatch, "export", "saline-mouse", "--sbml", "--out", tmp_path / "x"
    )
    assert status == 2
    assert error == ("synmodel: this export needs python-libsbml; install it with: pip install 'synmodel[export]'\n")


def test_nothing_asked_for_is_one_line(capsys, monkeypatch, tmp_path):
    status, _, error = command_line.run(capsys, monkeypatch, "export", "saline-mouse", "--out", tmp_path / "x")
    assert status == 2
    assert "--sbml" in error


@pytest.mark.parametrize("name", names("scenarios"))
def test_every_scenario_of_the_library_is_exported_or_refused_for_its_variability(name):
    if load(name).variability:
        with pytest.raises(SynmodelError, match="variability"):
            plan_of(name)
    else:
        to_sbml(model_of(plan_of(name)))


def test_numbers_of_the_file_are_those_of_the_run(files):
    """Every parameter that the file names stands in it with the value and the unit of the parameter set."""
    model = libsbml.readSBMLFromString(files["psilocybin-mouse.xml"]).getModel()
    by_identifier = {re.sub(r"[^A-Za-z0-9_]", "_", name): value for name, value in default_parameters().items()}
    found = 0
    for place in range(model.getNumParameters()):
        parameter = model.getParameter(place)
        known = by_identifier.get(parameter.getId())
        if known is not None:
            found += 1
            assert parameter.getValue() == pytest.approx(known.value, rel=1e-14)  # it writes 15 digits
            assert known.source.split(";")[0][:20].replace("&", "&amp;") in parameter.getNotesString()
    assert found > 50


def test_parameters_of_the_scenario_and_of_the_caller_reach_the_file():
    plan = plan_of(load("psilocybin-mouse").updated(parameters={"cascade.tau_formation": 2.5}))
    text = to_sbml(model_of(plan))
    assert libsbml.readSBMLFromString(text).getModel().getParameter("cascade_tau_formation").getValue() == 2.5


def test_annotations_are_those_that_sources_cite(files):
    text = files["psilocybin-mouse.xml"]
    cited = set(re.findall(r'rdf:resource="([^"]+)"', text))
    assert cited
    sources = " ".join(parameter.source for parameter in default_parameters().values())
    for resource in cited:
        kind, _, identity = resource.removeprefix("https://identifiers.org/").partition(":")
        assert kind in ("doi", "pmc")
        assert identity in sources


def test_an_inconsistent_document_is_refused(files):
    wrong = files["psilocybin-mouse.xml"].replace(
        'id="cascade_tau_bdnf"', 'id="cascade_tau_bdnf" units="micrometre"', 1
    )
    wrong = re.sub(r'(id="cascade_tau_bdnf"[^>]*) units="day"', r"\1", wrong)
    with pytest.raises(ExportError):
        checked(wrong)


def test_the_same_scenario_is_the_same_bytes():
    assert omex_file("saline-mouse") == omex_file("saline-mouse")


def test_the_archive_is_read_by_other_programs(tmp_path):
    libcombine = pytest.importorskip("libcombine", reason="python-libcombine is not installed")
    libsedml = pytest.importorskip("libsedml", reason="python-libsedml is not installed")
    ((name, content),) = omex_file("ketamine-mouse-single").items()
    path = tmp_path / name
    path.write_bytes(content)
    archive = libcombine.CombineArchive()
    assert archive.initializeFromArchive(str(path))
    assert archive.getMasterFile().getLocation() == "ketamine-mouse-single.sedml"
    locations = set(map(str, archive.getAllLocations()))
    assert {"ketamine-mouse-single.xml", "ketamine-mouse-single.toml"} <= locations
    assert archive.hasMetadataForLocation(".")
    sedml = archive.extractEntryToString("ketamine-mouse-single.sedml")
    document = libsedml.readSedMLFromString(sedml)
    assert document.getNumErrors(libsedml.LIBSEDML_SEV_ERROR) == 0
    assert document.getNumOutputs() == 6
    with zipfile.ZipFile(io.BytesIO(content)) as opened:
        manifest = opened.read("manifest.xml").decode()
        inside = set(opened.namelist())
    listed = set(re.findall(r'location="([^"]+)"', manifest))
    assert {each.removeprefix("./") for each in listed} - {".", "manifest.xml"} == inside - {"manifest.xml"}
    # Every quantity that is drawn is in the model.
    model = libsbml.readSBMLFromString(archive.extractEntryToString("ketamine-mouse-single.xml")).getModel()
    drawn = re.findall(r"parameter\[@id=(?:&apos;|')([^'&]+)", sedml)
    assert drawn
    assert all(model.getParameter(each) is not None for each in drawn)


def test_copasi_opens_the_archive_with_its_simulation_and_plots(tmp_path):
    copasi = pytest.importorskip("COPASI", reason="copasi-basico is not installed")
    ((name, content),) = omex_file("psilocybin-mouse").items()
    (tmp_path / name).write_bytes(content)
    opened = copasi.CRootContainer.addDatamodel()
    assert opened.openCombineArchive(str(tmp_path / name))
    task = opened.getTask("Time-Course")
    assert task.isScheduled()
    assert opened.getPlotDefinitionList().size() == 5


@pytest.mark.parametrize(("given", "stem"), [("a b", "a-b"), ("../x", "x"), ("..", "scenario"), ("µ/5", "µ-5")])
def test_names_of_files_come_from_names_of_scenarios(given, stem):
    assert file_stem(given) == stem


def test_nodes_of_formation_keep_the_moments_of_the_run():
    x, w = formation_nodes(0.5, 0.5)
    nodes = dendrite_nodes(0.0, 0.5, 0.5)
    for power in range(10):
        assert w @ x**power == pytest.approx(nodes.weight @ nodes.formation**power, rel=1e-9)
