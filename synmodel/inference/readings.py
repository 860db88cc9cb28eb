"""Readings of the data: which mechanism, or which pulse, the joint fit is of.

=========== ==================================================================================================
part        choices
=========== ==================================================================================================
drive       ``mechanism`` (dose, receptors, cascade), or the pulses that spine counts alone can tell:
            ``pulse`` with a decay for each effect, ``pulse, one decay`` for all effects of a drug
receptor    of psilocybin: ``membrane`` 5-HT2A, which ketanserin blocks; ``intracellular`` 5-HT2A, which it does not
            reach; ``TrkB``, which a knock-out of 5-HT2A leaves as it is
cascade     ``one`` for all drugs, or ``one per drug``: gains and time constants of its own for ketamine
saturation  slow drives end at a level, or have none
delay       from mTORC1 to the slow drives, or none
protected   which spines stabilisation protects: all, or one class alone
=========== ==================================================================================================
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from synmodel.data import load_study
from synmodel.errors import FitError, did_you_mean
from synmodel.inference.hierarchy import SPREADS, baseline_names, joined, own_names
from synmodel.inference.problem import STUDIES, SummaryProblem
from synmodel.inference.targets import ArmTargets, Unit
from synmodel.inference.twitches import TwitchData
from synmodel.parameters import ParameterSet, default_parameters

__all__ = ["DEFAULT", "READINGS", "Reading", "Receptor", "joint_problem", "reading_named"]

Receptor = Literal["membrane", "intracellular", "TrkB"]

_GAINS: dict[Receptor, str] = {
    "membrane": "serotonin.agonism_gain",
    "intracellular": "serotonin.intracellular_gain",
    "TrkB": "serotonin.trkb_gain",
}
_OFF = 1e-6
_CASCADE = (
    "formation_gain",
    "tau_formation",
    "stabilisation_gain",
    "tau_stabilisation",
    "maturation_gain",
    "head_size_gain",
    "tau_head_size",
)
_OWN = ("formation_gain", "tau_formation", "stabilisation_gain", "tau_stabilisation")
_MOST = ("cascade.formation_max", "cascade.stabilisation_max", "cascade.head_size_max")
_PULSE = ("formation_fold", "formation_decay", "elimination_fold", "elimination_decay", "maturation_fold", "onset")
_HEAD = ("head_fold", "head_decay")
_PHARMACOLOGY = (
    "ketamine.nmda_ic50_interneuron",
    "ketamine.nmda_ic50_pyramidal",
    "psilocin.agonist_5ht2a_ec50",
    "ketanserin.antagonist_5ht2a_kb",
    "cascade.bdnf_half",
)
"""Numbers of the drugs and of the receptor's reach that no spine count tells: their priors are integrated over."""


@dataclass(frozen=True)
class Reading:
    """A reading of the data; see the module for what the fields say."""

    drive: Literal["mechanism", "pulse", "pulse, one decay"] = "mechanism"
    receptor: Receptor = "intracellular"
    per_drug: bool = False
    saturating: bool = True
    delay: bool = False
    protected: Literal["all", "nascent", "mature"] = "all"

    @property
    def name(self) -> str:
        """The choices in words."""
        if self.drive != "mechanism":
            return self.drive if self.drive != "pulse" else "pulse, own decays"
        parts = [self.receptor, "one cascade per drug" if self.per_drug else "one cascade"]
        parts += ["saturating" if self.saturating else "not saturating", *(["delayed"] if self.delay else [])]
        parts += [] if self.protected == "all" else [f"{self.protected} spines protected"]
        return ", ".join(parts)


DEFAULT = Reading()
"""The reading that everything else reports."""


def all_readings() -> Iterator[Reading]:
    """Every reading that is compared."""
    yield Reading("pulse, one decay")
    yield Reading("pulse")
    for receptor in _GAINS:
        for per_drug in (False, True):
            for saturating in (True, False):
                for delay in (False, True):
                    yield Reading("mechanism", receptor, per_drug, saturating, delay)
    for protected in ("nascent", "mature"):
        yield Reading(protected=protected)


READINGS = {reading.name: reading for reading in all_readings()}
"""Readings by name."""


def reading_named(name: str) -> Reading:
    """A reading by its name.

    Raises
    ------
    FitError
        For an unknown name, with the closest ones.
    """
    if name not in READINGS:
        message = f"reading is {name!r}; {did_you_mean(name, READINGS)}"
        raise FitError(message)
    return READINGS[name]


