r"""Head twitches as data: how strongly 5-HT2A agonism at the membrane acts, and how fully ketanserin blocks it.

The rate is that of :mod:`synmodel.imaging.head_twitches`; the terms of -2 log L are

* each counted mouse: negative binomial, exact;
* each group of n mice with mean and sd: the sum of their numbers, negative binomial, exact; and the sample variance,
  as if numbers were normal (:mod:`synmodel.inference.summaries.twitch_terms`);
* landmarks of the time course, and the median effective dose: Gaussian (of the logarithm for the dose).

Recordings differ in baseline, scale and length, which are parameters; a fit holds the lengths. Only ratios are
identified: the dose of psilocybin over V EC50, of ketanserin over V K_B with fraction unbound and uptake into brain.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from synmodel.core.grid import MINUTE
from synmodel.data.twitches import TwitchGroup, TwitchLandmark, load_twitches
from synmodel.imaging.head_twitches import cumulated, relative_rate
from synmodel.inference.summaries.differences import slope_by_differences
from synmodel.inference.summaries.twitch_slopes import half_fold_slopes, peak_slopes, rates, time_slopes
from synmodel.inference.summaries.twitch_terms import (
    count_deviance,
    count_root_slopes,
    dispersion_norm,
    dispersion_norm_slopes,
    signed_root,
    variance_deviance,
    variance_root_slopes,
)
from synmodel.pharmacology import concentrations, kinetic_parameters
from synmodel.pharmacology.binding import gaddum
from synmodel.scenario import Dose, Subject

__all__ = ["RECORDINGS", "TwitchData", "TwitchRow"]

Array = NDArray[np.float64]

RECORDINGS = ("aboharb2025", "glatfelter2022", "shao2021")
"""Recordings of the library."""

_REFERENCE = "aboharb2025"  # whose rates head_twitch.baseline and head_twitch.maximum are
_AGONIST, _ANTAGONIST = "psilocin.agonist_5ht2a_ec50", "ketanserin.antagonist_5ht2a_kb"
_MOST = "psilocin.agonist_5ht2a_maximum"
_REACHES_BRAIN = ("mouse_fraction_unbound", "mouse_kp_uu")
_SHAPE = ("head_twitch.maximum", "head_twitch.exponent", "head_twitch.fading", "head_twitch.cv_animal")
_TIMES = MINUTE * np.concatenate([np.arange(0, 10, 0.25), np.arange(10, 60, 1.0), np.arange(60, 241, 3.0)])
_SHARE = {"half_time": 0.5, "ninety_time": 0.9}
_LADDER = np.geomspace(1e-3, 1.0, 25)


class TwitchRow(NamedTuple):
    """One published number beside what the model expects, and its part of -2 log L without that of the dispersion."""

    recording: str
    what: str
    unit: str
    published: float
    expected: float
    deviance: float


class TwitchData:
    """Head twitches of the library as a term of a joint problem (:class:`synmodel.inference.summaries.problem.Term`).

    Parameters
    ----------
    recordings : sequence of str
        Names in the library; default all.
    subject : Subject
        Whose brain; mice of the wild type.

    Attributes
    ----------
    free_names : tuple of str
        Names of all parameters that the residuals depend on.

    Examples
    --------
    >>> data = TwitchData(["glatfelter2022"])
    >>> data.free_names[:2]
    ('head_twitch.exponent', 'head_twitch.fading')
    """

    name = "head twitches"
    FREE = (
        "head_twitch.baseline",
        "head_twitch.maximum",
        "head_twitch.exponent",
        "head_twitch.fading",
        "head_twitch.cv_animal",
        "head_twitch.shao2021_scale",
        "head_twitch.shao2021_baseline",
    )
    """What a joint fit frees for it."""
    PHARMACOLOGY = (_AGONIST, _ANTAGONIST)
    """What it shares with the mechanism."""

    def __init__(self, recordings: Sequence[str] = RECORDINGS, subject: Subject | None = None) -> None:
        self._subject = Subject() if subject is None else subject
        self._groups: list[tuple[str, TwitchGroup]] = []
        self._landmarks: list[tuple[str, TwitchLandmark]] = []
        for name in recordings:
            recording = load_twitches(name)
            self._groups += [(name, group) for group in recording.groups if group.fitted]
            self._landmarks += [(name, landmark) for landmark in recording.landmarks]
        self._observed = _Observed([group for _, group in self._groups])
        of_each = [group.doses for _, group in self._groups] + [landmark.doses for _, landmark in self._landmarks]
        self._doses = list(dict.fromkeys(of_each))
        self._row_of_group = [self._doses.index(group.doses) for _, group in self._groups]
        self._row_of_landmark = [self._doses.index(landmark.doses) for _, landmark in self._landmarks]
        self._kinetic = self._read(kinetic_parameters)
        self._plasma: tuple[tuple[float, ...], Array, Array] | None = None
        self.free_names = self._names()
        of_recordings = [name for recording, _ in self._groups for name in _own(recording)[1:]]
        self._sloped = {_AGONIST, _ANTAGONIST, *_SHAPE, *of_recordings}

    def _names(self) -> tuple[str, ...]:
        names = {_AGONIST, _ANTAGONIST, _MOST, *_SHAPE[1:3], *self._kinetic}
        names |= {f"{each.partition('.')[0]}.{key}" for each in (_AGONIST, _ANTAGONIST) for key in _REACHES_BRAIN}
        for recording, _ in self._groups:
            names |= {*_SHAPE, *_own(recording)} - {""}
        names |= {_window_of(recording, landmark) for recording, landmark in self._landmarks}
        return tuple(sorted(names))

    def content(self) -> object:
        """Groups and landmarks as plain values, for a digest."""
        every: list[tuple[str, TwitchGroup | TwitchLandmark]] = [*self._groups, *self._landmarks]
        return [[name, each.model_dump(mode="json")] for name, each in every]

    # -- predictions -----------------------------------------------------------------------------------------

    def _read(self, names_of: Callable[[tuple[Dose, ...], Subject], tuple[str, ...]]) -> tuple[str, ...]:
        """Names that the doses of all groups and landmarks read, each once."""
        return tuple(dict.fromkeys(name for doses in self._doses for name in names_of(doses, self._subject)))

    def _total(self, values: Mapping[str, float]) -> tuple[Array, Array]:
        """(n_doses, n_time) plasma concentrations [nM] of agonist and antagonist on the times of all recordings.

        They are kept while the kinetics stay, as a fit hardly ever changes them.
        """
        key = tuple(values[name] for name in self._kinetic)
        if self._plasma is None or self._plasma[0] != key:
            total = np.zeros((2, len(self._doses), len(_TIMES)))
            for row, doses in enumerate(self._doses):
                plasma = concentrations(doses, self._subject, _TIMES, values)
                for which, name in enumerate((_AGONIST, _ANTAGONIST)):
                    total[which, row] = plasma.get(name.partition(".")[0], 0.0)
            self._plasma = key, total[0], total[1]
        return self._plasma[1:]

    def _bound(self, values: Mapping[str, float]) -> tuple[Array, Array]:
        """(n_doses, n_time) free concentrations over EC50 of the agonist, and over K_B of the antagonist."""
        free = []
        for name, total in zip((_AGONIST, _ANTAGONIST), self._total(values), strict=True):
            unbound, uptake = (values[f"{name.partition('.')[0]}.{key}"] for key in _REACHES_BRAIN)
            free.append(total * (unbound * uptake / values[name]))
        return free[0], free[1]

    def _predict(self, values: Mapping[str, float]) -> tuple[Array, Array]:
        """Means of the groups, and landmarks in their units."""
        agonist, antagonist = self._bound(values)
        exponent, fading = values["head_twitch.exponent"], values["head_twitch.fading"]
        rate = relative_rate(_TIMES, values[_MOST] * gaddum(agonist, antagonist), exponent, fading)
        total = cumulated(_TIMES, rate)
        means = np.array(
            [
                _mean_count(name, values, total[row])
                for (name, _), row in zip(self._groups, self._row_of_group, strict=True)
            ]
        )
        landmarks = []
        for (name, landmark), row in zip(self._landmarks, self._row_of_landmark, strict=True):
            window = values[_window_of(name, landmark)]
            if landmark.quantity == "median_effective_dose":
                fold = _half_fold(agonist[row], antagonist[row], values, window)
                landmarks.append(fold * landmark.doses[-1].mg_per_kg(self._subject.body_weight_kg))
            elif landmark.quantity == "peak_time":
                landmarks.append(_peak(rate[row]) / MINUTE)
            else:
                last = np.interp(window, _TIMES, total[row])
                landmarks.append(np.interp(_SHARE[landmark.quantity] * last, total[row], _TIMES) / MINUTE)
        return means, np.array(landmarks)

    # -- likelihood ------------------------------------------------------------------------------------------

    def residuals(self, values: Mapping[str, float]) -> Array:
        """Residuals whose squares add up to -2 log L, up to a constant that no parameter changes.

        Parameters
        ----------
        values : mapping of str to float
            Parameter values by name; those of ``free_names`` are read.

        Returns
        -------
        (n,) ndarray
            Of counts, of sums, of variances, of landmarks, and one of the dispersion.
        """
        means, landmarks = self._predict(values)
        of_landmarks = np.array([_distance(each, x) for (_, each), x in zip(self._landmarks, landmarks, strict=True)])
        if not self._groups:
            return of_landmarks
        return np.concatenate(self._observed.residuals(means, values["head_twitch.cv_animal"], of_landmarks))

    def slopes(self, values: Mapping[str, float], names: Sequence[str]) -> Array:
        """(n, name) slopes of :meth:`residuals` in the values of parameters.

        Exact, but for kinetics and lengths of recordings, which take central differences.
        """
        means, landmarks = self._predict(values)
        d_means, d_landmarks = self._predict_slopes(values, names)
        distances = [_distance_slope(each, x) for (_, each), x in zip(self._landmarks, landmarks, strict=True)]
        rows = np.reshape(distances, (-1, 1)) * d_landmarks
        if self._groups:
            of_cv = np.array([1.0 if name == _SHAPE[3] else 0.0 for name in names])
            numbers, spreads, norm = self._observed.slopes(means, values[_SHAPE[3]], d_means, of_cv)
            rows = np.concatenate([numbers, spreads, rows, norm])
        for at, name in enumerate(names):
            if name not in self._sloped:
                rows[:, at] = slope_by_differences(self.residuals, values, name)
        return rows

    def _predict_slopes(self, values: Mapping[str, float], names: Sequence[str]) -> tuple[Array, Array]:
        """Slopes of :meth:`_predict`, (group, name) and (landmark, name); 0 for names that are not known here."""
        agonist, antagonist = self._bound(values)
        exponent, fading = values["head_twitch.exponent"], values["head_twitch.fading"]
        found = rates(_TIMES, agonist, antagonist, values[_MOST], exponent, fading)
        # From the directions ln A, ln B, exponent and fading to the names.
        turn = np.zeros((4, len(names)))
        for direction, (name, slope) in enumerate((
            (_AGONIST, -1.0 / values[_AGONIST]), (_ANTAGONIST, -1.0 / values[_ANTAGONIST]), (_SHAPE[1], 1.0),
            (_SHAPE[2], 1.0),
        )):  # fmt: skip
            turn[direction] = [slope if each == name else 0.0 for each in names]
        means, landmarks = np.zeros((len(self._groups), len(names))), np.zeros((len(self._landmarks), len(names)))
        for at, ((name, _), row) in enumerate(zip(self._groups, self._row_of_group, strict=True)):
            means[at] = _mean_count_slopes(name, values, found.total[row], found.d_total[:, row], turn, names)
        for at, ((name, landmark), row) in enumerate(zip(self._landmarks, self._row_of_landmark, strict=True)):
            window = values[_window_of(name, landmark)]
            if landmark.quantity == "median_effective_dose":
                fold = _half_fold(agonist[row], antagonist[row], values, window)
                dose = fold * landmark.doses[-1].mg_per_kg(self._subject.body_weight_kg)
                landmarks[at] = dose * _half_fold_slopes(agonist[row], antagonist[row], values, window) @ turn
            elif landmark.quantity == "peak_time":
                landmarks[at] = peak_slopes(_TIMES, found.rate[row], found.d_rate[:, row]) / MINUTE @ turn
            else:
                share = _SHARE[landmark.quantity]
                of = time_slopes(_TIMES, found.total[row], found.d_total[:, row], share, window)
                landmarks[at] = of / MINUTE @ turn
        return means, landmarks

    def expected(self, values: Mapping[str, float]) -> list[TwitchRow]:
        """Every published number, what is expected of it and its deviance; a group's numbers are means of its mice."""
        means, landmarks = self._predict(values)
        rows = []
        if self._groups:
            cv = values["head_twitch.cv_animal"]
            deviances = self._observed.by_group(means, cv)
            for (recording, group), mean, deviance in zip(self._groups, means, deviances, strict=True):
                rows.append(TwitchRow(recording, group.name, "1", _mean_of(group), float(mean), float(deviance)))
        for (recording, each), value in zip(self._landmarks, landmarks, strict=True):
            distance = _distance(each, value)
            rows.append(TwitchRow(recording, each.quantity, each.unit, each.value, float(value), distance**2))
        return rows


