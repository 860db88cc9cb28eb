"""Every embedded study left out in turn: how well a fit that has not seen it predicts it, beside two rivals.

*No effect* is the same prediction without the drug; *carried over* the mean difference between drug and vehicle in the
other studies, added to this study's own vehicle.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from synmodel.core.plain import Json
from synmodel.core.progress import Steps
from synmodel.core.randomness import generator_of
from synmodel.data import load_study
from synmodel.data.studies import Arm, Study
from synmodel.inference.summaries.estimate import Estimate
from synmodel.inference.summaries.prediction import DRAWS, Point, Prediction, coverage_range, predict
from synmodel.inference.summaries.problem import STUDIES
from synmodel.inference.summaries.targets import ArmTargets, arm_targets
from synmodel.pharmacology import acting_doses, drug_doses

__all__ = ["carried_over", "validate"]

Array = NDArray[np.float64]


def validate(
    without: Callable[[str], Estimate], *, studies: Sequence[str] = STUDIES, draws: int = DRAWS, seed: int = 1,
    progress: Steps | None = None,
) -> Json:  # fmt: skip
    """Predict every study from a posterior that has not seen it, beside the two rivals.

    Parameters
    ----------
    without : callable
        From the name of a study to the posterior of the others.
    studies : sequence of str
        Which are left out in turn.

    Returns
    -------
    dict
        ``studies`` -> name -> ``n``, coverage, its range in 95 of 100 studies were the prediction right, mean log
        predictive density and CRPS of the mechanism and of its rivals, and the same by arm.
    """
    results = {}
    for number, name in enumerate(studies):
        study = load_study(name)
        targets = [arm_targets(name, arm.name) for arm in study.arms]
        posterior = without(name)
        rivals = {
            "mechanism": predict(study, targets, posterior=posterior, draws=draws, seed=seed),
            "no_effect": predict(study, targets, posterior=posterior, draws=draws, seed=seed, dosed=False),
        }
        carried = carried_over(study, targets, [other for other in STUDIES if other != name], seed=seed)
        if carried is not None:
            rivals["carried_over"] = carried
        results[name] = _scores(rivals)
        if progress is not None:
            progress("leaving studies out", number + 1, len(studies))
    return {"studies": results}


def _scores(rivals: Mapping[str, Prediction]) -> Json:
    mechanism = rivals["mechanism"]
    scores = _of(mechanism.points, rivals)
    scores["points"] = [point.document() for point in mechanism.points]
    arms = dict.fromkeys(point.arm for point in mechanism.points)
    scores["arms"] = {arm: _of([p for p in mechanism.points if p.arm == arm], rivals) for arm in arms}
    return scores


def _of(points: Sequence[Point], rivals: Mapping[str, Prediction]) -> Json:
    """Scores over some points, of the mechanism and of its rivals at the same points."""
    keys = {(point.arm, point.quantity, point.end_day) for point in points}

    def mean_of(name: str, score: str) -> float | None:
        if name not in rivals:
            return None
        chosen = [p for p in rivals[name].seen if (p.arm, p.quantity, p.end_day) in keys]
        return float(np.mean([getattr(point, score) for point in chosen]))

    return {
        "n": len(points),
        "coverage_50": float(np.mean([point.holds(0.5) for point in points])),
        "coverage_90": float(np.mean([point.holds(0.9) for point in points])),
        "coverage_50_expected": coverage_range(points, 0.5),
        "coverage_90_expected": coverage_range(points, 0.9),
        "sd_over_sem": float(np.mean([point.sample.std(ddof=1) / point.sem for point in points])),
        "log_predictive_density": mean_of("mechanism", "log_density"),
        "no_effect": mean_of("no_effect", "log_density"),
        "carried_over": mean_of("carried_over", "log_density"),
        "crps": {name: mean_of(name, "crps") for name in ("mechanism", "no_effect", "carried_over")},
    }


def carried_over(
    study: Study, targets: Sequence[ArmTargets], others: Sequence[str], *, draws: int = DRAWS, seed: int = 1
) -> Prediction | None:
    """The mean difference between drug and vehicle of other studies, added to this study's own vehicle.

    Differences of the same compound and quantity are interpolated over days, weighted by their variance and averaged
    over studies; their spread between studies is added to the variance. None where no other study has the compound.
    """
    generator = generator_of(seed, "carried over")
    points: list[Point] = []
    for target in targets:
        acting = acting_doses(target.arm.doses)
        if not acting:
            continue
        found = [d for other in others for d in _differences(other, acting[0].compound)]
        control = _control(target, targets)
        if not found or control is None:
            return None
        first = min(day for dose in acting for day in dose.days)
        for means in target.means:
            for i, end in enumerate(means.end.tolist()):
                if end <= first:
                    continue
                vehicle = next(m for m in control.means if m.quantity == means.quantity)
                at = int(np.argmin(np.abs(vehicle.end - end)))
                gains = [d for d in found if d[0] == means.quantity]
                values = np.array([np.interp(end, d[1], d[2]) for d in gains])
                variances = np.array([np.interp(end, d[1], d[3]) for d in gains])
                weights = 1 / variances / (1 / variances).sum()
                gain = float(weights @ values)
                between = float(weights @ (values - gain) ** 2) if len(values) > 1 else 0.0
                own = float(vehicle.sem("mouse")[at] ** 2)
                sd = np.sqrt(own + 1 / (1 / variances).sum() + between)
                sem = float(means.sem("mouse")[i])
                centre = vehicle.mean[at] + gain + sd * generator.standard_normal(draws)
                sample = centre + sem * generator.standard_normal(draws)
                points.append(Point(target.arm.name, means.quantity, float(means.start[i]), end,
                                    float(means.mean[i]), sem, sem, centre, sample))  # fmt: skip
    return Prediction(study, points)


def _differences(name: str, compound: str) -> Iterator[tuple[str, Array, Array, Array]]:
    """Quantity, days, differences from the vehicle and their variances of the wild-type arms of a compound alone."""
    study = load_study(name)
    targets = [arm_targets(name, arm.name) for arm in study.arms]
    for target in targets:
        drugs = drug_doses(target.arm.doses)
        if {dose.compound for dose in drugs} != {compound} or target.arm.genotype != "wild-type":
            continue
        control = _control(target, targets)
        if control is None:
            continue
        for means in target.means:
            vehicle = next((m for m in control.means if m.quantity == means.quantity), None)
            if vehicle is None:
                continue
            days = np.intersect1d(means.end[means.end > 0], vehicle.end)
            mine, theirs = np.searchsorted(means.end, days), np.searchsorted(vehicle.end, days)
            variance = means.sem("mouse")[mine] ** 2 + vehicle.sem("mouse")[theirs] ** 2
            yield means.quantity, days, means.mean[mine] - vehicle.mean[theirs], variance


def _control(target: ArmTargets, targets: Sequence[ArmTargets]) -> ArmTargets | None:
    """The vehicle arm with the genotype and the antagonists of an arm, else that of its genotype, else the control."""
    vehicles = [other for other in targets if not acting_doses(other.arm.doses)]

    def passive(arm: Arm) -> set[str]:
        return {dose.compound for dose in drug_doses(arm.doses)} - {d.compound for d in acting_doses(arm.doses)}

    same = [v for v in vehicles if v.arm.genotype == target.arm.genotype]
    return next(
        (v for v in same if passive(v.arm) == passive(target.arm)), next(iter(same or vehicles), None)
    )  # fmt: skip
