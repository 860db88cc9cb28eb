"""Other programs on the same model, in their own environment: ``python peers.py NAME ROUNDS`` prints one line of JSON.

Each makes ``replicates`` runs with formation at a constant rate (most freeze or refuse rates that vary in time) and
returns counts at the eight sessions, by the fastest call found. Set-up and compilation are outside the stopwatch.
"""

import json
import resource
import statistics
import sys
from collections.abc import Callable
from importlib.metadata import version

import numpy as np

DAYS = [1, 3, 5, 7, 10, 15, 34, 35]
START = {"F": 2, "T": 10, "M": 35}
REACTIONS = (
    (2.0, [], ["F"]), (1.5, ["F"], []), (0.5, ["F"], ["T"]), (0.15, ["T"], []),
    (0.1, ["T"], ["M"]), (0.02, ["M"], ["T"]), (0.005, ["M"], []),
)  # fmt: skip
Runner = Callable[[int], np.ndarray]


def antimony() -> str:
    """The model in Antimony's words, for roadrunner and COPASI."""
    lines = [f"R{i}: {' + '.join(a)} -> {' + '.join(b)}; {k}{''.join('*' + s for s in a)};"
             for i, (k, a, b) in enumerate(REACTIONS)]  # fmt: skip
    return "\n".join([*lines, *(f"{name} = {number};" for name, number in START.items())])


def rebop(raw: bool) -> Runner:
    """The public call makes a Dataset per run; the object beneath it returns arrays."""
    import rebop

    program = rebop.Gillespie()
    for k, before, after in REACTIONS:
        program.add_reaction(k, before, after)

    def run(n: int) -> np.ndarray:
        count = np.empty((n, len(DAYS), 3))
        inner = program.gillespie
        if raw:
            inner.set_init(START)
        for seed in range(n):
            if raw:
                _, result = inner.run(35.0, 35, params={}, seed=seed, sparse=None, var_names=None)
            else:
                result = program.run(START, tmax=35.0, nb_steps=35, rng=seed)
            for c, name in enumerate("FTM"):
                count[seed, :, c] = np.asarray(result[name])[DAYS]
        return count

    return run


def gillespy2() -> Runner:
    """The solver that writes C++ and compiles it."""
    import gillespy2
    from gillespy2.solvers.cpp import SSACSolver

    model = gillespy2.Model(name="spines")
    species = {name: gillespy2.Species(name=name, initial_value=number) for name, number in START.items()}
    model.add_species(list(species.values()))
    for i, (k, before, after) in enumerate(REACTIONS):
        rate = gillespy2.Parameter(name=f"k{i}", expression=k)
        model.add_parameter(rate)
        reactants, products = ({species[s]: 1 for s in side} for side in (before, after))
        model.add_reaction(gillespy2.Reaction(name=f"r{i}", rate=rate, reactants=reactants, products=products))
    model.timespan(gillespy2.TimeSpan(np.arange(36.0)))
    solver = SSACSolver(model=model)

    def run(n: int) -> np.ndarray:
        results = model.run(solver=solver, number_of_trajectories=n, seed=1)
        return np.stack([np.stack([result[name] for name in "FTM"], axis=1)[DAYS] for result in results])

    return run


def roadrunner() -> Runner:
    """Gillespie's method of libRoadRunner."""
    import antimony as words
    import roadrunner

    words.loadAntimonyString(antimony())
    program = roadrunner.RoadRunner(words.getSBMLString())
    program.setIntegrator("gillespie")
    program.integrator.seed = 1
    program.timeCourseSelections = list("FTM")

    def run(n: int) -> np.ndarray:
        count = np.empty((n, len(DAYS), 3))
        for k in range(n):
            program.resetAll()
            count[k] = program.simulate(0, 35, 36)[DAYS]
        return count

    return run