class _Observed:
    """Counts and summaries of groups as arrays; ``group`` says to which a number belongs."""

    def __init__(self, groups: Sequence[TwitchGroup]) -> None:
        number: list[tuple[int, float, int]] = []
        spread: list[tuple[int, float, int]] = []
        for index, group in enumerate(groups):
            number += [(index, float(count), 1) for count in group.counts]
            if group.mice is not None and group.mean is not None and group.sd is not None:
                number.append((index, group.mice * group.mean, group.mice))
                spread.append((index, group.sd**2, group.mice))
        self.n_group = len(groups)
        self._group = np.array([each[0] for each in number], int)
        self._count = np.array([each[1] for each in number])
        self._mice = np.array([each[2] for each in number], float)
        self._spread_group = np.array([each[0] for each in spread], int)
        self._variance = np.array([each[1] for each in spread])
        self._spread_mice = np.array([each[2] for each in spread], float)

    def _deviances(self, means: Array, cv: float) -> tuple[Array, Array, Array, Array]:
        """Deviances of numbers and variances, and what is expected of both."""
        of_sum = self._mice * means[self._group]
        of_spread = means[self._spread_group]
        variance = of_spread + (cv * of_spread) ** 2
        numbers = count_deviance(self._count, of_sum, self._mice / cv**2)
        return numbers, variance_deviance(self._variance, variance, self._spread_mice), of_sum, variance

    def residuals(self, means: Array, cv: float, landmarks: Array) -> list[Array]:
        numbers, spreads, of_sum, variance = self._deviances(means, cv)
        norm = dispersion_norm(self._count, self._mice / cv**2).sum()
        return [
            signed_root(numbers, self._count - of_sum),
            signed_root(spreads, self._variance - variance),
            landmarks,
            np.sqrt([norm]),
        ]

    def slopes(self, means: Array, cv: float, d_means: Array, d_cv: Array) -> tuple[Array, Array, Array]:
        """(n, direction) slopes of :meth:`residuals` but landmarks, for those of means and of cv by direction."""
        size, of_sum = self._mice / cv**2, self._mice * means[self._group]
        d_size = np.outer(-2.0 * size / cv, d_cv)
        in_mean, in_size = count_root_slopes(self._count, of_sum, size)
        numbers = in_mean[:, None] * self._mice[:, None] * d_means[self._group] + in_size[:, None] * d_size
        mean, d_mean = means[self._spread_group], d_means[self._spread_group]
        d_variance = (1.0 + 2.0 * cv**2 * mean)[:, None] * d_mean + np.outer(2.0 * cv * mean**2, d_cv)
        in_variance = variance_root_slopes(self._variance, mean + (cv * mean) ** 2, self._spread_mice)
        norm = dispersion_norm(self._count, size).sum()
        of_norm = dispersion_norm_slopes(self._count, size) @ d_size / (2.0 * np.sqrt(norm))
        return numbers, in_variance[:, None] * d_variance, of_norm[None]

    def by_group(self, means: Array, cv: float) -> Array:
        """(n_group,) deviances of numbers and variances together."""
        numbers, spreads, _, _ = self._deviances(means, cv)
        total = np.bincount(self._group, numbers, self.n_group)
        return np.asarray(total + np.bincount(self._spread_group, spreads, self.n_group), float)


