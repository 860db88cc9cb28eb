"""No public function has more parameters than a reader keeps in mind; settings that travel together have a type."""

import importlib
import inspect
import pkgutil
from dataclasses import dataclass

import pytest

import synmodel
from synmodel.core.settings import by_fields

MOST = 8
KERNELS = (
    "turnover.kernels.",
    "inference.likelihood.kernel.",
    "inference.likelihood.hidden.",
    "inference.likelihood.tail.",
    "inference.likelihood.adjoint.",
    "inference.likelihood.adjoint_three.",
    "signalling.slopes_kernel.",
    "turnover.slopes_kernel.",
)
"""Compiled loops take flat arrays."""
COMMANDS = "cli."
"""A parameter of a command is an option of the command line."""


def public_functions():
    for info in pkgutil.walk_packages(synmodel.__path__, "synmodel."):
        if info.name.endswith("__main__"):
            continue
        module = importlib.import_module(info.name)
        for name, member in vars(module).items():
            if name.startswith("_") or getattr(member, "__module__", "") != info.name:
                continue
            if inspect.isclass(member):
                for method, each in vars(member).items():
                    each = getattr(each, "__func__", each)
                    if inspect.isfunction(each) and not method.startswith("_"):
                        yield f"{info.name}.{name}.{method}", each
                if "__dataclass_fields__" not in vars(member) and inspect.isfunction(vars(member).get("__init__")):
                    yield f"{info.name}.{name}", member.__init__
            elif inspect.isfunction(member) or hasattr(member, "py_func"):
                yield f"{info.name}.{name}", getattr(member, "py_func", member)


def test_signatures_are_narrow():
    wide = set()
    for name, function in public_functions():
        inner = name.removeprefix("synmodel.")
        if not inner.startswith((*KERNELS, COMMANDS)):
            count = len(inspect.signature(function).parameters.keys() - {"self", "cls"})
            if count > MOST:
                wide.add(name)
    assert not wide


@dataclass(frozen=True)
class Size:
    animals: int
    trials: int = 1


@by_fields(size=Size)
def counted(first, *, size, seed=0):
    return first, size, seed


def test_settings_are_given_whole_or_by_their_fields():
    assert counted(1, size=Size(2, 3)) == counted(1, animals=2, trials=3) == (1, Size(2, 3), 0)
    assert counted(1, animals=2, seed=4) == (1, Size(2), 4)


@by_fields(size=Size(5, trials=2))
def usually_five(*, size):
    return size


def test_a_function_has_defaults_of_its_own():
    assert usually_five() == Size(5, 2)
    assert usually_five(trials=3) == Size(5, 3)
    assert usually_five(size=Size(1)) == Size(1)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"size": Size(1), "trials": 2}, r"counted\(\) got size and trials, which it holds; give one of them"),
        ({}, "missing 1 required positional argument: 'animals'"),
        ({"animals": 1, "trails": 2}, "unexpected keyword argument 'trails'"),
    ],
)
def test_what_is_given_twice_or_not_at_all_is_said(given, says):
    with pytest.raises(TypeError, match=says):
        counted(1, **given)