def copasi() -> Runner:
    """COPASI's direct method, by its raw task."""
    import basico
    import COPASI

    model = basico.new_model(name="spines", quantity_unit="#", volume_unit="1", time_unit="d")
    basico.add_compartment("cell", initial_size=1.0)
    for name, number in START.items():
        basico.add_species(name, initial_particle_number=number)
    for i, (k, before, after) in enumerate(REACTIONS):
        basico.add_reaction(f"r{i}", f"{' + '.join(before)} -> {' + '.join(after)}")
        law = "Constant flux (irreversible)" if not before else "Mass action (irreversible)"
        basico.set_reaction(f"r{i}", function=law)
        basico.set_reaction_parameters(f"(r{i}).{'v' if not before else 'k1'}", value=k)
    task = model.getTask("Time-Course")
    task.setMethodType(COPASI.CTaskEnum.Method_directMethod)
    problem = task.getProblem()
    problem.setDuration(35.0)
    problem.setStepNumber(35)
    problem.setTimeSeriesRequested(True)
    method = task.getMethod()
    method.getParameter("Use Random Seed").setBoolValue(True)

    def run(n: int) -> np.ndarray:
        count = np.empty((n, len(DAYS), 3))
        for k in range(n):
            method.getParameter("Random Seed").setUIntValue(k + 1)
            task.initializeRaw(COPASI.CCopasiTask.OUTPUT_UI)
            task.processRaw(True)
            series = task.getTimeSeries()
            if k == 0:
                column = [next(j for j in range(4) if series.getTitle(j) == name) for name in "FTM"]
            for i, day in enumerate(DAYS):
                for c in range(3):
                    count[k, i, c] = series.getData(day, column[c])
            task.restore()
        return count

    return run


def bioscrape() -> Runner:
    """Bioscrape's simulator objects, without a table per run."""
    from bioscrape.random import py_seed_random
    from bioscrape.simulator import ModelCSimInterface, SSASimulator
    from bioscrape.types import Model

    reactions = [(a, b, "massaction", {"k": k}) for k, a, b in REACTIONS]
    model = Model(species=list(START), reactions=reactions, initial_condition_dict=START)
    interface, simulator, days = ModelCSimInterface(model), SSASimulator(), np.arange(36.0)
    column = [model.get_species_index(name) for name in "FTM"]
    py_seed_random(1)
    interface.py_set_initial_time(0.0)

    def run(n: int) -> np.ndarray:
        return np.stack([simulator.py_simulate(interface, days).py_get_result()[DAYS][:, column] for _ in range(n)])

    return run


PEERS: dict[str, tuple[str, int, Callable[[], Runner]]] = {
    "rebop, arrays of its private object": ("rebop", 20_000, lambda: rebop(raw=True)),
    "rebop, public call": ("rebop", 400, lambda: rebop(raw=False)),
    "bioscrape, simulator objects": ("bioscrape", 8_000, bioscrape),
    "GillesPy2 SSACSolver": ("gillespy2", 8_000, gillespy2),
    "libRoadRunner gillespie": ("libroadrunner", 2_000, roadrunner),
    "COPASI direct, raw task": ("copasi-basico", 2_000, copasi),
}


def processor_seconds() -> float:
    """Time of this process and of those that it started and that ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def peak() -> float:
    """Largest resident size of this process so far [MB]; on Linux not that of the process that started it."""
    try:
        with open("/proc/self/status") as file:  # noqa: PTH123
            return next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) / 1024
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(name: str, rounds: int) -> None:
    package, n, make = PEERS[name]
    run = make()
    run(min(n, 50))
    resident = peak()
    seconds = []
    for _ in range(rounds):
        before = processor_seconds()
        count = run(n)
        seconds.append(processor_seconds() - before)
    grown = peak() - resident
    print(json.dumps({
        "version": f"{package} {version(package)}",
        "replicates": n,
        "microseconds": statistics.median(seconds) / n * 1e6,
        "memory_mb_per_10000": grown / n * 1e4,
        "mean": count.mean(axis=0).tolist(),
        "variance": count.var(axis=0).tolist(),
    }))  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