def joint_problem(
    studies: Sequence[str] = STUDIES,
    *,
    parameters: ParameterSet | None = None,
    reading: Reading = DEFAULT,
    unit: Unit = "mouse",
    targets: Sequence[ArmTargets] | None = None,
    with_spreads: bool = False,
) -> SummaryProblem:
    """The problem of a reading: all studies, their baselines, what arms and studies have of their own, one drive.

    Parameters
    ----------
    studies : sequence of str
        Names in the library.
    parameters : ParameterSet, optional
        Starting and fixed values; default: those of the library.
    reading : Reading
        Which mechanism or pulse.
    unit : {"mouse", "dendrite"}
        Unit of replication.
    targets : sequence of ArmTargets, optional
        Published numbers by arm; default: those of the library.
    with_spreads : bool
        Whether the spreads between arms and between studies are free. A maximum would send them to 0, where nothing
        differs and the density is highest though hardly any of the probability is there; so they are held at the
        library's values, medians of the posterior, unless the posterior is sampled.
    """
    base = joined(default_parameters() if parameters is None else parameters, studies)
    compounds = {dose.compound for study in studies for arm in load_study(study).arms for dose in arm.doses}
    free = [name for study in studies for name in (*baseline_names(study), *own_names(load_study(study)))]
    free += SPREADS if with_spreads else ()
    terms = [TwitchData()] if "psilocybin" in compounds else []
    free += TwitchData.FREE if terms else ()
    if reading.drive == "mechanism":
        base, added = _mechanism(base, reading, compounds)
        protected = (reading.protected != "mature", reading.protected != "nascent")
        return SummaryProblem(
            base, [*free, *added], studies, unit=unit, targets=targets, terms=terms, protected=protected
        )
    base, added, tied = _pulse(base, reading, compounds)
    if terms:
        added += TwitchData.PHARMACOLOGY  # the same data, so that readings can be compared
    return SummaryProblem(
        base, [*free, *added], studies, unit=unit, drive="phenomenological", targets=targets, tied=tied, terms=terms
    )


def _mechanism(base: ParameterSet, reading: Reading, compounds: set[str]) -> tuple[ParameterSet, list[str]]:
    """Parameters of a mechanism, and the names of those that are free."""
    free = [f"cascade.{key}" for key in _CASCADE]
    off = {gain: 0.0 for receptor, gain in _GAINS.items() if receptor != reading.receptor}
    gain = _GAINS[reading.receptor]
    base = base.replace(off)
    if "psilocybin" in compounds:
        # On the logarithmic scale, like all gains; 0 stays what an absent receptor has.
        base = base.with_parameter(replace(base[gain], lower=1e-3, scale="log", value=max(base.value(gain), 0.1)))
        free.append(gain)
    if reading.saturating:
        free += _MOST
    else:
        base = base.replace({name: base[name].upper for name in _MOST})
    if reading.delay:
        free.append("cascade.delay")
    if reading.per_drug:
        own = {f"ketamine.cascade_{key}": f"cascade.{key}" for key in _OWN}
        base = base.joined(ParameterSet(replace(base[name], name=new) for new, name in own.items()))
        free += own
    active = {name.partition(".")[0] for name in _PHARMACOLOGY}
    present = compounds | ({"psilocin"} if "psilocybin" in compounds else set())
    free += [
        name for name in _PHARMACOLOGY if name in base and name.partition(".")[0] in {*(active & present), "cascade"}
    ]
    return base, free


def _pulse(base: ParameterSet, reading: Reading, compounds: set[str]) -> tuple[ParameterSet, list[str], dict[str, str]]:
    """Parameters of pulses, the names of those that are free, and those that take the value of another."""
    drugs = [drug for drug in sorted(compounds) if f"{drug}.formation_fold" in base]
    free, tied = [], {}
    for drug in drugs:
        free += [f"{drug}.{key}" for key in _PULSE]
        tied[f"{drug}.maturation_decay"] = f"{drug}.formation_decay"
        if f"{drug}.head_fold" in base:
            free += [f"{drug}.{key}" for key in _HEAD]
        free += [name for name in base if name.startswith(f"{drug}.blocked_by_")]
        if reading.drive == "pulse, one decay":
            tied[f"{drug}.elimination_decay"] = f"{drug}.formation_decay"
            free.remove(f"{drug}.elimination_decay")
    return base, free, tied
