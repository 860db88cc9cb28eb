"""Calibrate the whole pipeline; write what the page on calibration shows.

    python docs/results/calibration.py [--replicates 500] [--fractions]

takes about forty minutes on two cores, and with ``--fractions`` (densities and fractions alone) fifteen. What is
written holds ranks, not posteriors: those of the pipeline, and those of pipelines that are off by a factor.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import xarray as xr

from synmodel.inference import Design, calibrate
from synmodel.inference.dendrites.calibration import laboratory_priors, shifted

FOLDER = Path(__file__).parent
PLANTED = (
    ("lab.formation", 1.05),
    ("lab.formation", 1.1),
    ("lab.loss_mature", 1.25),
    ("psilocybin.formation_fold", 1.25),
)
PLANTED_FRACTIONS = (
    ("lab.formation", 1.05),
    ("lab.formation", 1.1),
    ("lab.length_median", 1.05),
    ("lab.loss_mature", 1.25),
)
FRACTIONS = Design(arms=("saline",), mice=2, dendrites=5, sessions=(0.0, 2.0, 4.0, 6.0), fractions=True)


def main() -> None:
    """Run and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replicates", type=int)
    parser.add_argument("--fractions", action="store_true")
    options = parser.parse_args()

    def progress(done: int, of: int) -> None:
        sys.stderr.write(f"\r{done}/{of}  ")

    if options.fractions:
        calibration = calibrate(
            FRACTIONS, "none", parameters=laboratory_priors(drugs=()), replicates=options.replicates or 200, size=512,
            seed=5, progress=progress,
        )  # fmt: skip
        write(calibration, "calibration_fractions", PLANTED_FRACTIONS)
        return
    calibration = calibrate(
        Design(), "formation+elimination", parameters=laboratory_priors(), replicates=options.replicates or 500,
        size=1024, seed=1, progress=progress,
    )  # fmt: skip
    write(calibration, "calibration", PLANTED)


def write(calibration: xr.Dataset, name: str, planted: tuple[tuple[str, float], ...]) -> None:
    """Ranks as they are and as they would be with an error."""
    names = calibration["parameter"].to_numpy().tolist()
    ranks = [shifted(calibration, each, factor)["rank"].to_numpy()[:, names.index(each)] for each, factor in planted]
    small = xr.Dataset(
        {
            "rank": calibration["rank"].astype(np.int16),
            "rank_planted": (("planted", "replicate"), np.array(ranks, np.int16)),
        },
        {
            "draw": np.arange(calibration.sizes["draw"], dtype=np.int16),
            "parameter": calibration["parameter"],
            "planted": [f"{each} x {factor:g}" for each, factor in planted],
        },
        attrs=calibration.attrs,
    )
    smaller = {each: {"zlib": True} for each in ("rank", "rank_planted")}
    small.to_netcdf(FOLDER / f"{name}.nc", engine="h5netcdf", encoding=smaller)


if __name__ == "__main__":
    main()
