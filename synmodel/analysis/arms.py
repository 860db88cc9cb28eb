"""Arms: the difference between two arms of a study as it was published and as a fit has it."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from synmodel.analysis.comparison import with_interval
from synmodel.core.progress import Progress
from synmodel.data import load_summaries
from synmodel.imaging import between_arms
from synmodel.inference.summaries.estimate import Estimate
from synmodel.inference.summaries.problem import ArmPrediction
from synmodel.library.parameters import ParameterSet

__all__ = ["arms_compared"]

Array = NDArray[np.float64]


def arms_compared(
    fit: Estimate,
    study: str,
    treated: str,
    control: str,
    *,
    draws: int = 300,
    seed: int = 1,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Difference between two arms, model beside data.

    Parameters
    ----------
    fit : Estimate
        Of a problem that holds both arms.
    study, treated, control : str
        Names in the library, of arms with the same sessions.
    draws, seed, progress
        As in :func:`synmodel.analysis.comparison.with_interval`.

    Returns
    -------
    Dataset
        On ``point`` (``quantity``, ``start_day``, ``end_day``) for formation, elimination, density and head width
        where both arms have them: ``model``, ``model_low``, ``model_high`` with the uncertainty of the fit, and
        ``published``, ``published_low``, ``published_high`` over mice (Welch).
    """
    seen = between_arms(*(load_summaries(study, arm) for arm in (treated, control)))
    targets = {t.arm.name: t for t in fit.problem.arms if t.study.name == study}
    means = targets[treated].means
    points = {
        (m.quantity, end): place
        for place, (m, end) in enumerate((m, float(end)) for m in means for end in m.end)
    }  # fmt: skip

    def expected(arm: ArmPrediction) -> Array:
        return np.concatenate([arm.of(m.quantity)[m.at] for m in means])

    def difference(parameters: ParameterSet) -> Array:
        arms = fit.problem.predict(parameters.as_floats())
        return expected(arms[study, treated]) - expected(arms[study, control])

    band = with_interval(fit, difference, draws=draws, seed=seed, progress=progress)
    keys = list(zip(seen["quantity"].to_numpy().tolist(), seen["end_day"].to_numpy().tolist(), strict=True))
    rows = [i for i, key in enumerate(keys) if key in points]
    places = [points[keys[i]] for i in rows]
    chosen = seen.isel(point=rows)
    content = {
        name: ("point", band[bound, places]) for bound, name in enumerate(("model", "model_low", "model_high"))
    }  # fmt: skip
    content |= {
        f"published{end}": ("point", chosen[name].to_numpy())
        for end, name in (("", "difference"), ("_low", "low"), ("_high", "high"))
    }
    return xr.Dataset(content, {name: chosen[name] for name in ("quantity", "start_day", "end_day")})
