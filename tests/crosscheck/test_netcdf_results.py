"""netCDF results in the tools of others: the layout that ncdump sees, and ArviZ 0.x or 1.x, whichever is installed."""

import importlib.util
import re
import shutil
import subprocess
import sys

import pytest

from synmodel import library
from synmodel.core import netcdf
from synmodel.inference import fit
from synmodel.scenario import load
from synmodel.simulation import mechanism_of, simulate

CLASSIC = {"double", "float", "int", "int64", "uint64", "uint", "short", "ushort", "byte", "ubyte", "char", "string"}

ARVIZ = """
import sys
import matplotlib
matplotlib.use("Agg")
import arviz as az
tree, joint = az.from_netcdf(sys.argv[1]), az.from_netcdf(sys.argv[2])
assert len(az.summary(tree)) > 5
assert len(az.summary(joint)) > 50
az.plot_trace(tree)
getattr(az, "plot_ppc", getattr(az, "plot_ppc_dist", None))(tree)
print("arviz", az.__version__)
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Files of a simulation, of its mechanism, and of a fit of single dendrites."""
    place = tmp_path_factory.mktemp("results")
    observations = simulate("psilocybin-mouse", replicates=1, seed=1)
    netcdf.write(observations, place / "observations.nc")
    netcdf.write(mechanism_of(load("psilocybin-mouse")), place / "mechanism.nc")
    one = observations.isel(replicate=0, drop=True)
    n = one.sizes["animal"]
    one = one.assign_coords(study=("animal", ["shao2021"] * n), arm=("animal", ["psilocybin"] * n))
    netcdf.write(fit(one, model="formation", engine="importance", seed=1, size=256), place / "fit.nc")
    return place


@pytest.mark.skipif(shutil.which("ncdump") is None, reason="ncdump is not installed")
def test_results_have_no_types_that_only_hdf5_knows(results):
    """R reads by the same library as ncdump: groups, dimensions, numbers and text; no enum, compound or reference."""
    for path in (*sorted(results.glob("*.nc")), library.posterior_path()):
        shown = subprocess.run(["ncdump", "-h", str(path)], capture_output=True, text=True, check=True).stdout
        types = re.findall(r"^\s+(\S+) [\w.\- ]+(?:\([^)]*\))? ;$", shown, re.MULTILINE)
        assert types, path
        assert set(types) <= CLASSIC, (path, set(types) - CLASSIC)
        assert "types:" not in shown


@pytest.mark.skipif(importlib.util.find_spec("arviz") is None, reason="ArviZ is not installed")
def test_arviz_summarises_and_draws_a_fit(results):
    """In a process of its own: importing ArviZ 0.x warns, and its figures stay open."""
    command = [sys.executable, "-W", "ignore", "-c", ARVIZ, str(results / "fit.nc"), str(library.posterior_path())]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.startswith("arviz ")
