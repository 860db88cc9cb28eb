"""Write the estimates of ``synmodel fit --out FOLDER`` into the parameter library.

    python tests/golden/adopt_fit.py FOLDER

Run it when a change of the model or of the likelihood moves the estimates, and say so in CHANGELOG.md.
"""

import json
import re
import sys
from pathlib import Path

LIBRARY = Path(__file__).parents[2] / "synmodel" / "library" / "parameters"
READING = "intracellular 5-HT2A"


def main(folder: Path) -> None:
    document = json.loads((folder / "fit.json").read_text())
    entries = {**document["parameters"], **document["mechanisms"][READING]["parameters"]}
    # A gain at the lower end of its support is 0 but for the optimiser's margin.
    estimates = {name: entry["estimate"] if abs(entry["estimate"]) > 1e-5 else 0.0 for name, entry in entries.items()}
    for path in sorted(LIBRARY.glob("*.toml")):
        text = path.read_text()
        for name, value in estimates.items():
            pattern = re.compile(rf"(\[{re.escape(name)}\]\nvalue = )\S+")
            text = pattern.sub(lambda match, value=value: f"{match[1]}{value:.6g}", text)
        path.write_text(text)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
