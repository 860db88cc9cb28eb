r"""Published statistics of spines as formulas: what :mod:`synmodel.imaging.expectation` expects a microscope to report.

::

    formation = sum_i w_i g_i / S_i c(S_i l) / sum_i w_i      elimination = sum_i w_i k_i / S_i / sum_i w_i

over kinds i of dendrites, with S_i spines scored before, g_i gained, k_i lost and w_i the share of the kind times
1 - exp(-S_i l); c corrects for the mean of a ratio. Kinds are nodes of a quadrature over what differs between
dendrites: their formation (a gamma law; its nodes are numbers, a few that have the moments of the run's) and their
densities (a log-normal law, whose spread is a parameter).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.polynomial import Chebyshev, Polynomial
from numpy.typing import NDArray
from scipy.linalg import eigh_tridiagonal
from scipy.special import roots_hermitenorm

from synmodel.imaging.expectation import ratio_factor
from synmodel.report.exporting.description import Description, joined
from synmodel.report.exporting.plan import Plan
from synmodel.report.exporting.spines import Number, Spines, tissue_numbers
from synmodel.turnover.heterogeneity import dendrite_nodes

__all__ = ["add_microscope", "formation_nodes", "ratio_coefficients"]

Array = NDArray[np.float64]
ONE = "1 dimensionless"
_FORMATION_NODES, _DENSITY_NODES = 5, 3
_FEWEST_SPINES, _DEGREE = 4.0, 12


def formation_nodes(cv_animal: float, cv_dendrite: float) -> tuple[Array, Array]:
    """Nodes and weights of formation over all dendrites: those of the run, reduced to 5 with the same first 10 moments.

    The reduction is the Gauss quadrature of the run's own nodes (Stieltjes procedure; Golub and Welsch 1969).
    """
    nodes = dendrite_nodes(0.0, cv_animal, cv_dendrite)
    x, w = nodes.formation, nodes.weight
    if len(x) <= _FORMATION_NODES:
        return x, w
    a, b = np.zeros(_FORMATION_NODES), np.zeros(_FORMATION_NODES)
    before, now, norm = np.zeros_like(x), np.ones_like(x), 0.0
    for k in range(_FORMATION_NODES):
        own = float(w @ now**2)
        a[k] = w @ (x * now**2) / own
        b[k] = own / norm if k else own
        before, now, norm = now, (x - a[k]) * now - (b[k] if k else 0.0) * before, own
    reduced, vectors = eigh_tridiagonal(a, np.sqrt(b[1:]))
    return reduced, vectors[0] ** 2


def add_microscope(model: Description, plan: Plan, spines: Spines) -> None:
    """Add what a microscope reports: fractions over the interval that ends now, and the change of density."""
    number = tissue_numbers(model, plan)
    _add_ratio_factor(model)
    _add_scored(model, number, spines)
    terms: dict[str, list[str]] = {"weight": [], "formation": [], "elimination": [], "first_weight": [], "kept": []}
    formation, densities = _formation(model, plan), _densities(model, plan, number)
    kinds = [(density, rate) for density in densities for rate in formation]
    for place, (density, rate) in enumerate(kinds, start=1):
        kind = _Kind(place, density.factor, rate.factor, f"{density.weight} * {rate.weight}")
        for name, term in _terms_of(model, number("false_positive_per_um"), kind).items():
            terms[name].append(term)
    total = {name: joined(each) for name, each in terms.items()}
    for name, fraction in (("formation", "gained"), ("elimination", "lost")):
        words = f"expected share of the spines of the last session that is scored as {fraction}"
        model.rule(f"{name}_fraction", f"{total[name]} / {total['weight']}", "1", words)
    words = "expected change of scored density since the first session"
    model.rule("density_change", f"{total['kept']} / {total['first_weight']} - {ONE}", "1", words)


class _Node(NamedTuple):
    """A node of a quadrature over dendrites, as formulas."""

    factor: str
    weight: str


class _Kind(NamedTuple):
    """A kind of dendrites: factors of its first density and of its formation, and its share, as formulas."""

    place: int
    density: str
    formation: str
    share: str


_ALIKE = (_Node(ONE, ONE),)


def _formation(model: Description, plan: Plan) -> Sequence[_Node]:
    cv = [plan.parameters.value(f"{plan.study}.formation_cv_{level}") for level in ("animal", "dendrite")]
    if not any(cv):
        return _ALIKE
    words = f"formation between dendrites (cv {cv[0]:g} between animals, {cv[1]:g} between dendrites of one)"
    return [
        _Node(
            model.constant(f"births_node_{place}", node, "1", f"node of {words}"),
            model.constant(f"births_weight_{place}", weight, "1", f"weight of the node of {words}"),
        )
        for place, (node, weight) in enumerate(zip(*formation_nodes(*cv), strict=True), start=1)
    ]


def _densities(model: Description, plan: Plan, number: Number) -> Sequence[_Node]:
    studies = (plan.study, *plan.studies)
    if not any(plan.parameters.value(f"{study}.density_log_sd") > 0 for study in studies):
        return _ALIKE
    spread = number("density_log_sd")
    x, w = roots_hermitenorm(_DENSITY_NODES)
    nodes = []
    for place, (node, weight) in enumerate(zip(x, w / w.sum(), strict=True), start=1):
        at = model.constant(f"density_node_{place}", node, "1", "node of a standard normal law")
        formula = f"exp({spread} * {at} - 0.5 dimensionless * {spread} * {spread})"
        factor = model.rule(f"density_factor_{place}", formula, "1", "factor of first densities of dendrites")
        words = "weight of the node of a standard normal law"
        nodes.append(_Node(factor, model.constant(f"density_weight_{place}", weight, "1", words)))
    return nodes


_MEANING = {
    "before": "scored at the last session",
    "gained": "scored as gained",
    "lost": "scored as lost",
    "now": "scored now",
    "kept": "scored at the first session and now",
    "first": "scored at the first session",
}


def _add_scored(model: Description, number: Number, spines: Spines) -> None:
    """Add scored spines per um of the average dendrite: of its first spines, and of those formed since."""
    miss = number("miss")
    hit = model.rule("scored_share", f"{ONE} - {miss}", "1", "probability that a spine is scored")
    old, born, young = spines["old"], spines["born"], spines["young"]
    before, born_before, survived = spines["old_before"], spines["born_before"], f"({born} - {young})"
    parts = {
        "before": (f"{hit} * {before}", f"{hit} * {born_before}"),
        "gained": (f"{hit} * {miss} * {old}", f"{hit} * ({miss} * {survived} + {young})"),
        "lost": (f"{hit} * ({before} - {hit} * {old})", f"{hit} * ({born_before} - {hit} * {survived})"),
        "now": (f"{hit} * {old}", f"{hit} * {born}"),
        "kept": (f"{hit} * {hit} * {old}", ""),
        "first": (f"{hit} * old_at_first_session", ""),
    }
    for name, formulas in parts.items():
        for part, formula in zip(("old", "born"), formulas, strict=True):
            if formula:
                of = "first spines" if part == "old" else "spines formed since"
                model.rule(f"scored_{part}_{name}", formula, "1/um", f"{of} that are {_MEANING[name]}, per um")


def _terms_of(model: Description, false: str, kind: _Kind) -> dict[str, str]:
    """Terms of the sums over kinds of dendrites that one kind adds, by name of the sum."""
    at, of, length = f"_{kind.place}", f"dendrites of kind {kind.place}", "dendrite_length"

    def scored(name: str) -> str:
        return f"({kind.density} * scored_old_{name} + {kind.formation} * scored_born_{name} + {false})"

    def weight_of(spines: str) -> str:
        return f"{kind.share} * ({ONE} - exp(-({length} * {spines})))"

    before = model.rule(f"before{at}", scored("before"), "1/um", f"spines scored before, {of}")
    first = model.rule(
        f"first{at}", f"{kind.density} * scored_old_first + {false}", "1/um", f"spines scored first, {of}"
    )
    weight = model.rule(f"weight{at}", weight_of(before), "1", f"weight of {of}")
    own = model.rule(f"first_weight{at}", weight_of(first), "1", f"weight of {of} at the first session")
    kept = f"{kind.density} * scored_old_kept"
    changed = f"({kept} + ({scored('now')} - {kept}) * ratio_factor({length} * {first}))"
    return {
        "weight": weight,
        "formation": f"{weight} * {scored('gained')} / {before} * ratio_factor({length} * {before})",
        "elimination": f"{weight} * {scored('lost')} / {before}",
        "first_weight": own,
        "kept": f"{own} * {changed} / {first}",
    }


def ratio_coefficients() -> Array:
    """Coefficients of powers of 1/x, from 0 on, with which c(x) is written.

    Its series needs some hundred terms, which other programs would compile anew for every kind of dendrite. From 4
    spines on the polynomial is within 5e-6 of it.
    """
    fewest = 1.0 / _FEWEST_SPINES
    course = Chebyshev.interpolate(lambda u: ratio_factor(1.0 / np.maximum(u, 1e-9)), _DEGREE, [0.0, fewest])
    return np.asarray(course.convert(kind=Polynomial).coef, float)


def _add_ratio_factor(model: Description) -> None:
    """c(x) = x E[1/N | N > 0] of a Poisson number N, as a function of x."""
    *others, last = (f"({float(number)!r} dimensionless)" for number in ratio_coefficients())
    nested = last
    for number in reversed(others):
        nested = f"({number} + {nested} / x)"
    model.functions["ratio_factor"] = (("x",), nested)
