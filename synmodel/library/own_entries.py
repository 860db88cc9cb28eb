"""Which entries of one's own something rests on, by digest, so that a result says from what it was made."""

from collections.abc import Iterable, Mapping

from synmodel import library
from synmodel.core.plain import Json

__all__ = ["digests_behind", "told"]


def digests_behind(*, compounds: Iterable[str] = (), conditions: Iterable[str] = (), study: str = "") -> dict[str, str]:
    """SHA-256 of every entry of one's own behind the names, by ``KIND/NAME``; empty without any.

    Behind a compound are its metabolites and its targets, behind a study its group summaries, and behind all of them
    the parameters that carry their names.

    Parameters
    ----------
    compounds, conditions : iterable of str
        Names in the library.
    study : str
        Name of the study whose tissue is taken; empty for none.
    """
    own = library.in_use()
    if not own:
        return {}
    chain = _chain(compounds)
    wanted = [("compounds", name) for name in chain] + [("conditions", name) for name in conditions]
    wanted += [("targets", target) for name in chain for target in _targets(name)]
    wanted += [("studies", study), ("summaries", study)]
    groups = {name for _, name in wanted}
    wanted += [
        ("parameters", name)
        for name in own.names("parameters")
        if groups & set(library.document_of("parameters", name))
    ]
    found = [entry for kind, name in wanted if (entry := own.get(kind, name)) is not None]
    return {f"{entry.kind}/{entry.name}": entry.digest for entry in found}


def told(digests: Mapping[str, str]) -> str:
    """Digests as text, for provenance."""
    return ", ".join(f"{entry} {digest}" for entry, digest in digests.items())


def _chain(names: Iterable[str]) -> list[str]:
    """Compounds and all their metabolites, in any species."""
    found: dict[str, None] = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop(0)
        if name not in found:
            found[name] = None
            kinetics: Json = library.document_of("compounds", name).get("kinetics", {})
            waiting += [each["compound"] for of in kinetics.values() for each in of.get("metabolites", ())]
    return list(found)


def _targets(compound: str) -> list[str]:
    return list(library.document_of("compounds", compound).get("targets", {}))
