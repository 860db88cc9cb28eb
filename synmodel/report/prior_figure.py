"""Posterior against prior: what the data added to what was believed before, parameter by parameter."""

from collections.abc import Mapping
from typing import NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.stats import gaussian_kde

from synmodel.core.randomness import stream_key
from synmodel.inference.summaries.estimate import Estimate
from synmodel.library.parameters import Parameter
from synmodel.report.style import GREY, panels, style, width

__all__ = ["Sampled", "prior_figure", "sampled_of"]

Array = NDArray[np.float64]
_COLUMNS = 4
_COLOUR = "#0072B2"
_DRAWS = 4000


class Sampled(NamedTuple):
    """Draws of one parameter.

    Attributes
    ----------
    posterior, prior : (n,) ndarray
        In ``unit``.
    unit : str
        Of both.
    logarithmic : bool
        Whether it is shown on a logarithmic axis.
    """

    posterior: Array
    prior: Array
    unit: str
    logarithmic: bool


def sampled_of(estimate: Estimate, names: list[str], *, seed: int = 1) -> dict[str, Sampled]:
    """Draws of parameters of a joint posterior, and of their priors.

    Parameters
    ----------
    estimate : Estimate
        A posterior.
    names : list of str
        Free parameters.
    seed : int
        Of the draws.
    """
    problem = estimate.problem
    vectors, generator = (
        estimate.draws(1000, seed),
        np.random.Generator(np.random.Philox(key=stream_key(seed, "prior draws"))),
    )
    found = {}
    for name in names:
        parameter = problem.parameters[name]
        column = vectors[:, problem.free.index(name)]
        back = np.vectorize(parameter.from_coordinate, otypes=[float])
        drawn = back(_prior(parameter, generator))
        found[name] = Sampled(back(column), drawn, parameter.unit, parameter.scale == "log")
    return found


def _prior(parameter: Parameter, generator: np.random.Generator) -> Array:
    """Draws of a prior on the scale of the fit, within the support."""
    low, high = parameter.to_coordinate(parameter.lower), parameter.to_coordinate(parameter.upper)
    if parameter.prior is None:
        return generator.uniform(low, high, _DRAWS)
    centre, spread = parameter.to_coordinate(parameter.prior.centre), parameter.prior.spread
    drawn = centre + spread * generator.standard_normal(4 * _DRAWS)
    return drawn[(drawn >= low) & (drawn <= high)][:_DRAWS]


def prior_figure(sampled: Mapping[str, Sampled], *, look: str = "page") -> Figure:
    """Densities of the posterior (filled) and of the prior (dashed), and how much narrower the posterior is.

    On the logarithmic scale where that is shown, by the standard deviation.

    Parameters
    ----------
    sampled : mapping
        Name of a parameter -> its draws.
    look : str
        One of :data:`synmodel.report.style.LOOKS`.
    """
    rows, columns = -(-len(sampled) // _COLUMNS), min(_COLUMNS, len(sampled))
    with style(look), mpl.rc_context({"text.parse_math": False}):
        inch = width(look) / _COLUMNS
        figure, axes = panels(rows, columns, size=(columns * inch, rows * 0.85 * inch + 0.05 * width(look)))
        for each in axes.ravel()[len(sampled) :]:
            each.set_visible(False)
        for each, (name, draws) in zip(axes.ravel(), sampled.items(), strict=False):
            _draw(each, name, draws)
        handles, labels = axes.ravel()[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=2)
    return figure


def _draw(axes: Axes, name: str, draws: Sampled) -> None:
    axes.set_label(name)
    posterior, prior = (np.log(each) if draws.logarithmic else each for each in (draws.posterior, draws.prior))
    ends = np.quantile(np.concatenate([posterior, prior]), [0.005, 0.995])
    grid = np.linspace(float(ends[0]), float(ends[1]), 200)
    shown = np.exp(grid) if draws.logarithmic else grid
    for values, label in ((posterior, "posterior"), (prior, "prior")):
        density = gaussian_kde(values)(grid) if np.ptp(values) > 0 else np.zeros_like(grid)
        if label == "posterior":
            axes.fill_between(shown, density, color=_COLOUR, alpha=0.3, linewidth=0, label=label)
            axes.plot(shown, density, color=_COLOUR, linewidth=1.4)
        else:
            axes.plot(shown, density, color=GREY, linestyle=(0, (4, 2)), linewidth=1.2, label=label)
    if draws.logarithmic:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(mpl.ticker.LogLocator(numticks=4))
        axes.xaxis.set_major_formatter(mpl.ticker.FormatStrFormatter("%g"))
        axes.xaxis.set_minor_locator(mpl.ticker.NullLocator())
    narrower = 1.0 - posterior.std() / prior.std()
    axes.set_title(name.replace(".", "\n"), fontsize="small")
    word = "narrower" if narrower >= 0 else "wider"
    unit = "" if draws.unit == "1" else f"{draws.unit}; "
    axes.set_xlabel(f"{unit}{100 * abs(narrower):.0f} % {word}", fontsize="small")
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_ylim(bottom=0)
