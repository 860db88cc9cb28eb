"""Elimination that falls with head width, against the spectral solution of its backward equation.

Between events a spine of class c with deviation sigma x survives with S_c(x), and
dS_c/dt = theta (S_c'' - x S_c') + sum_j q_cj (S_j - S_c) - delta_c m(x) S_c. Hermite polynomials are the eigenfunctions
of the first part, so on Gauss-Hermite nodes it is a matrix, and the whole one exponential per step of time. Functions
are held times the square roots of the weights of the nodes: the first part is symmetric and exponentials are stable.
"""

import math

import numpy as np
import pytest
import xarray as xr
from level import agrees, z_of_covariance, z_of_mean
from scipy.linalg import expm

from synmodel.turnover import EliminationBySize, HeadWidth, TurnoverModel, simulate, trace
from synmodel.turnover.size import log_width_shift
from synmodel.turnover.start import Start

REPLICATES = 40_000
TIMES = np.array([-2.0, 0.0, 1.0, 4.0, 12.0])
MODELS = {
    "one class": (TurnoverModel(("spine",), 1.5, [[0]], [0.15]), (12,)),
    "two classes": (TurnoverModel(("nascent", "mature"), (2.0, 0.2), [[0, 0.1], [0.02, 0]], [0.4, 0.05]), (3, 9)),
}
LAW = EliminationBySize(HeadWidth(median_um=0.5, log_sd=0.4, reversion=0.15, response=1.5), steepness=4.0, most=5.0)
DRIVES = {
    "no drug": None,
    "larger heads": xr.Dataset(
        {"head_size": ("time", [1.5, 0.9]), "elimination": ("time", [0.6, 1.2]), "formation": ("time", [2.5, 1.0])},
        {"time": [-0.5, 3.0]},
    ),
}
STEP = 1 / 64


class Spectral:
    """Expectations of functions of (class, deviation) on Gauss-Hermite nodes."""

    def __init__(self, model, law, drive, nodes=48):
        x, w = np.polynomial.hermite_e.hermegauss(nodes)
        self.root, self.deviation = np.sqrt(w / w.sum()), law.head_width.log_sd * x
        order = np.arange(nodes)
        norm = np.array([math.sqrt(math.factorial(n)) for n in order])
        hermite = np.polynomial.hermite_e.hermevander(x, nodes - 1) / norm * self.root[:, None]
        reverting = hermite @ np.diag(-law.head_width.reversion * order) @ hermite.T
        transitions = np.array(model.transition, float)
        transitions -= np.diag(transitions.sum(axis=1))
        self.moving = np.kron(np.eye(model.n_class), reverting) + np.kron(transitions, np.eye(nodes))
        self.model, self.law, self.drive = model, law, drive

    def fold(self, name, t):
        if self.drive is None or name not in self.drive:
            return 1.0
        k = np.searchsorted(self.drive["time"].to_numpy(), t, side="right") - 1
        return float(self.drive[name][k]) if k >= 0 else 1.0

    def shift(self, t):
        if self.drive is None:
            return 0.0
        knots, sizes = self.drive["time"].to_numpy(), self.drive["head_size"].to_numpy()
        return float(log_width_shift(np.array([t]), knots, sizes, self.law.head_width.response)[0])

    def step(self, elimination, shift):
        """Backward step of the hazards in its middle."""
        width = self.law.head_width.median_um * np.exp(shift + self.deviation)
        loss = np.outer(self.model.elimination, self.law.multiplier(width)).ravel() * elimination
        return expm((self.moving - np.diag(loss)) * STEP)

    def run(self, start, end, functions):
        """(K, F) means at the end of functions (K * node, F) of a spine of each class, and of new ones' mean."""
        n_step = round((end - start) / STEP)
        value = functions * np.tile(self.root, self.model.n_class)[:, None]
        formed = np.zeros(functions.shape[1])
        matrix, cause = None, None
        for i in reversed(range(n_step)):
            t = start + i * STEP
            hazards = (self.fold("elimination", t), self.shift(t + STEP / 2))
            if matrix is None or hazards != cause:
                matrix, cause = self.step(*hazards), hazards
            later, value = value, matrix @ value
            rate = np.array(self.model.formation) * self.fold("formation", t) * STEP
            formed += rate @ (self.newborn(later) + self.newborn(value)) / 2  # trapezoid: error of order STEP^2
        return self.newborn(value), formed

    def newborn(self, value):
        """(K, F) means over the law of newborns."""
        return np.einsum("i,cif->cf", self.root, value.reshape(self.model.n_class, len(self.root), -1))

    def indicator(self):
        return np.kron(np.eye(self.model.n_class), np.ones((len(self.root), 1)))


def exact(name, drive, law=LAW, **changes):
    """Mean and variance (time, class) of the counts after the first session."""
    model, start = MODELS[name]
    model = TurnoverModel(
        model.classes, model.formation, model.transition, changes.get("elimination", model.elimination)
    )
    solver = Spectral(model, law, DRIVES[drive])
    mean, variance = [], []
    for t in TIMES[1:]:
        p, formed = solver.run(TIMES[0], t, solver.indicator())
        mean.append(np.array(start) @ p + formed)
        variance.append(np.array(start) @ (p * (1 - p)) + formed)
    return np.array(mean), np.array(variance)


