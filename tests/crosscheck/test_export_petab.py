"""The exported PEtab problem, read by petab and simulated by libRoadRunner, against the fit of synmodel."""

import numpy as np
import pytest

pytest.importorskip("libsbml", reason="python-libsbml is not installed")
petab = pytest.importorskip("petab.v1", reason="petab is not installed")

import petab_tools  # noqa: E402  it needs libsbml

from synmodel.inference.summaries import drives  # noqa: E402
from synmodel.inference.summaries.problem import STUDIES  # noqa: E402
from synmodel.report.exporting.description import identifier  # noqa: E402
from synmodel.report.exporting.petab_problem import fitted_problem, petab_files  # noqa: E402

STUDY = "shao2021"
pytestmark = [  # petab's reading of tables, of a pandas that it does not know yet
    pytest.mark.filterwarnings("ignore:The 'float_precision' argument is deprecated"),
    pytest.mark.filterwarnings("ignore:The inplace keyword in DataFrame"),
]


def read(tmp_path_factory, studies):
    place = tmp_path_factory.mktemp("petab")
    for name, text in petab_files("psilocybin-mouse", studies).items():
        (place / name).write_text(text, encoding="utf-8")
    return petab.Problem.from_yaml(str(place / "petab.yaml")), place


@pytest.fixture(scope="module")
def problem(tmp_path_factory):
    return read(tmp_path_factory, [STUDY])


@pytest.fixture
def fine_grid(monkeypatch):
    """The fit's own grid of time is coarse: hazards are constant on its cells."""
    monkeypatch.setattr(drives, "_FIRST_MINUTE", drives.MINUTE / 16)
    monkeypatch.setattr(drives, "_PER_DECADE_OF_DRUG", 400)
    monkeypatch.setattr(drives, "_LARGEST_STEP_DAY", 0.02)


def squares(fitted, values, arms=None):
    """Sum of squares of the standardised means of arms, as the fit has them before correlations."""
    total = 0.0
    for place, target in enumerate(fitted.arms):
        if arms is None or target.arm.name in arms:
            n = sum(len(means.at) for means in target.means)
            total += float(np.sum(fitted.standardised(place, values)[:n] ** 2))
    return total


def objective(read_problem, roadrunner, values=None, conditions=None):
    """Sum of squares and -2 log L by petab, from a simulation by libRoadRunner."""
    rows = petab_tools.simulated(read_problem, roadrunner, values, conditions)
    measured = read_problem.measurement_df.loc[rows.index]
    given = rows.drop(columns="measurement")
    arguments = measured, given, read_problem.observable_df, read_problem.parameter_df
    constant = float(np.sum(np.log(2 * np.pi * measured["noiseParameters"].astype(float) ** 2)))
    return petab.calculate_chi2(*arguments), -2.0 * petab.calculate_llh(*arguments) - constant


def moved(fitted, names, by):
    """Values by name at a point away from the estimate, and those of the PEtab problem."""
    vector = fitted.start()
    for name in names:
        place = fitted.free.index(name)
        vector[place] = np.clip(vector[place] + by, fitted.lower[place], fitted.upper[place])
    values = fitted.values(vector)
    return values, {identifier(name): values[name] for name in fitted.free}


def test_petab_finds_no_fault_in_it(problem):
    from petab.v1.lint import lint_problem

    assert not lint_problem(problem[0])


@pytest.mark.usefixtures("fine_grid")
def test_its_objective_is_that_of_the_fit_at_a_point(problem):
    roadrunner = pytest.importorskip("roadrunner", reason="libroadrunner is not installed")
    arms = ["saline", "psilocybin"]
    conditions = [f"{STUDY}_{arm}" for arm in arms]
    fitted = fitted_problem("psilocybin-mouse", [STUDY])
    changed = ["shao2021.formation", "cascade.tau_formation", "cascade.stabilisation_gain", "shao2021.miss",
               "shao2021.formation_of.psilocybin", "shao2021.effect_on.elimination"]  # fmt: skip
    for by in (0.0, 0.15):
        values, known = moved(fitted, changed, by)
        chi2, minus_2_log = objective(problem[0], roadrunner, known, conditions)
        assert chi2 == pytest.approx(squares(fitted, values, arms), abs=0.02)
        assert minus_2_log == pytest.approx(chi2, abs=1e-6)
    assert chi2 > squares(fitted, fitted.values(fitted.start()), arms) + 5.0  # the point is another one
    known["shao2021_formation"] *= 1.05
    wrong, _ = objective(problem[0], roadrunner, known, conditions)
    assert abs(wrong - chi2) > 0.1


@pytest.mark.long
@pytest.mark.usefixtures("fine_grid")
def test_the_objective_of_all_studies_is_that_of_the_fit(tmp_path_factory):
    roadrunner = pytest.importorskip("roadrunner", reason="libroadrunner is not installed")
    of_all, _ = read(tmp_path_factory, [])
    fitted = fitted_problem("psilocybin-mouse")
    chi2, _ = objective(of_all, roadrunner)
    assert chi2 == pytest.approx(squares(fitted, fitted.values(fitted.start())), abs=0.1)


def test_its_priors_are_those_of_the_fit(problem):
    fitted = fitted_problem("psilocybin-mouse", [STUDY])
    table = problem[0].parameter_df
    checked = 0
    for name in fitted.free:
        parameter = fitted.parameters[name]
        if identifier(name) not in table.index:
            assert name.startswith("head_twitch.")
            continue
        row = table.loc[identifier(name)]
        assert (row["lowerBound"], row["upperBound"]) == (parameter.lower, parameter.upper)
        assert row["nominalValue"] == parameter.value
        if parameter.prior is None:
            continue
        checked += 1
        assert row["objectivePriorType"] == "parameterScaleNormal"
        centre, spread = map(float, row["objectivePriorParameters"].split(";"))
        scaled = np.log if row["parameterScale"] == "log" else float
        distance = (scaled(row["nominalValue"]) - centre) / spread
        place = fitted.free.index(name)
        alone = fitted.altered(fitted.parameters, [name]).prior_residuals(fitted.start()[[place]])
        assert distance == pytest.approx(alone[0], abs=1e-12)
    assert checked > 10


def test_it_says_what_its_noise_leaves_out(problem):
    _, place = problem
    for name in ("petab-README.md", "petab.yaml"):
        text = (place / name).read_text(encoding="utf-8")
        for part in ("correlated", "binomial", "Spreads", "Head twitches"):
            assert part in text
    fitted = fitted_problem("psilocybin-mouse", [STUDY])
    values = fitted.values(fitted.start())
    assert f"{squares(fitted, values):.2f} without" in (place / "petab-README.md").read_text(encoding="utf-8")


def test_by_default_it_is_of_all_fitted_studies():
    assert fitted_problem("ketamine-mouse-single").studies == list(STUDIES)
