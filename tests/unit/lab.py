"""A laboratory: counts of dendrites of two arms from the simulator, and the rates that they come from."""

import numpy as np
import pandas as pd

from synmodel.inference.dendrites import baseline_of
from synmodel.signalling import phenomenological_drive
from synmodel.turnover import simulate

__all__ = ["SESSIONS", "TRUTH", "table"]

SESSIONS = (-3.0, -1.0, 1.0, 3.0, 5.0, 7.0)
TRUTH = {
    "lab.formation": 0.03,
    "lab.loss_nascent": 0.5,
    "lab.maturation": 0.15,
    "lab.loss_mature": 0.01,
    "lab.nascent_fraction": 0.2,
    "lab.formation_cv_dendrite": 0.3,
    "lab.formation_cv_animal": 0.01,
    "psilocybin.formation_fold": 3.0,
    "psilocybin.onset": 0.25,
    "psilocybin.decay": 5.0,
}


def table(arms=("saline", "psilocybin"), mice=4, dendrites=12, length=40.0, seed=1):
    """Rows of a laboratory's counts, from the simulator."""
    model, composition = baseline_of("lab", TRUTH, transient=False)
    rows = []
    for arm in arms:
        days = np.concatenate([[-3.0], np.arange(0.0, 8.0, 0.05)])
        drive = None if arm == "saline" else phenomenological_drive([("psilocybin", 0.0)], days, TRUTH)
        start = np.round(15 * composition).astype(int).tolist()
        out = simulate(
            model, initial=start, times=SESSIONS, replicates=mice, dendrites=dendrites, drive=drive, seed=seed,
            length_um=length,
        )  # fmt: skip
        total = out["count"].sum("spine_class").to_numpy()
        for m in range(mice):
            for d in range(dendrites):
                for s, day in enumerate(SESSIONS):
                    gained, lost = (out[name][m, d, s - 1].item() if s else "" for name in ("gained", "lost"))
                    rows.append(("lab", arm, f"m{m}", f"d{d}", day, total[m, d, s], gained, lost, length))
    columns = ["study", "arm", "mouse", "dendrite", "day", "spine_count", "gained", "lost", "length_um"]
    return pd.DataFrame(rows, columns=columns)
