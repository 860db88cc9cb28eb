"""Fixtures and settings for all tests."""

import os

# Matrices here are 2 x 2; more than one BLAS thread only spins.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from synmodel.inference import Fit, fit_summaries
from synmodel.turnover import TurnoverModel

settings.register_profile(
    "synmodel", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
settings.load_profile("synmodel")

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def fit() -> Fit:
    """The joint fit of the embedded studies, once for all tests."""
    return fit_summaries(seed=1, starts=1)


@pytest.fixture
def shared_data() -> Path:
    """The folder of per-dendrite deposits, which is not part of the project."""
    if not (SHARED / "tidy").is_dir():
        pytest.skip(f"the per-dendrite deposits are not at {SHARED}")
    return SHARED


@pytest.fixture
def two_classes() -> TurnoverModel:
    return TurnoverModel(("nascent", "mature"), 2.0, [[0, 0.1], [0.02, 0]], [0.5, 0.01])
