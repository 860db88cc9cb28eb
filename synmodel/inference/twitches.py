"""Head twitches as data of the joint fit: they tell how much 5-HT2A agonism at the membrane ketanserin leaves.

::

    -2 log L = -2 sum over mice log NB(n; mu(group), k) + ((ln C(dose_50) / EC_50) / spread)^2

The counts alone tell the ratio of what ketanserin leaves, that is K_B over the free concentration of the drug. Half
of the
largest effect at the published median effective dose means that the free peak of psilocin there is its EC_50.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from synmodel.data.twitches import TwitchGroup, load_twitches
from synmodel.grid import MINUTE, time_grid
from synmodel.imaging.head_twitches import expected_twitches, log_probability
from synmodel.pharmacology import concentrations, engagement, exposure_parameters, kinetic_parameters
from synmodel.scenario import Dose, Subject

__all__ = ["HeadTwitches"]

Array = NDArray[np.float64]
_RATE, _BASELINE, _DISPERSION = "head_twitch.rate", "head_twitch.baseline", "head_twitch.dispersion"
_LAST_DAY = 0.1


class HeadTwitches:
    """The counts of a study as a term of a joint problem (:class:`synmodel.inference.problem.Term`).

    Parameters
    ----------
    study : str
        Name in the library.
    """

    FREE = (_RATE, _BASELINE)
    """What a fit frees for it."""
    PHARMACOLOGY = ("psilocin.agonist_5ht2a_ec50", "ketanserin.antagonist_5ht2a_kb")
    """What it shares with the mechanism."""

    def __init__(self, study: str = "shao2021") -> None:
        self.study = load_twitches(study)
        self.name = f"head twitches of {study}"
        half = self.study.half_dose
        self._half = (Dose(compound="psilocybin", amount=half.value, unit="mg/kg", route="i.p."),)
        self._spread = half.spread or 1.0
        self._subject = Subject()
        self._names = {
            name: None for group in self.study.groups for name in exposure_parameters(group.doses, self._subject)
        }
        self._kinetic = list(
            dict.fromkeys(
                name for group in self.study.groups for name in kinetic_parameters(group.doses, self._subject)
            )
        )
        self._plasma: dict[tuple[Dose, ...], tuple[tuple[float, ...], Array, dict[str, Array]]] = {}

    @property
    def free_names(self) -> Sequence[str]:
        """Names of the parameters on which it depends."""
        return [_RATE, _BASELINE, _DISPERSION, *self._names]

    def expected(self, values: Mapping[str, float]) -> dict[str, float]:
        """Expected number of twitches of a mouse, by group."""
        return {group.name: self._expected(group, values) for group in self.study.groups}

    def residuals(self, values: Mapping[str, float]) -> Array:
        """Square roots of -2 log probabilities, over those of counts at their own means; then the effective dose."""
        pieces = []
        for group in self.study.groups:
            counts = np.array(group.counts, float)
            k = values[_DISPERSION]
            mean = self._expected(group, values)
            own = np.array([float(log_probability(n, max(n, 1e-9), k)) for n in counts])
            deviance = 2.0 * (own - log_probability(counts, mean, k))
            pieces.append(np.sign(counts - mean) * np.sqrt(np.maximum(deviance, 0.0)))
        _, _, plasma = self._concentrations(self._half, values)
        free = plasma["psilocin"] * values["psilocin.mouse_fraction_unbound"] * values["psilocin.mouse_kp_uu"]
        distance = np.log(free.max() / values["psilocin.agonist_5ht2a_ec50"]) / self._spread
        return np.concatenate([*pieces, [distance]])

    def _expected(self, group: TwitchGroup, values: Mapping[str, float]) -> float:
        times, agonism = self.agonism(group.doses, values)
        return expected_twitches(times, agonism, self.study.window_min, rate=values[_RATE], baseline=values[_BASELINE])

    def agonism(self, doses: tuple[Dose, ...], values: Mapping[str, float]) -> tuple[Array, Array]:
        """Days, and the agonist-bound share of receptors there."""
        _, times, plasma = self._concentrations(doses, values)
        return times, engagement(plasma, self._subject, values, times)["agonism_5ht2a"]

    def _concentrations(
        self, doses: tuple[Dose, ...], values: Mapping[str, float]
    ) -> tuple[tuple[float, ...], Array, dict[str, Array]]:
        """Concentrations after doses, kept while the kinetics stay."""
        key = tuple(values[name] for name in self._kinetic)
        if doses not in self._plasma or self._plasma[doses][0] != key:
            starts = [dose.day for dose in doses]
            times = time_grid([min(starts), 0.0, _LAST_DAY], starts, first_step=MINUTE / 4, per_decade=24)
            self._plasma[doses] = key, times, concentrations(doses, self._subject, times, values)
        return self._plasma[doses]
