"""The table ``[turnover]`` of a scenario: spines that interact, elimination that falls with head width, and the engine.

Numbers are per um of dendrite, so that they hold for any length and number of dendrites. What they do is said in
:mod:`synmodel.turnover.interaction` and :mod:`synmodel.turnover.size`. Spines that interact, or whose elimination
depends on their width, have no exact expectations; they are simulated.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    Field,
    PlainSerializer,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from synmodel.core.documents import Document, FrozenMapping, Number, Whole, entry_fault
from synmodel.core.errors import ScenarioError, did_you_mean
from synmodel.core.plain import Json
from synmodel.core.renamed import present_word, with_earlier_words, with_present_words
from synmodel.scenario.values import as_dict

__all__ = ["CLASSES", "Crowding", "Engine", "Homeostasis", "Pool", "SizeDependence", "Turnover", "digestible"]

Engine = Literal["auto", "events", "sessions", "counts", "coupled"]
CLASSES = ("transient", "nascent", "mature")
"""Classes that the tissue of a study may have; the first only where it has short-lived spines."""

_DENSEST_PER_UM = 1000.0  # beyond any density of spines: a slip of the unit
_STEEPEST = 20.0  # from there on elimination of a dendrite with ten times its spines leaves the range of numbers
_LARGEST_BATCH = 1000  # as in synmodel.turnover.interaction, which this module may not import
_MOST_CANDIDATES = 100.0  # every elimination is a candidate so many times as often, and costs as much


class _Part(Document):
    error = ScenarioError


Density = Annotated[Number, Field(gt=0, le=_DENSEST_PER_UM)]


class Crowding(_Part):
    """Formation falls in proportion to the places that are left on the shaft: times 1 - n / n_max."""

    n_max_per_um: Density = Field(description="spines per um at which formation ceases, above 0 to 1000")


class Homeostasis(_Part):
    """Elimination rises with the number of spines: times exp(steepness (n / n_star - 1))."""

    steepness: Number = Field(
        ge=0, le=_STEEPEST, description="0 to 20: relative rise of elimination per relative excess"
    )
    n_star_per_um: Density | None = Field(
        default=None,
        description="spines per um at which elimination is those of the study, above 0 to 1000; none: the mean at the "
        "first session",
    )


def _classes(shares: Mapping[str, float]) -> FrozenMapping[str, float]:
    for name, share in shares.items():
        if name not in CLASSES:
            raise entry_fault(name, f"is not a class of spines; {did_you_mean(name, CLASSES)}")
        if not 0 <= share <= _DENSEST_PER_UM:
            raise entry_fault(name, f"is {share:g}; allowed is 0 to {_DENSEST_PER_UM:g} shares per spine")
    return FrozenMapping(shares)


Shares = Annotated[Mapping[str, Number], AfterValidator(_classes), PlainSerializer(as_dict)]


class Pool(_Part):
    """A resource that all imaged dendrites of an animal draw on; formation and maturation slow as it is used up."""

    shares_per_um: Density = Field(description="shares per um of imaged dendrite, above 0 to 1000")
    share: Shares = Field(
        default=FrozenMapping({}), description="shares that a spine of a class holds, such as { mature = 3 }; else 1"
    )

    @model_serializer(mode="wrap")
    def _digestible(self, serialise: SerializerFunctionWrapHandler) -> Json:
        return _filled(serialise(self))


class SizeDependence(_Part):
    """Elimination times most / (1 + (most - 1) (w / median)^steepness): 1 at the median width w, never above most."""

    steepness: Number = Field(ge=0, le=50, description="0 to 50: power of the width with which elimination falls")
    most: Number = Field(gt=1, le=_MOST_CANDIDATES, description="above 1 to 100: multiplier of the smallest spines")


def digestible(content: Json) -> Json:
    """The content of a scenario under the words of before, of which its digests are made: they stay what they were."""
    if "turnover" not in content:
        return content
    return content | {"turnover": with_earlier_words("table", content["turnover"])}


def _filled(content: Json) -> Json:
    """The content without what holds nothing."""
    return {name: value for name, value in content.items() if value not in (None, {}, "auto")}


class Turnover(_Part):
    """How spines depend on each other and on their size, beyond the parameters of the study; default: not at all."""

    engine: Engine = Field(
        default="auto",
        description="auto: coupled where spines interact, else events; all follow the same law where they do not; "
        "counts: numbers that are scored alone, in up to 12 sessions, without head widths",
    )
    crowding: Crowding | None = Field(default=None, description="`{ n_max_per_um = ... }`")
    homeostasis: Homeostasis | None = Field(default=None, description="`{ steepness = ..., n_star_per_um = ... }`")
    pool: Pool | None = Field(default=None, description="`{ shares_per_um = ..., share = { mature = ... } }`")
    elimination_by_size: SizeDependence | None = Field(default=None, description="`{ steepness = ..., most = ... }`")
    batch: Whole = Field(default=1, ge=1, le=_LARGEST_BATCH, description="1 to 1000: spines that are formed at once")

    @model_serializer(mode="wrap")
    def _digestible(self, serialise: SerializerFunctionWrapHandler) -> Json:
        content = _filled(serialise(self))
        if self.batch == 1:
            content.pop("batch", None)
        return content

    @model_validator(mode="before")
    @classmethod
    def _in_words_of_today(cls, content: object) -> object:
        return with_present_words("table", content) if isinstance(content, Mapping) else content

    @model_validator(mode="after")
    def _has_an_engine(self) -> "Turnover":
        interacting = " and ".join(self.interactions)
        if interacting and self.selects:
            message = (
                f"{interacting} and elimination_by_size are both given, and no engine simulates them together; give one"
            )
            raise ValueError(message)
        if interacting and self.engine in ("events", "sessions", "counts"):
            message = f'spines of engine "{self.engine}" are independent; use "auto" or "coupled" with {interacting}'
            raise ValueError(message)
        if self.selects and self.engine in ("coupled", "sessions", "counts"):
            message = f'engine "{self.engine}" knows no head widths; use "auto" or "events" with elimination_by_size'
            raise ValueError(message)
        return self

    @property
    def size_loss(self) -> SizeDependence | None:
        """``elimination_by_size``, by its name of before."""
        present_word("table", "size_loss")
        return self.elimination_by_size

    def __setstate__(self, state: dict[Any, Any]) -> None:
        # Pickles from before the renaming.
        given, known = state["__dict__"], state["__pydantic_fields_set__"]
        renamed = {present_word("table", name): value for name, value in given.items()}
        super().__setstate__(
            state | {"__dict__": renamed, "__pydantic_fields_set__": {present_word("table", each) for each in known}}
        )

    @property
    def interactions(self) -> tuple[str, ...]:
        """Names of the parts by which spines interact; a homeostasis of steepness 0 does nothing."""
        acts = {
            "crowding": self.crowding is not None,
            "homeostasis": self.homeostasis is not None and self.homeostasis.steepness > 0,
            "pool": self.pool is not None,
            "batch": self.batch > 1,
        }
        return tuple(name for name, does in acts.items() if does)

    @property
    def selects(self) -> bool:
        """Whether elimination depends on head width; with steepness 0 it does not."""
        return self.elimination_by_size is not None and self.elimination_by_size.steepness > 0

    @property
    def chosen_engine(self) -> Literal["events", "sessions", "counts", "coupled"]:
        """The engine that runs it."""
        if self.engine == "auto":
            return "coupled" if self.interactions else "events"
        return self.engine

    @property
    def why_not_exact(self) -> str:
        """Why there are no exact expectations, in one line; empty where there are."""
        if self.interactions:
            return f"spines that interact ({', '.join(self.interactions)}) have no exact expectations"
        return (
            "elimination that depends on head width (elimination_by_size) has no exact expectations"
            if self.selects
            else ""
        )

    def demand_exact(self) -> None:
        """Refuse what has no exact expectations.

        Raises
        ------
        ScenarioError
            With the reason in one line.
        """
        if self.why_not_exact:
            message = f"scenario.turnover: {self.why_not_exact}; simulate it, or leave them out of the scenario"
            raise ScenarioError(message)