def _own(recording: str) -> tuple[str, str, str]:
    """Names of length, baseline and scale of a recording; the reference has no scale."""
    window = f"head_twitch.{recording}_window"
    if recording == _REFERENCE:
        return window, "head_twitch.baseline", ""
    return window, f"head_twitch.{recording}_baseline", f"head_twitch.{recording}_scale"


def _mean_count(recording: str, values: Mapping[str, float], total: Array) -> float:
    """Expected head twitches of a mouse, from the integral of the relative rate."""
    window, baseline, scale = _own(recording)
    most = values["head_twitch.maximum"] * (values[scale] if scale else 1.0)
    return values[baseline] * values[window] + most * float(np.interp(values[window], _TIMES, total))


def _mean_count_slopes(
    recording: str, values: Mapping[str, float], total: Array, d_total: Array, turn: Array, names: Sequence[str]
) -> Array:
    """(name,) slopes of :func:`_mean_count`; ``d_total`` (4, n_time) and ``turn`` (4, name) are of the rate's shape."""
    window, baseline, scale = _own(recording)
    factor = values[scale] if scale else 1.0
    number = float(np.interp(values[window], _TIMES, total))
    shape = np.array([np.interp(values[window], _TIMES, each) for each in d_total])
    slopes = values[_SHAPE[0]] * factor * shape @ turn
    for at, name in enumerate(names):
        if name == baseline:
            slopes[at] += values[window]
        elif name == _SHAPE[0]:
            slopes[at] += factor * number
        elif name == scale:
            slopes[at] += values[_SHAPE[0]] * number
    return np.asarray(slopes)


