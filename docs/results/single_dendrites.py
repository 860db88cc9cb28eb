"""Fit the deposited dendrites of both studies with every mechanism; write what the page on dendrites shows.

    python docs/results/single_dendrites.py FOLDER_OF_TABLES [--size 8192] [--only NAME]

The tables are those of the two studies as one row per dendrite and session (`phoumthipphavong2016_dendrites.csv`,
`phoumthipphavong2016_new_spine_persistence.csv`, `shao2021_dendrites.csv`). They are not part of the project: what is
written holds estimates and group statistics only.
"""

import argparse
import json
import sys
import time
from pathlib import Path

from rich.console import Console

from synmodel.report import dendrites, files
from synmodel.report.dendrite_figures import dendrite_figure, models_figure
from synmodel.workflows import fit_dendrites

HERE = Path(__file__).parent
IMAGES = HERE.parent / "images"
EFFECTS = ("births", "formation+maturation", "formation+elimination", "formation+maturation+elimination")
TABLES_2016 = ("phoumthipphavong2016_dendrites.csv", "phoumthipphavong2016_new_spine_persistence.csv")
RUNS = {
    "ketamine2016": (
        TABLES_2016,
        ("damaged",),
        (
            *("none", *EFFECTS, "elimination", "maturation"),
            *("none+arms", "formation+arms", "formation+elimination+arms"),
            "formation+elimination+transient",
        ),
    ),
    "psilocybin2021": (
        ("shao2021_dendrites.csv",),
        (),
        (
            *("none", *EFFECTS, "elimination", "maturation", "maturation+elimination"),
            *("formation+maturation+ketanserin", "formation+maturation+blocked"),
            "formation+maturation+transient",
        ),
    ),
    "joint": (
        (*TABLES_2016, "shao2021_dendrites.csv"),
        ("damaged",),
        (EFFECTS[3], f"{EFFECTS[3]}+alike"),
    ),
}


def main() -> None:
    """Run all, or one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", type=Path, nargs="?", help="without it, figures are drawn from what was written")
    parser.add_argument("--size", type=int, default=8192)
    parser.add_argument("--only", choices=RUNS)
    options = parser.parse_args()
    for name, (tables, without, models) in RUNS.items():
        if options.tables is None or options.only not in (None, name):
            continue
        began = time.perf_counter()
        fits = fit_dendrites(
            [options.tables / table for table in tables],
            models=models,
            engine="importance",
            without=without,
            seed=1,
            size=options.size,
            checkpoint=HERE / f".{name}.checkpoint",
            progress=lambda model, done, of: sys.stderr.write(f"\r{model} {done}/{of}    "),
        )
        document = dendrites.document(fits)
        (HERE / f"{name}.json").write_text(files.to_json(document))
        for table in dendrites.tables(document)[:1]:
            Console(width=120).print(table)
        sys.stderr.write(f"\n{name}: {time.perf_counter() - began:.0f} s\n")
    draw()


def draw() -> None:
    """Figures of what was written: every comparison, and the best model of each study."""
    written = {
        name: json.loads((HERE / f"{name}.json").read_text()) for name in RUNS if (HERE / f"{name}.json").exists()
    }
    titles = {"ketamine2016": "ketamine, 2016", "psilocybin2021": "psilocybin, 2021", "joint": "both studies"}
    about = {"made by": "docs/results/single_dendrites.py"}
    figure = models_figure({titles[name]: document["comparison"] for name, document in written.items()})
    files.save_figure(figure, IMAGES / "dendrites-models", about)
    for name, document in written.items():
        if name != "joint":
            best = max(document["comparison"], key=lambda row: row["log_evidence"])["model"]
            files.save_figure(dendrite_figure(document["models"][best]), IMAGES / f"dendrites-{name}", about)
    for file in IMAGES.glob("dendrites-*.svg"):
        file.unlink()


if __name__ == "__main__":
    main()
