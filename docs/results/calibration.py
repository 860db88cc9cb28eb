"""Calibrate the whole pipeline; write what the page on calibration shows.

    python docs/results/calibration.py [--replicates 500]

takes about forty minutes on two cores. What is written holds ranks, not posteriors: those of the pipeline, and those
of pipelines that are off by a factor.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import xarray as xr

from synmodel.inference import Design, calibrate
from synmodel.inference.calibration import laboratory_priors, shifted

FILE = Path(__file__).parent / "calibration.nc"
PLANTED = (
    ("lab.formation", 1.05),
    ("lab.formation", 1.1),
    ("lab.loss_mature", 1.25),
    ("psilocybin.formation_fold", 1.25),
)


def main() -> None:
    """Run and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replicates", type=int, default=500)
    options = parser.parse_args()
    write(
        calibrate(
            Design(),
            "formation+elimination",
            parameters=laboratory_priors(),
            replicates=options.replicates,
            size=1024,
            seed=1,
            progress=lambda done, of: sys.stderr.write(f"\r{done}/{of}  "),
        )
    )


def write(calibration: xr.Dataset) -> None:
    """Ranks as they are and as they would be with an error."""
    names = calibration["parameter"].to_numpy().tolist()
    ranks = [shifted(calibration, name, factor)["rank"].to_numpy()[:, names.index(name)] for name, factor in PLANTED]
    small = xr.Dataset(
        {
            "rank": calibration["rank"].astype(np.int16),
            "rank_planted": (("planted", "replicate"), np.array(ranks, np.int16)),
        },
        {
            "draw": np.arange(calibration.sizes["draw"], dtype=np.int16),
            "parameter": calibration["parameter"],
            "planted": [f"{name} x {factor:g}" for name, factor in PLANTED],
        },
        attrs=calibration.attrs,
    )
    small.to_netcdf(FILE, engine="h5netcdf", encoding={name: {"zlib": True} for name in ("rank", "rank_planted")})


if __name__ == "__main__":
    main()