def _half_fold_slopes(agonist: Array, antagonist: Array, values: Mapping[str, float], window: float) -> Array:
    """(4,) slopes of the logarithm of :func:`_half_fold` in the directions of :class:`RateSlopes`."""
    within = slice(0, int(np.searchsorted(_TIMES, window)) + 1)
    times, exponent = _TIMES[within], values["head_twitch.exponent"]
    ladder = _LADDER[:, None] * agonist[within]
    beside = np.broadcast_to(antagonist[within], ladder.shape)
    found = rates(times, ladder, beside, values[_MOST], exponent, values["head_twitch.fading"])
    part = (window - times[-2]) / (times[-1] - times[-2])
    total, d_total = (each[..., -2] + part * (each[..., -1] - each[..., -2]) for each in (found.total, found.d_total))
    return half_fold_slopes(_LADDER, np.log(total), d_total / total, exponent, 2)


def _half_fold(agonist: Array, antagonist: Array, values: Mapping[str, float], window: float) -> float:
    """Fold of a dose of the agonist that gives half of its twitches, by linear kinetics.

    The numbers at a ladder of doses are inverted by a cubic in their logarithms (good to 1e-4 of the dose).
    """
    within = slice(0, int(np.searchsorted(_TIMES, window)) + 1)
    times = _TIMES[within]
    exponent, fading = values["head_twitch.exponent"], values["head_twitch.fading"]
    agonism = values[_MOST] * gaddum(_LADDER[:, None] * agonist[within], antagonist[within])
    total = cumulated(times, relative_rate(times, agonism, exponent, fading))
    # the last two times enclose the end of the recording
    part = (window - times[-2]) / (times[-1] - times[-2])
    number = np.log(total[:, -2] + part * (total[:, -1] - total[:, -2]))
    half = number[-1] - np.log(2.0)
    above = int(np.argmax(number > half))
    if above == 0:  # below the ladder numbers rise with the power of the dose
        return float(_LADDER[0] * np.exp((half - number[0]) / exponent))
    first = min(max(above - 2, 0), len(_LADDER) - 4)
    x = (number[first : first + 4] - half).tolist()
    weights = [math.prod(x[j] / (x[j] - x[i]) for j in range(4) if j != i) for i in range(4)]
    return math.prod(dose**weight for dose, weight in zip(_LADDER[first : first + 4].tolist(), weights, strict=True))


