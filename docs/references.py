"""Links to public names: a function may be imported from its room, and its description stands where it is defined.

A reference that Sphinx cannot find is imported, and the home of what is found is looked up. One of the package that
leads nowhere is a warning, so a page that names a function that is no more does not pass.
"""

import importlib
import inspect

from sphinx.util import logging

_LOGGER = logging.getLogger(__name__)
_ROLES = ("func", "class", "meth", "attr", "data", "mod", "exc", "obj")


def setup(app):
    """What Sphinx asks an extension for."""
    app.connect("missing-reference", _found)
    return {"parallel_read_safe": True}


def _found(app, env, node, content):
    """A reference to the description of what a name stands for."""
    if node.get("refdomain") != "py" or node.get("reftype") not in _ROLES:
        return None
    target, module = node["reftarget"], node.get("py:module")
    names = [target] if target.startswith("synmodel") else [f"{module}.{target}"] if module else []
    domain = env.get_domain("py")
    for name in names:
        for home in _homes(name):
            if home in domain.objects or home in domain.modules:
                role = "mod" if home in domain.modules else "obj"
                return domain.resolve_xref(env, node["refdoc"], app.builder, role, home, node, content)
    # The list of all functions shows docstrings of modules that name what is internal, and annotations.
    if (
        node["refdoc"] != "reference"
        and target.startswith("synmodel.")
        and content.tagname == "literal"
        and not target.rpartition(".")[2].startswith("_")
    ):
        _LOGGER.warning("nothing is described under %s", target, location=node, type="ref", subtype="python")
    return None


def _homes(name):
    """Full names under which what a name stands for may be described."""
    parts = name.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:cut]))
        except ImportError:
            continue
        for part in parts[cut:]:
            found = getattr(found, part, None)
        if inspect.ismodule(found):
            yield found.__name__
        elif found is not None and hasattr(found, "__qualname__"):
            yield f"{found.__module__}.{found.__qualname__}"
        return
