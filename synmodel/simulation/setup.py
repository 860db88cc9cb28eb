"""A scenario made ready: the one way from its doses to a drive, and from the drive to spines.

::

    Setup                          what a scenario says whatever the parameters
      .at(parameters) -> Preparation     what the parameters make of it: tissue, drive, start, propagation

Simulations, exact expectations, courses and assays all start here.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from synmodel.core.errors import SimulationError
from synmodel.imaging.counting import demand_words
from synmodel.imaging.expectation import Expected, expected_statistics
from synmodel.library.parameters import ParameterSet
from synmodel.scenario import Scenario
from synmodel.signalling import drive_of_folds
from synmodel.simulation.mechanism import Folding, folds_on_grid, mechanisms_at, parameters_of
from synmodel.simulation.subjects import Term, terms_of
from synmodel.simulation.tissue import Tissue, dendrite_length, first_density, tissue_names, tissue_of
from synmodel.turnover import EliminationBySize, Interaction, Propagation
from synmodel.turnover.hazards import Knots, folds_on_cells, knots_of
from synmodel.turnover.heterogeneity import dendrite_nodes
from synmodel.turnover.propagation import compose

__all__ = ["Preparation", "Setup", "expect"]

Array = NDArray[np.float64]
_MOST_ELIMINATION = 1000.0  # of a homeostasis, at the first session: beyond, all spines are lost at once


@dataclass(frozen=True, eq=False)
class Setup:
    """A scenario ready for any parameters: each part is made when it is first asked for, and kept.

    Attributes
    ----------
    plan : Scenario
        What is done to whom, and when it is imaged.
    stated : Dataset, optional
        Drive in place of the one that the doses make, the same for all subjects.
    """

    plan: Scenario
    stated: xr.Dataset | None = None

    @cached_property
    def sessions(self) -> Array:
        """(n_session,) days of imaging [day]."""
        return np.array(self.plan.schedule.sessions)

    @cached_property
    def density_per_um(self) -> float:
        """Scored spines at the first session [1/um]."""
        return first_density(self.plan)

    @cached_property
    def length_um(self) -> float:
        """Length of a dendrite [um]."""
        return dendrite_length(self.plan)

    @cached_property
    def terms(self) -> tuple[Term, ...]:
        """By what subjects differ in their drugs; nothing under a stated drive."""
        return () if self.stated is not None else terms_of(self.plan)

    @cached_property
    def folds_on_grid(self) -> tuple[Array, Folding]:
        """Times of the Drive that the doses make, and its folds by effect there, at values by dotted name."""
        return folds_on_grid(self.plan, tissue_names(self.plan.baseline))

    @cached_property
    def drive_at(self) -> Callable[[ParameterSet], xr.Dataset]:
        """From complete parameters to the Drive."""
        stated = self.stated
        if stated is not None:
            return lambda _: stated
        knots_at = self.knots_at
        return lambda parameters: drive_of_folds(*knots_at(parameters))

    @cached_property
    def knots_at(self) -> Callable[[ParameterSet], Knots]:
        """The array layer of :attr:`drive_at`."""
        if self.stated is not None:
            stated = knots_of(self.stated)
            return lambda _: stated
        times, folds_at = self.folds_on_grid
        return lambda parameters: Knots(times, folds_at(parameters.as_floats()))

    @cached_property
    def mechanism_at(self) -> Callable[[ParameterSet], xr.Dataset]:
        """From complete parameters to :func:`synmodel.simulation.mechanism_of`."""
        return mechanisms_at(self.plan)

    def at(self, parameters: ParameterSet | None = None) -> "Preparation":
        """The scenario at given or default parameters, with those values that it replaces."""
        return Preparation(self, parameters_of(self.plan, parameters))

    def demand_drive(self) -> None:
        """Make what the drive needs whatever the parameters, before any work.

        Raises
        ------
        ScenarioError
            If a dose has no kinetics for the subject, or is none that the phenomenological drive knows.
        """
        _ = self.drive_at

    def alike(self, plan: Scenario) -> "Setup":
        """That of a scenario with other amounts of doses or parameters: it shares what neither of them touches."""
        other = Setup(plan, self.stated)
        for name in ("sessions", "density_per_um", "length_um", "terms"):
            other.__dict__[name] = getattr(self, name)  # where a cached property keeps its value
        return other

    def until(self, day: float) -> "Setup":
        """The same with a drive that reaches to a day at least [day]."""
        return self if day <= self.sessions[-1] else self.reaching([day])

    def reaching(self, days: Iterable[float]) -> "Setup":
        """The same with sessions on these days too, so that its drive reaches over them [day]."""
        sessions = sorted({*self.plan.schedule.sessions, *days})
        return Setup(self.plan.updated(schedule={"sessions": sessions}), self.stated)


@dataclass(frozen=True, eq=False)
class Preparation:
    """A setup at complete parameters, of the median subject or of one that differs.

    Attributes
    ----------
    setup : Setup
    parameters : ParameterSet
        With the values that the scenario replaces, see :meth:`Setup.at`.
    given : Knots, optional
        Those of its drive, where they are known already.
    """

    setup: Setup
    parameters: ParameterSet
    given: Knots | None = None

    @cached_property
    def values(self) -> Mapping[str, float]:
        """Numbers by dotted name."""
        return self.parameters.as_floats()

    @cached_property
    def tissue(self) -> Tissue:
        """Turnover and scoring of the scenario's study."""
        return tissue_of(self.setup.plan.baseline, self.values)

    @cached_property
    def drive(self) -> xr.Dataset:
        """The Drive of its spines."""
        return self.setup.drive_at(self.parameters)

    @property
    def knots(self) -> Knots:
        """The array layer of :attr:`drive`; not kept, as a thousand experiments may have one each."""
        return self.setup.knots_at(self.parameters) if self.given is None else self.given

    @cached_property
    def first_means(self) -> Array:
        """(n_class,) mean spines per um at the first session.

        Raises
        ------
        SimulationError
            If formation sustains more young spines than there are spines.
        """
        return self.tissue.initial_means(self.setup.density_per_um)

    @property
    def spines(self) -> Array:
        """(n_class,) mean spines of one dendrite at the first session."""
        return self.first_means * self.setup.length_um

    def steps(self, days: Array | None = None, knots: Knots | None = None) -> Propagation:
        """Propagation of spines between sessions, or between given days [day]; its knots, if they are at hand."""
        between = self.setup.sessions if days is None else days
        drive = self.knots if knots is None else knots
        return compose(self.tissue.model, folds_on_cells(self.tissue.model, between, *drive), between)

    @property
    def expected(self) -> Expected:
        """Exact expected statistics, see :func:`expect`.

        Raises
        ------
        ScenarioError
            If spines interact, or are lost by their size.
        """
        self.setup.plan.turnover.demand_exact()
        return expect(self.tissue, self.setup.sessions, self.steps(), self.setup.density_per_um, self.setup.length_um)

    def refuse_impossible(self) -> None:
        """Refuse a scenario of which no dendrite is possible.

        Raises
        ------
        SimulationError
            With the reason in one line.
        """
        _ = self.interaction, self.elimination_by_size
        if self.setup.plan.turnover.chosen_engine == "counts":
            demand_words(len(self.setup.sessions))

    @cached_property
    def elimination_by_size(self) -> EliminationBySize | None:
        """Elimination that falls with head width, where the scenario asks for them."""
        asked = self.setup.plan.turnover
        if asked.elimination_by_size is None or not asked.selects:
            return None
        return EliminationBySize(
            self.tissue.head_width, asked.elimination_by_size.steepness, asked.elimination_by_size.most
        )

    @cached_property
    def interaction(self) -> Interaction:
        """How spines interact; not at all where the scenario says nothing of it.

        Raises
        ------
        SimulationError
            If no dendrite is possible, or elimination at the first session is beyond all bounds.
        """
        plan, density = self.setup.plan, float(self.first_means.sum())
        crowding, homeostasis, pool = plan.turnover.crowding, plan.turnover.homeostasis, plan.turnover.pool
        n_star = None if homeostasis is None else homeostasis.n_star_per_um or density
        if homeostasis is not None and n_star is not None:
            _refuse_elimination(homeostasis.steepness, density, n_star)
        dendrites = plan.cohort.dendrites_per_animal
        return Interaction(
            n_max=None if crowding is None else crowding.n_max_per_um,
            n_star=n_star,
            homeostasis=0.0 if homeostasis is None else homeostasis.steepness,
            pool=None if pool is None else pool.shares_per_um * self.setup.length_um * dendrites,
            pool_share=None if pool is None else [pool.share.get(name, 1.0) for name in self.tissue.model.classes],
            batch=plan.turnover.batch,
        )


def _refuse_elimination(steepness: float, density: float, n_star: float) -> None:
    """Refuse a homeostasis that takes all spines at once; numbers of spines are per um."""
    factor = math.exp(min(steepness * (density / n_star - 1.0), 700.0))
    if factor > _MOST_ELIMINATION:
        message = (
            f"scenario.turnover.homeostasis multiplies elimination by {factor:.2g} at the first session, with "
            f"{density:.2g} spines per um for {n_star:g}; allowed is {_MOST_ELIMINATION:g}: lower steepness or raise "
            "n_star_per_um"
        )
        raise SimulationError(message)


def expect(
    tissue: Tissue,
    sessions: Array,
    steps: Propagation,
    scored_density: float,
    length_um: float,
) -> Expected:
    """Exact expected statistics of one arm; the new spines of the first session after day 0 are followed."""
    reference = int(np.searchsorted(sessions, 0.0, side="right"))
    return expected_statistics(
        tissue.initial_means(scored_density),
        steps.survival,
        steps.newborn,
        tissue.scoring,
        length_um,
        reference if 0 < reference < len(sessions) else None,
        dendrite_nodes(tissue.density_log_sd, tissue.model.formation_cv_animal, tissue.model.formation_cv_dendrite),
    )
