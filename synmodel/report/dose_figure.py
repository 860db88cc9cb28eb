"""How effects grow with the dose: formation at its peak, elimination at its lowest, extra spines at the end."""

import matplotlib as mpl
import xarray as xr
from matplotlib.figure import Figure

from synmodel.analysis.intervals import with_ends
from synmodel.report.figures import draw_band
from synmodel.report.style import colours_of, panels, style, width

__all__ = ["dose_figure"]

_LINE = "#999999"


def dose_figure(found: xr.Dataset, *, look: str = "page") -> Figure:
    """Three panels over the dose, with the 95 % interval of the posterior where there are draws.

    Parameters
    ----------
    found : Dataset
        Of :func:`synmodel.analysis.responses.dose_response`.
    look : str
        One of :data:`synmodel.report.style.LOOKS`.
    """
    compound, amount = str(found.attrs["compound"]), found["amount"].to_numpy()
    (colour,) = colours_of([compound])
    titles = {
        "formation_peak": ("Formation, at its peak", "fold over baseline", 1.0, 1.0),
        "elimination_lowest": ("Elimination, at its lowest", "fold over baseline", 1.0, 1.0),
        "extra_spines": (f"Extra spines, day {found.attrs['last_day']:g}", "% of the first session", 100.0, 0.0),
    }
    with style(look), mpl.rc_context({"text.parse_math": False}):
        figure, axes = panels(1, 3, size=(width(look), 0.36 * width(look)))
        for each, (name, (title, unit, scale, nothing)) in zip(axes[0], titles.items(), strict=True):
            each.set_label(name)
            draw_band(each, amount, scale * with_ends(found[name].to_numpy()), colour)
            each.axhline(nothing, color=_LINE, linewidth=0.8, zorder=0)
            given = found["amount"].sel(factor=1.0).item() if 1.0 in found["factor"] else None
            if given is not None:
                each.axvline(given, color=_LINE, linewidth=0.8, linestyle=":", zorder=0)
            each.set(title=title, ylabel=unit, xscale="log")
            each.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
            each.set_xlabel(f"{compound} ({found['amount'].attrs['units']})")
        for each in axes[0][:2]:
            each.set_ylim(bottom=0)
    return figure
