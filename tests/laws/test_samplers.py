"""Whatever draws from posteriors must give a Gaussian its standard deviations, and go on where it was killed."""

import json
import os
import pickle
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from scipy.special import ndtri

from synmodel.core.errors import FitError
from synmodel.inference.sampling import LARGEST_PARETO_K, importance, nested

DIM = 5
SD = np.array([0.5, 1.0, 2.0, 0.1, 1.5])
WIDTH = 16.0


def log_likelihood(x):
    return float(-0.5 * np.sum((x / SD) ** 2) - np.log(SD).sum() - 0.5 * DIM * np.log(2 * np.pi))


def prior_transform(u):
    return (u - 0.5) * WIDTH * SD


def near_likelihood(x):
    """The same posterior under a normal prior half as wide again, for a sampler that needs one like the posterior."""
    return (
        log_likelihood(x)
        + float(0.5 * np.sum((x / SD / 1.5) ** 2) + np.log(1.5 * SD).sum())
        + 0.5 * DIM * np.log(2 * np.pi)
    )


def near_transform(u):
    return 1.5 * SD * ndtri(u)


SAMPLERS = {
    "nested": (nested, 400, log_likelihood, prior_transform, -float(np.log(WIDTH * SD).sum())),
    "importance": (importance, 8192, near_likelihood, near_transform, 0.0),
}


@pytest.fixture(scope="module", params=SAMPLERS)
def setting(request):
    return SAMPLERS[request.param]


@pytest.fixture(scope="module")
def sample(setting):
    sampler, size, likelihood, transform, _ = setting
    return sampler(likelihood, transform, DIM, seed=3, size=size)


def relative_sd(sample):
    weight = np.exp(sample.log_weight)[:, None]
    mean = (weight * sample.points).sum(axis=0)
    return np.sqrt((weight * (sample.points - mean) ** 2).sum(axis=0)) / SD


def test_a_gaussian_keeps_its_standard_deviations(sample):
    """Relative error of a standard deviation from n draws: 1 / sqrt(2 n); five of them are independent."""
    error = 1 / np.sqrt(2 * sample.effective_size)
    ratio = relative_sd(sample)
    assert np.abs(ratio - 1).max() < 4.5 * error
    assert abs(ratio.mean() - 1) < 3.3 * error / np.sqrt(DIM)
    planted = ratio * 0.95
    assert abs(planted.mean() - 1) > 3.3 * error / np.sqrt(DIM), "5 % too narrow would be seen"


def test_the_evidence_of_a_gaussian(setting, sample):
    truth = setting[-1]
    assert sample.log_evidence == pytest.approx(truth, abs=4 * sample.log_evidence_error)
    assert sample.log_evidence_error < 0.3


def test_equal_draws_follow_the_weights(sample):
    draws = sample.draws(4000, seed=1)
    assert np.abs(draws.std(axis=0) / SD - 1).max() < 0.12
    np.testing.assert_array_equal(draws, sample.draws(4000, seed=1))
    assert not np.array_equal(draws, sample.draws(4000, seed=2))


KILLED = """
import sys, time
from pathlib import Path
sys.path.insert(0, {folder!r})
import synmodel.inference.sampling as sampling
sampling._SECONDS_BETWEEN_CHECKPOINTS = 0.2
from slow_gaussian import log_likelihood, prior_transform
sample = sampling.nested(log_likelihood, prior_transform, 2, seed=7, size=40,
                         checkpoint=Path({checkpoint!r}), identity="test")
print(sample.log_evidence.hex(), sample.n_calls)
"""
SLOW = """
import time
import numpy as np
def log_likelihood(x):
    time.sleep(0.001)
    return float(-0.5 * np.sum(x**2))
def prior_transform(u):
    return 10 * (u - 0.5)
"""


