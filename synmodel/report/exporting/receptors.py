"""Engaged receptors as formulas of free concentrations, see :mod:`synmodel.pharmacology.binding`."""

from collections.abc import Mapping

from synmodel.pharmacology.compounds import OpenTarget, load_compound
from synmodel.report.exporting.description import Description, identifier, joined, positive_part
from synmodel.report.exporting.plan import Plan
from synmodel.scenario.conditions import load_condition

__all__ = ["add_receptors"]

ONE = "1 dimensionless"
GENOTYPE = "genotype_5ht2a"


def add_receptors(model: Description, plan: Plan, free: Mapping[str, str]) -> list[str]:
    """Add the engagement of all receptors; names of the open targets that are engaged.

    Parameters
    ----------
    free : mapping
        Identifier of the free concentration by compound.
    """
    for cell in ("interneuron", "pyramidal"):
        _add_block(model, plan, free, cell)
    agonist = _relative(model, plan, free, "agonist_5ht2a_ec50")
    antagonist = _relative(model, plan, free, "antagonist_5ht2a_kb")
    genotype = plan.subject.genotype
    source = "" if genotype == "wild-type" else f"genotype {genotype}"
    model.constant(GENOTYPE, plan.subject.factor("5ht2a"), "1", "factor of the genotype on 5-HT2A receptors", source)
    if genotype != "wild-type" and "5ht2a" in load_condition(genotype).factors:
        model.sources[GENOTYPE] = load_condition(genotype).factors["5ht2a"].source
    # The weighted maximum times A / (1 + A + B): the sum of each agonist's part, without a quotient 0 / 0.
    parts = []
    for name, each in agonist.items():
        most = f"{name}.agonist_5ht2a_maximum"
        parts.append(f"{model.parameter(plan.parameters[most])} * {each}" if most in plan.parameters else each)
    bound, against = joined(parts), joined(list(antagonist.values()))
    total = joined(list(agonist.values()))
    for where, rival, words in (("", f" + {against}", "at the membrane"), ("_intracellular", "", "inside the cell")):
        model.rule(
            f"agonism_5ht2a{where}", f"{GENOTYPE} * {bound} / ({ONE} + {total}{rival})", "1",
            f"agonist-bound 5-HT2A receptors {words}",
        )  # fmt: skip
    ligands = joined(list(_relative(model, plan, free, "trkb_kd").values()))
    model.rule("trkb_bound", f"{ligands} / ({ONE} + {ligands})", "1", "bound TrkB")
    return _add_open_targets(model, plan, free)


def _relative(model: Description, plan: Plan, free: Mapping[str, str], target: str) -> dict[str, str]:
    """Formulas of free concentration over that of half engagement, by the compounds that have the target."""
    found = {}
    for name, concentration in free.items():
        if f"{name}.{target}" in plan.parameters:
            found[name] = f"({concentration} / {model.parameter(plan.parameters[f'{name}.{target}'])})"
    return found


def _add_block(model: Description, plan: Plan, free: Mapping[str, str], cell: str) -> None:
    words = f"NMDA receptors of {cell}s that are blocked" if cell == "interneuron" else f"blocked {cell} NMDA receptors"
    relative = joined(list(_relative(model, plan, free, f"nmda_ic50_{cell}").values()))
    name = f"nmda_block_{cell}"
    if not free or relative.startswith("0"):
        model.rule(name, "0 dimensionless", "1", words)
        return
    hill = model.parameter(plan.parameters["nmda.hill"])
    # A rounding below 0 has no power.
    driven = model.rule(
        f"nmda_drive_{cell}", f"{positive_part(relative)} ^ {hill}", "1",
        f"concentrations over half block of {cell} receptors, to the power of the slope",
    )  # fmt: skip
    equilibrium = f"{driven} / ({ONE} + {driven})"
    if plan.parameters.value("nmda.unblock_half_life") <= 0:
        model.rule(name, equilibrium, "1", words)
        return
    half_life = model.parameter(plan.parameters["nmda.unblock_half_life"])
    rate = f"ln(2 dimensionless) / {half_life} * ({ONE} + {driven})"
    model.excess(name, f"{rate} * ({equilibrium} - {name})", words)


def _add_open_targets(model: Description, plan: Plan, free: Mapping[str, str]) -> list[str]:
    ligands: dict[str, list[tuple[str, OpenTarget]]] = {}
    for compound in free:
        for target, document in load_compound(compound).targets.open.items():
            ligands.setdefault(target, []).append((compound, document))
    for target, each in sorted(ligands.items()):
        _add_open_target(model, plan, free, target, each)
    return sorted(ligands)


def _add_open_target(
    model: Description, plan: Plan, free: Mapping[str, str], target: str, ligands: list[tuple[str, OpenTarget]]
) -> None:
    of = identifier(target)
    raised, agonists, effects, antagonists, blockers, blocked = ([], [], [], [], [], [])
    for compound, document in ligands:

        def number(part: str, compound: str = compound, document: OpenTarget = document) -> str:
            given = getattr(document, part) is not None
            return model.parameter(plan.parameters[f"{compound}.{target}_{part}"]) if given else ONE

        relative = positive_part(f"({free[compound]} / {number('affinity')})")
        x = model.rule(
            f"relative_{identifier(compound)}_at_{of}", f"{relative} ^ ({number('hill')})", "1",
            f"concentration of {compound} over half engagement of {target}, to the power of its slope",
        )  # fmt: skip
        if document.mode == "positive modulator":
            raised.append(f"(({ONE} + {number('cooperativity')} * {x}) / ({ONE} + {x}))")
        elif document.mode == "agonist":
            agonists.append(x)
            effects.append(f"{number('efficacy')} * {x}")
        elif document.mode == "antagonist":
            antagonists.append(x)
        else:
            blockers.append(x)
            blocked.append(f"{number('efficacy')} * {x}")
    factor, against = joined(raised, " * ", ONE), joined(antagonists)
    bound = f"({factor} * {joined(agonists)} + {against})"
    shut = f"({joined(blocked)} / ({ONE} + {joined(blockers)}))"
    held = f"({against} / ({ONE} + {bound}))"
    model.rule(f"target_occupancy_{of}", f"{bound} / ({ONE} + {bound})", "1", f"occupied {target}")
    model.rule(
        f"target_activation_{of}", f"({ONE} - {shut}) * {factor} * {joined(effects)} / ({ONE} + {bound})", "1",
        f"activated {target}",
    )  # fmt: skip
    model.rule(f"target_block_{of}", f"{shut} + {held} - {shut} * {held}", "1", f"blocked {target}")
