"""Words that were renamed: those of before still work, with a note that tells the word of today.

One table for documents, arguments, attributes and names of classes. A word stays in it for one version.
"""

import functools
import logging
import re
import sys
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar

__all__ = [
    "RENAMED",
    "class_of_before",
    "present_word",
    "takes_earlier_arguments",
    "takes_earlier_fields",
    "told_today",
    "with_earlier_words",
    "with_present_words",
]

Given = ParamSpec("Given")
Made = TypeVar("Made")
Kind = TypeVar("Kind", bound=type)

RENAMED: Mapping[str, Mapping[str, str]] = {
    "term": {"births": "formation"},
    "arrow": {"births": "formation_rate", "switches": "maturation_hazard", "losses": "elimination_hazard"},
    "table": {"size_loss": "elimination_by_size"},
    "argument": {
        "loss": "elimination",
        "size_loss": "elimination_by_size",
        "births": "formation_factor",
        "losses": "elimination_factor",
    },
    "attribute": {
        "TurnoverModel.births": "formation_rates",
        "TurnoverModel.loss": "elimination",
    },
    "class": {"SizeLoss": "EliminationBySize"},
    "number": {
        "births_peak_fold": "formation_peak_fold",
        "births_onset_day": "formation_onset_day",
        "births_duration_day": "formation_duration_day",
        "losses_lowest_fold": "elimination_lowest_fold",
        "losses_onset_day": "elimination_onset_day",
        "losses_duration_day": "elimination_duration_day",
    },
}
"""Kind of word -> word of before -> word of today."""

_RECORDED = (("births", "formation rates"), ("losses", "elimination hazards"))
"""What recorded results say, and what stands for it today; both are plural, so that the sentence stays right."""

_FILE_NAME = re.compile(r"\.[a-z]{2,4}$")

_TOLD: set[tuple[str, str]] = set()


def present_word(kind: str, word: str) -> str:
    """The word of today for one that was given; each word of before is told once.

    Parameters
    ----------
    kind : str
        A key of :data:`RENAMED`.
    word : str
        As it was given; one that was not renamed is returned as it is.

    Examples
    --------
    >>> present_word("term", "births"), present_word("term", "maturation")
    ('formation', 'maturation')
    """
    today = RENAMED[kind].get(word)
    if today is None:
        return word
    if (kind, word) not in _TOLD:
        _TOLD.add((kind, word))
        logging.getLogger("synmodel").info("the %s %s is called %s now; the old word still works", kind, word, today)
    return today


def with_present_words(kind: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """A table of a document, or keyword arguments, under the words of today.

    Raises
    ------
    ValueError
        If something is given by the word of before and by that of today.
    """
    content: dict[str, Any] = {}
    for word, value in given.items():
        today = present_word(kind, word)
        if today != word and today in given:
            message = f"{word} and {today} are both given, and are the same; leave {word} out"
            raise ValueError(message)
        content[today] = value
    return content


def with_earlier_words(kind: str, content: Mapping[str, Any]) -> dict[str, Any]:
    """A table under the words of before: digests of documents are made of these, so that they stay what they were."""
    before = {today: word for word, today in RENAMED[kind].items()}
    return {before.get(word, word): value for word, value in content.items()}


def takes_earlier_arguments(function: Callable[Given, Made]) -> Callable[Given, Made]:
    """A function that takes its keyword arguments by their names of before, too; not by both at once."""
    return _taking_earlier(function, both=False)


def takes_earlier_fields(kind: Kind) -> Kind:
    """A dataclass that takes its fields by their names of before, too.

    ``dataclasses.replace`` gives all fields by their names of today beside what is to change, so the name of before
    comes first.
    """
    made: Any = kind
    made.__init__ = _taking_earlier(made.__init__, both=True)
    return kind


def _taking_earlier(function: Callable[Given, Made], *, both: bool) -> Callable[Given, Made]:
    renamed = RENAMED["argument"]

    @functools.wraps(function)
    def taking(*args: Given.args, **kwargs: Given.kwargs) -> Made:
        for word in [each for each in kwargs if each in renamed]:
            today = present_word("argument", word)
            if today in kwargs and not both:
                message = f"{function.__name__}() was given {word} and {today}, which are the same; give {today} alone"
                raise TypeError(message)
            kwargs[today] = kwargs.pop(word)
        return function(*args, **kwargs)

    return taking


def class_of_before(module: str) -> Callable[[str], Any]:
    """A ``__getattr__`` for a module whose classes were renamed.

    Parameters
    ----------
    module : str
        ``__name__`` of the module.
    """

    def found(name: str) -> Any:
        if name in RENAMED["class"]:
            return getattr(sys.modules[module], present_word("class", name))
        message = f"module {module!r} has no attribute {name!r}"
        raise AttributeError(message, name=name, obj=sys.modules[module])

    return found


def told_today(recorded: Any) -> Any:
    """A recorded text in the words of today, or all texts of a recorded document.

    Examples
    --------
    >>> told_today({"reason": "births within 2 h are the prior's"})
    {'reason': "formation rates within 2 h are the prior's"}
    """
    if isinstance(recorded, dict):
        return {key: told_today(each) for key, each in recorded.items()}
    if isinstance(recorded, list):
        return [told_today(each) for each in recorded]
    if isinstance(recorded, str) and not _FILE_NAME.search(recorded):
        for word, today in _RECORDED:
            recorded = re.sub(rf"\b{word}\b", today, recorded)
            recorded = re.sub(rf"\b{word.capitalize()}\b", today.capitalize(), recorded)
    return recorded