@pytest.fixture(scope="module")
def samples():
    return {
        (name, drive): simulate(
            MODELS[name][0],
            initial=list(MODELS[name][1]),
            times=TIMES,
            replicates=REPLICATES,
            drive=DRIVES[drive],
            engine="events",
            elimination_by_size=LAW,
            seed=8,
        )["count"].to_numpy()[:, 0, 1:]
        for name in MODELS
        for drive in DRIVES
    }


@pytest.mark.parametrize("drive", DRIVES)
@pytest.mark.parametrize("name", MODELS)
def test_counts(samples, name, drive):
    mean, variance = exact(name, drive)
    count = samples[name, drive]
    assert agrees(z_of_mean(count, mean, variance))
    assert agrees(z_of_covariance(count, count, variance))


@pytest.mark.parametrize("wrong", ["elimination", "steepness", "no selection"])
def test_errors_are_caught(samples, wrong):
    """Elimination 5 % off, a slope 25 % off, and elimination that does not depend on size at all."""
    name = "one class"
    law = EliminationBySize(LAW.head_width, {"steepness": 5.0, "no selection": 0.0}.get(wrong, LAW.steepness), LAW.most)
    elimination = [0.15 * 1.05] if wrong == "elimination" else [0.15]
    mean, variance = exact(name, "no drug", law, elimination=elimination)
    assert not agrees(z_of_mean(samples[name, "no drug"], mean, variance))


@pytest.mark.parametrize("drive", DRIVES)
def test_widths_of_survivors(drive):
    """First two moments of ln w of the spines of the first session that are left, at every later one."""
    model, _ = MODELS["one class"]
    start = Start(np.full((8000, 1, 1), 20), np.zeros((8000, 1)))
    spines = trace(model, start, TIMES, seed=9, drive=DRIVES[drive], elimination_by_size=LAW)
    there = spines["spine_class"].to_numpy() >= 0
    law, solver = LAW.head_width, Spectral(model, LAW, DRIVES[drive])
    deviation = np.log(spines["head_width"].to_numpy() / law.median_um) - [solver.shift(t) for t in TIMES]
    powers = np.stack([solver.deviation**k for k in range(5)], axis=1)
    for k, t in enumerate(TIMES[1:], start=1):
        expected, _ = solver.run(TIMES[0], t, powers)
        one, x, square, _, fourth = expected[0]
        seen = np.where(there[:, k], deviation[:, k], 0.0)
        drawn = np.stack([there[:, k], seen, seen**2], axis=1)
        variance = np.array([one * (1 - one), square - x**2, fourth - square**2])
        assert agrees(z_of_mean(drawn, np.array([one, x, square]), variance))
        assert not agrees(z_of_mean(drawn, np.array([one, 0.9 * x, square]), variance))


def test_spectral_solution_has_converged():
    coarse, fine = (Spectral(MODELS["two classes"][0], LAW, None, nodes) for nodes in (48, 80))
    solutions = (solver.run(0.0, 4.0, solver.indicator()) for solver in (coarse, fine))
    for a, b in zip(*solutions, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


def test_without_slope_it_is_the_plain_model():
    """With m = 1 for every width, means are those of the closed form."""
    flat = EliminationBySize(LAW.head_width, steepness=0.0, most=3.0)
    model, start = MODELS["one class"]
    count = simulate(
        model,
        initial=list(start),
        times=TIMES,
        replicates=REPLICATES,
        engine="events",
        elimination_by_size=flat,
        seed=2,
    )["count"].to_numpy()[:, 0, 1:, 0]
    p = np.exp(-0.15 * (TIMES[1:] - TIMES[0]))
    mean = 12 * p + 1.5 / 0.15 * (1 - p)
    assert agrees(z_of_mean(count, mean, 12 * p * (1 - p) + 1.5 / 0.15 * (1 - p)))


def test_histories_are_those_of_the_counts():
    """Widths are drawn beside the lives: the same spines with or without them."""
    model, start = MODELS["two classes"]
    design = {"initial": list(start), "times": TIMES, "replicates": 200, "seed": 4, "drive": DRIVES["larger heads"]}
    count = simulate(model, engine="events", elimination_by_size=LAW, **design)["count"].to_numpy()[:, 0]
    begin = Start(np.broadcast_to(np.array(start), (200, 1, 2)), np.ones((200, 1)))
    spines = trace(model, begin, TIMES, seed=4, drive=DRIVES["larger heads"], elimination_by_size=LAW)
    path, replicate = spines["spine_class"].to_numpy(), spines["replicate"].to_numpy()
    for k in range(len(TIMES)):
        for c in range(2):
            seen = np.bincount(replicate[path[:, k] == c], minlength=200)
            np.testing.assert_array_equal(count[:, k, c], seen)
    widths = spines["head_width"].to_numpy()
    np.testing.assert_array_equal(np.isfinite(widths), path >= 0)
