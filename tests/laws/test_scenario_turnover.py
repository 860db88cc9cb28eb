"""Crowding of a scenario in closed form, and the engines that it may ask for against exact expectations."""

import numpy as np
import pytest
from level import agrees

from synmodel.imaging import summarise
from synmodel.library.parameters import default_parameters
from synmodel.scenario import load
from synmodel.simulation import expectation, simulate

LOSS, BIRTHS, LENGTH, MISS, DENSITY, PLACES = 0.3, 0.2, 60.0, 1e-4, 0.2, 30
ALIKE = {
    "shao2021.formation": BIRTHS,
    "shao2021.formation_trend": 0.0,
    "shao2021.formation_cv_animal": 0.0,
    "shao2021.formation_cv_dendrite": 0.0,
    "shao2021.density_log_sd": 0.0,
    "shao2021.loss_nascent": LOSS,
    "shao2021.loss_mature": LOSS,
    "shao2021.maturation": 5.0,
    "shao2021.nascent_excess": 1.0,
    "shao2021.miss": MISS,
}
SESSIONS = (0.0, 2.0, 5.0)


def crowded(per_um=PLACES / LENGTH):
    """Spines of both classes are lost alike, so that all are one: formation lambda (1 - n / N), elimination delta n."""
    return load("saline-mouse").updated(
        parameters=ALIKE,
        schedule={"sessions": SESSIONS},
        cohort={"animals": 6, "dendrites_per_animal": 10, "length_um": LENGTH, "initial_density_per_um": DENSITY},
        turnover={"crowding": {"n_max_per_um": per_um}},
    )


def mean_course(places):
    """Exact means of spines at the end, of those gained and of those kept, by interval.

    n' = b (1 - n / N) - d n is linear in n, so it holds for means; of the spines formed, exp(-d (t - s)) are there at
    t.
    """
    formation, n, rows = BIRTHS * LENGTH, DENSITY * LENGTH / (1 - MISS), []
    for t in np.diff(SESSIONS):
        rate = LOSS + formation / places
        balance = formation / rate
        decay, kept = np.exp(-rate * t), np.exp(-LOSS * t)
        free, excess = formation * (1 - balance / places), formation / places * (n - balance)
        gained = free * (1 - kept) / LOSS + excess * (decay - kept) / (formation / places)
        rows.append((balance + (n - balance) * decay, gained, n * kept))
        n = rows[-1][0]
    return np.array(rows).T


def z_of_crowding(observations, places=PLACES):
    """Of spines scored and of spines gained, those that a miss had hidden included."""
    after, gained, kept = mean_course(places)
    expected = np.concatenate([after, gained + MISS * kept]) * (1 - MISS)
    seen = np.concatenate([
        observations["spine_count"].isel(session=slice(1, None)).to_numpy().reshape(-1, 2),
        observations["gained"].to_numpy().reshape(-1, 2),
    ], axis=1)  # fmt: skip
    return (seen.mean(axis=0) - expected) / (seen.std(axis=0) / np.sqrt(len(seen)))


def test_crowding_lowers_formation_as_its_closed_form_says():
    assert sum(mean_course(PLACES)[1:]) == pytest.approx(mean_course(PLACES)[0])  # gained and kept are all there are
    assert agrees(z_of_crowding(simulate(crowded(), replicates=300, seed=1)))


def test_places_five_percent_off_are_caught():
    off = z_of_crowding(simulate(crowded(1.05 * PLACES / LENGTH), replicates=300, seed=1))
    assert not agrees(off)


def z_of_statistics(engine, parameters=None):
    """Of the means over experiments of an engine without interaction, against exact expectations."""
    same = {name: ALIKE[name] for name in ALIKE if "_cv_" in name or "_sd" in name}  # less noise
    plan = load("psilocybin-mouse").updated(schedule={"sessions": [-1.0, 1.0]}, parameters=same)
    asked = plan.updated(turnover={"engine": engine})
    summary = summarise(simulate(asked, parameters, replicates=800, seed=2))
    exact, verdicts = expectation(plan), []
    for quantity in ("formation", "elimination"):
        seen = summary["mean"].isel(point=(summary["quantity"] == f"{quantity}_fraction").to_numpy())
        seen = seen.transpose("replicate", "point").to_numpy()
        verdicts.append((seen.mean(axis=0) - getattr(exact, quantity)) / (seen.std(axis=0) / np.sqrt(len(seen))))
    return np.array(verdicts)


@pytest.mark.parametrize("engine", ["coupled", "sessions", "counts"])
def test_every_engine_has_the_law_of_a_plain_scenario(engine):
    assert agrees(z_of_statistics(engine))


@pytest.mark.parametrize("engine", ["coupled", "sessions", "counts"])
def test_formation_five_percent_off_is_caught(engine):
    more = {"shao2021.formation": 1.05 * default_parameters().value("shao2021.formation")}
    assert not agrees(z_of_statistics(engine, default_parameters().replace(more)))
