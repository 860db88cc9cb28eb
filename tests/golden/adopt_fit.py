"""Write the estimates of ``synmodel fit --out FOLDER`` into the parameter library.

    python tests/golden/adopt_fit.py FOLDER

Run it when a change of the model or of the likelihood moves the estimates, make the posterior anew afterwards
(``synmodel posterior --out synmodel/library/posterior``), and say so in CHANGELOG.md. Estimates of
potencies stand in the files of compounds and are put there by hand, beside the centres of their priors.
"""

import re
import sys
from pathlib import Path

import xarray as xr

LIBRARY = Path(__file__).parents[2] / "synmodel" / "library" / "parameters"


def main(folder: Path) -> None:
    with xr.open_dataset(folder / "fit.nc", engine="h5netcdf") as fit:
        names, values = fit["parameter"].values.tolist(), fit["estimate"].values.tolist()
    for path in sorted(LIBRARY.glob("*.toml")):
        text = path.read_text()
        for name, value in zip(names, values, strict=True):
            pattern = re.compile(rf"(\[{re.escape(name)}\]\nvalue = )\S+")
            text = pattern.sub(lambda match, value=value: f"{match[1]}{value:.8g}", text)
        path.write_text(text)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
