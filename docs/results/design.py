"""Power of planned studies without simulation against simulated studies, and false alarms: writes design.json.

    python docs/results/design.py            # half an hour on two cores; goes on where it was interrupted

Every row is a study of fixed size; nothing is searched. `expected` is the power from moments, `power` the share of
simulated and analysed studies with its 95 % Monte Carlo interval, `false_alarms` the same between two control arms, by
the analysis and with all dendrites pooled.
"""

import json
import time
from pathlib import Path

from scipy.special import ndtr

from synmodel.analysis.planning.aim import Aim
from synmodel.analysis.planning.analysis import checked_power
from synmodel.analysis.planning.arms import Arms
from synmodel.analysis.planning.cost import Costs
from synmodel.analysis.planning.information import information_of
from synmodel.analysis.planning.options import DaySet, Option
from synmodel.analysis.planning.power import contrast_of
from synmodel.scenario import load

PUBLISHED = (-3.0, -1.0, 1.0, 3.0, 5.0, 7.0)
FEW = (-7.0, -1.0, 7.0)
AS_DATA, AS_ASSUMED = (0.157, 0.229), (0.5, 0.5)
# analysis, effect, days, measure, mice, dendrites, (CV between mice, between dendrites), studies
ROWS = [
    ("welch", "formation=2.0", PUBLISHED, "level", 4, 13, AS_DATA),
    ("welch", "formation=2.0", PUBLISHED, "level", 8, 13, AS_DATA),
    ("welch", "formation=2.0", PUBLISHED, "change", 10, 13, AS_DATA),
    ("welch", "formation=1.5", FEW, "level", 12, 20, AS_DATA),
    ("welch", "formation=1.3", FEW, "level", 20, 30, AS_DATA),
    ("welch", "formation=2.0", PUBLISHED, "level", 6, 13, AS_ASSUMED),
    ("welch", "formation=2.0", PUBLISHED, "level", 16, 13, AS_ASSUMED),
    ("welch", "formation=2.0", PUBLISHED, "change", 16, 13, AS_ASSUMED),
    ("welch", "elimination=0.5", FEW, "level", 8, 20, AS_DATA),
    ("mixed", "formation=2.0", PUBLISHED, "level", 4, 13, AS_DATA),
    ("mixed", "formation=2.0", PUBLISHED, "level", 8, 13, AS_DATA),
    ("likelihood", "formation=1.5", PUBLISHED, "level", 6, 13, AS_DATA),
    ("likelihood", "formation=1.3", PUBLISHED, "level", 12, 13, AS_DATA),
    ("likelihood", "elimination=0.5", FEW, "level", 8, 20, AS_DATA),
]
STUDIES = {"welch": 2000, "mixed": 200, "likelihood": 100}
FILE = Path(__file__).parent / "design.json"


def study(analysis, effect, measure, spread):
    """Arms and what is taken of a dendrite."""
    values = dict(zip(("shao2021.formation_cv_animal", "shao2021.formation_cv_dendrite"), spread, strict=True))
    plans = [load(name).updated(parameters=values) for name in ("psilocybin-mouse", "saline-mouse")]
    aim = Aim((effect,), analysis=analysis)
    return Arms(*plans, aim.stated), aim.outcomes(0.0, measure)


def expected(analysis, effect, days, measure, mice, dendrites, spread):
    """Power without simulation."""
    arms, outcomes = study(analysis, effect, measure, spread)
    if analysis == "likelihood":
        information = information_of(arms, None, days, mice=mice, dendrites=dendrites, seed=1)
        return float(ndtr(information.strengths(days, mice, dendrites)[0] - 1.96))
    return contrast_of([arms], days, days, outcomes[0]).power(mice, dendrites, analysis=analysis)


def row(analysis, effect, days, measure, mice, dendrites, spread):
    """What simulated studies find."""
    arms, outcomes = study(analysis, effect, measure, spread)
    option = Option(DaySet(days, ""), measure, dendrites, mice, 0.0, Costs().bill(mice, dendrites, len(days)))
    began = time.monotonic()
    found = checked_power([arms], option, outcomes, analysis, studies=STUDIES[analysis], seed=11)
    print(effect, analysis, measure, mice, found.least, f"{time.monotonic() - began:.0f} s", flush=True)
    return {
        "analysis": analysis, "effect": effect, "days": list(days), "measure": measure, "mice_per_arm": mice,
        "dendrites_per_mouse": dendrites, "formation_cv_animal": spread[0], "formation_cv_dendrite": spread[1],
        "power": found.least.document(),
        "false_alarms": next(iter(found.type_1.values())).document(),
        "false_alarms_pooled": next((each.document() for each in found.pooled.values()), None),
    }  # fmt: skip


def main():
    """Simulate the rows that the file has not, and compute what is expected of all."""
    done = json.loads(FILE.read_text(encoding="utf-8"))["rows"] if FILE.is_file() else []
    for each in ROWS[len(done) :]:
        done.append(row(*each))
        write(done)
    write([entry | {"expected": expected(*each)} for entry, each in zip(done, ROWS, strict=True)])


def write(rows):
    """Write the table as far as it is known."""
    FILE.write_text(json.dumps({"seed": 11, "rows": rows}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
