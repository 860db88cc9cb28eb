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

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from synmodel.core.errors import FitError, did_you_mean
from synmodel.inference.summaries.folders import FittedStudy, GivenStudy, like_parameters, study_of, targets_of_study
from synmodel.inference.summaries.hierarchy import BASELINE, SPREADS, baseline_names, joined, own_names
from synmodel.inference.summaries.problem import STUDIES, SummaryProblem
from synmodel.inference.summaries.targets import ArmTargets, Unit
from synmodel.inference.summaries.twitches import TwitchData
from synmodel.library.parameters import ParameterSet, default_parameters
from synmodel.pharmacology import acting_doses

__all__ = ["DEFAULT", "READINGS", "Reading", "Receptor", "joint_problem", "reading_named", "readings_of"]

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


def readings_of(
    readings: Iterable[Reading], studies: Sequence[FittedStudy], parameters: ParameterSet | None = None
) -> tuple[list[Reading], list[str]]:
    """Those of the readings that know every drug of the studies, and notes of what pulses do not know.

    Parameters
    ----------
    readings : iterable of Reading
        Which are wanted.
    studies, parameters
        As in :func:`joint_problem`.
    """
    wanted = list(readings)
    base = default_parameters() if parameters is None else parameters
    doses = [dose for study in studies for arm in study_of(study).arms for dose in acting_doses(arm.doses)]
    amounts: dict[str, dict[str, None]] = {}
    for dose in doses:
        amounts.setdefault(dose.compound, {})[f"{dose.amount:g} {dose.unit} {dose.route}"] = None
    notes = [
        f"pulses take all doses of {compound} as one: {', '.join(each)}"
        for compound, each in sorted(amounts.items())
        if len(each) > 1
    ]
    unknown = sorted({dose.compound for dose in doses if f"{dose.compound}.formation_fold" not in base})
    if not unknown:
        return wanted, notes
    note = f"no pulse is fitted: pulses have no effect sizes for {', '.join(unknown)}"
    return [reading for reading in wanted if reading.drive == "mechanism"], [note]


def joint_problem(
    studies: Sequence[FittedStudy] = STUDIES,
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
    studies : sequence of str or GivenStudy
        Names in the library, and studies of folders.
    parameters : ParameterSet, optional
        Starting and fixed values; default: those of the library. A study of a folder that has none there starts from
        those of a study like it.
    reading : Reading
        Which mechanism or pulse.
    unit : {"mouse", "dendrite"}
        Unit of replication.
    targets : sequence of ArmTargets, optional
        Published numbers by arm; default: those of the library and of the folders.
    with_spreads : bool
        Whether the spreads between arms and between studies are free. A maximum would send them to 0, where nothing
        differs and the density is highest though hardly any of the probability is there; so they are held at the
        library's values, medians of the posterior, unless the posterior is sampled.
    """
    known = [study_of(study) for study in studies]
    base = default_parameters() if parameters is None else parameters
    for each in known:
        if f"{each.name}.{BASELINE[0]}" not in base:
            base = base.joined(ParameterSet(like_parameters(each.name)))
    base = joined(base, known)
    compounds = {dose.compound for study in known for arm in study.arms for dose in arm.doses}
    free = [name for study in known for name in (*baseline_names(study.name), *own_names(study))]
    if targets is None and any(isinstance(study, GivenStudy) for study in studies):
        targets = [target for study in studies for target in targets_of_study(study)]
    free += SPREADS if with_spreads else ()
    names = [study.name for study in known]
    terms = [TwitchData()] if "psilocybin" in compounds else []
    free += TwitchData.FREE if terms else ()
    if reading.drive == "mechanism":
        base, added = _mechanism(base, reading, compounds)
        protected = (reading.protected != "mature", reading.protected != "nascent")
        return SummaryProblem(
            base, [*free, *added], names, unit=unit, targets=targets, terms=terms, protected=protected
        )
    base, added, tied = _pulse(base, reading, compounds)
    if terms:
        added += TwitchData.PHARMACOLOGY  # the same data, so that readings can be compared
    return SummaryProblem(
        base, [*free, *added], names, unit=unit, drive="phenomenological", targets=targets, tied=tied, terms=terms
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