def _window_of(recording: str, landmark: TwitchLandmark) -> str:
    of_dose = landmark.quantity == "median_effective_dose"
    return f"head_twitch.{recording}_window" if of_dose else "head_twitch.course_window"


def _distance(landmark: TwitchLandmark, value: float) -> float:
    if landmark.scale == "log":
        return float(np.log(landmark.value / value)) / landmark.sd
    return (landmark.value - value) / landmark.sd


def _distance_slope(landmark: TwitchLandmark, value: float) -> float:
    """Slope of :func:`_distance`."""
    return -1.0 / (value * landmark.sd) if landmark.scale == "log" else -1.0 / landmark.sd


def _mean_of(group: TwitchGroup) -> float:
    return float(np.mean(group.counts)) if group.mean is None else group.mean


def _peak(rate: Array) -> float:
    """Time [day] of the vertex of the parabola through the highest point and its neighbours."""
    top = min(max(int(np.argmax(rate)), 1), len(rate) - 2)
    before, after = _TIMES[top - 1] - _TIMES[top], _TIMES[top + 1] - _TIMES[top]
    fall, climb = (rate[top - 1] - rate[top]) / before, (rate[top + 1] - rate[top]) / after
    curvature = (climb - fall) / (after - before)
    if curvature >= 0:
        return float(_TIMES[top])
    slope = climb - curvature * after
    return float(_TIMES[top] + min(max(-slope / (2.0 * curvature), before), after))
