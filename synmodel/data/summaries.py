"""The published group summaries, in the same form as :func:`synmodel.imaging.summarise` gives simulated ones.

Means and SEM over dendrites are as published or computed from the deposited per-dendrite values; SEM over mice
rests on 1 to 8 mice and is pooled: for each quantity of a study the design effect::

    D = sum (n - 1) (SEM_mouse / SEM_dendrite)^2 / sum (n - 1)        n mice, over arms and intervals

says how many times the variance of a mean exceeds that of independent dendrites; ``sem_mouse`` is
sqrt(D) SEM_dendrite.
"""

from functools import cache

import numpy as np
import pandas as pd
import xarray as xr

from synmodel import library
from synmodel.data.studies import load_study

__all__ = ["FITTED", "baseline_density", "design_effect", "load_summaries"]

FITTED = ("formation_fraction", "elimination_fraction", "density_change")
"""Quantities that every study reports and every fit describes."""


@cache
def _table() -> pd.DataFrame:
    return pd.read_csv(library.summaries_path())


def _of_arm(study: str, arm: str) -> pd.DataFrame:
    load_study(study).arm(arm)  # raises with the closest names
    table = _table()
    return table[(table["study"] == study) & (table["arm"] == arm)]


@cache
def baseline_density(study: str, arm: str) -> float:
    """Published mean density of an arm at the first session [1/um]."""
    table = _of_arm(study, arm)
    return float(table.loc[table["quantity"] == "baseline_density_per_um", "mean"].iloc[0])


@cache
def design_effect(study: str, quantity: str) -> float:
    """Variance of a mean over mice, over that of independent dendrites; 1 for a quantity without mouse SEM."""
    table = _table()
    rows = table[(table["study"] == study) & (table["quantity"] == quantity) & (table["n_mice"] > 1)]
    weight = rows["n_mice"] - 1
    ratio = (rows["mouse_sem"] / rows["sem_dendrite"]) ** 2
    known = ratio.notna()
    if not known.any():
        return 1.0
    return float((weight * ratio)[known].sum() / weight[known].sum())


def load_summaries(study: str, arm: str) -> xr.Dataset:
    """Group summaries of one arm.

    Parameters
    ----------
    study, arm : str
        Names in the library.

    Returns
    -------
    Dataset
        On dim ``point`` with coordinates ``quantity``, ``start_day``, ``end_day``: ``mean``, ``sem_dendrite``,
        ``sem_mouse`` (pooled), ``n_dendrites``, ``mouse_mean``, ``mouse_sem``, ``n_mice``, ``n_present``,
        ``n_new``; NaN where the paper has none. Changes start at the first session.
    """
    table = _of_arm(study, arm)
    table = table[table["quantity"] != "baseline_density_per_um"].reset_index(drop=True)
    first = float(_of_arm(study, arm).query("quantity == 'baseline_density_per_um'")["end_day"].iloc[0])
    effects = np.array([design_effect(study, quantity) for quantity in table["quantity"]])
    content = {
        name: ("point", table[name].to_numpy(float))
        for name in ("mean", "sem_dendrite", "n_dendrites", "mouse_mean", "mouse_sem", "n_mice", "n_present", "n_new")
    }
    content["sem_mouse"] = ("point", table["sem_dendrite"].to_numpy(float) * np.sqrt(effects))
    return xr.Dataset(
        content,
        coords={
            "quantity": ("point", table["quantity"].to_numpy(str)),
            "start_day": ("point", table["start_day"].fillna(first).to_numpy(float), {"units": "day"}),
            "end_day": ("point", table["end_day"].to_numpy(float), {"units": "day"}),
        },
        attrs={"study": study, "arm": arm, "source_doi": str(table["source_doi"].iloc[0])},
    )