def test_a_killed_run_goes_on_to_the_same_evidence(tmp_path, monkeypatch):
    (tmp_path / "slow_gaussian.py").write_text(SLOW)
    monkeypatch.setenv("SYNMODEL_CACHE_DIR", str(tmp_path / "own"))

    def command(checkpoint):
        return [sys.executable, "-c", KILLED.format(folder=str(tmp_path), checkpoint=str(checkpoint))]

    def finished(checkpoint):
        done = subprocess.run(command(checkpoint), capture_output=True, text=True, check=True)
        return done.stdout

    whole = finished(tmp_path / "whole")
    checkpoint = tmp_path / "killed"
    process = subprocess.Popen(command(checkpoint), stdout=subprocess.DEVNULL)
    states = tmp_path / "own" / "checkpoints"
    limit = time.monotonic() + 300
    while not list(states.glob("*")) and time.monotonic() < limit and process.poll() is None:
        time.sleep(0.02)
    time.sleep(0.3)
    assert process.poll() is None, "the run ended before it could be killed"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert list(tmp_path.glob("killed*"))
    assert finished(checkpoint) == whole
    assert not list(tmp_path.glob("killed*")), "a finished run leaves no state behind"
    assert not list(states.glob("*"))


class Planted:
    """A pickle that writes a file when it is read."""

    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return (open, (str(self.file), "w"))


def test_a_checkpoint_of_another_run_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("SYNMODEL_CACHE_DIR", str(tmp_path / "own"))
    options = {"seed": 1, "size": 50, "checkpoint": tmp_path / "state"}
    for content in ('{"identity": "one"}', "[]", "no json"):
        (tmp_path / "state.json").write_text(content)
        with pytest.raises(FitError, match="belongs to another run"):
            nested(log_likelihood, prior_transform, DIM, identity="two", **options)
    name = "0" * 32
    (tmp_path / "state.json").write_text(json.dumps({"identity": "one", "state": name}))
    (tmp_path / "own" / "checkpoints" / name).write_bytes(b"anything")
    with pytest.raises(FitError, match="cannot go on from"):
        nested(log_likelihood, prior_transform, DIM, identity="one", **options)


@pytest.mark.parametrize("state", ["../../planted", "/planted", ""])
def test_a_planted_state_is_not_read(tmp_path, monkeypatch, state):
    monkeypatch.setenv("SYNMODEL_CACHE_DIR", str(tmp_path / "own"))
    checkpoint, ran = tmp_path / "state", tmp_path / "ran"
    for place in (tmp_path / "planted", checkpoint):
        place.write_bytes(pickle.dumps(Planted(ran)))
    (tmp_path / "state.json").write_text(json.dumps({"identity": "one", "state": state}))
    nested(log_likelihood, prior_transform, DIM, seed=1, size=20, checkpoint=checkpoint, identity="one")
    assert not ran.exists()


def test_weights_that_may_not_be_trusted_are_told():
    """Where hardly a point of the prior comes near the posterior, a few weights are everything."""
    sample = importance(log_likelihood, prior_transform, DIM, seed=1, size=1024)
    assert sample.pareto_k > LARGEST_PARETO_K
    assert importance(near_likelihood, near_transform, DIM, seed=1, size=1024).pareto_k < 0.3


def test_a_killed_importance_run_goes_on_to_the_same_weights(tmp_path, monkeypatch):
    checkpoint, calls = tmp_path / "points", []

    def until_killed(x):
        calls.append(x)
        if len(calls) == 200:
            raise KeyboardInterrupt
        return log_likelihood(x)

    monkeypatch.setattr("synmodel.inference.sampling._SECONDS_BETWEEN_CHECKPOINTS", 0.0)
    with pytest.raises(KeyboardInterrupt):
        importance(until_killed, prior_transform, DIM, seed=2, size=512, checkpoint=checkpoint, identity="one")
    again = importance(until_killed, prior_transform, DIM, seed=2, size=512, checkpoint=checkpoint, identity="one")
    assert len(calls) == 512 + 1, "what was kept is not computed again"
    whole = importance(log_likelihood, prior_transform, DIM, seed=2, size=512)
    np.testing.assert_array_equal(again.log_weight, whole.log_weight)
    assert again.log_evidence == whole.log_evidence
    assert not list(tmp_path.iterdir())


def test_an_interruption_of_nested_sampling_says_nothing_of_its_own(capsys):
    """Dynesty prints where a function failed, with all its arguments; an interruption is no failure."""
    calls = []

    def interrupted(x):
        calls.append(x)
        if len(calls) == 300:
            raise KeyboardInterrupt
        return -0.5 * float(x @ x)

    before = sys.stdout, sys.stderr
    with pytest.raises(KeyboardInterrupt):
        nested(interrupted, lambda u: 8.0 * u - 4.0, 2, seed=1, size=100)
    assert (sys.stdout, sys.stderr) == before
    assert capsys.readouterr() == ("", "")
