"""SVG set into a page: only what draws is kept, ids are made unique, and nothing in it loads, runs or styles the page.

A folder of results may come from anyone, so a figure is taken apart and written anew from a list of what is allowed.
"""

import re
from pathlib import Path
from xml.etree import ElementTree

from synmodel.report.page.parts import PageError

__all__ = ["inlined"]

_SPACE = "{http://www.w3.org/2000/svg}"
_LINK = "{http://www.w3.org/1999/xlink}href"
_ELEMENTS = frozenset(
    re.findall(
        r"\w+",
        "svg g defs path use clipPath rect circle ellipse line polyline polygon text tspan image linearGradient "
        "radialGradient stop pattern marker mask symbol",
    )
)
_ATTRIBUTES = frozenset(
    re.findall(
        r"[\w-]+",
        "id d x y x1 y1 x2 y2 cx cy r rx ry width height points transform viewBox style clip-path fill fill-opacity "
        "fill-rule clip-rule stroke stroke-width stroke-opacity stroke-dasharray stroke-dashoffset stroke-linecap "
        "stroke-linejoin stroke-miterlimit opacity offset stop-color stop-opacity gradientUnits gradientTransform "
        "patternUnits patternTransform clipPathUnits maskUnits mask marker-start marker-mid marker-end markerWidth "
        "markerHeight orient refX refY font-family font-size font-style font-weight text-anchor dominant-baseline dx "
        "dy display visibility overflow preserveAspectRatio",
    )
)
_REFERENCE = re.compile(r"url\(\s*['\"]?#([^)'\"]+)['\"]?\s*\)")
_DECIMALS = re.compile(r"(-?\d+\.\d{2})\d+")
_PICTURE = re.compile(r"data:image/(png|jpeg);base64,[A-Za-z0-9+/=\s]*\Z")
_LARGEST = 20_000_000


def inlined(path: Path, prefix: str, title: str, description: str) -> str:
    """Markup of an SVG file.

    Parameters
    ----------
    path : Path
        The file.
    prefix : str
        Put before every id, and before every reference to one.
    title, description : str
        Name of the figure, and what it shows in words for readers who do not see it.

    Returns
    -------
    str
        An ``svg`` element that scales with its place.

    Raises
    ------
    PageError
        If the file is no SVG.
    """
    try:
        text = path.read_text(encoding="utf-8")
        if len(text) > _LARGEST or "<!ENTITY" in text:
            message = f"{path} is no figure of this program: too large, or with entities; make the result again"
            raise PageError(message)
        root = ElementTree.fromstring(text)
    except (OSError, UnicodeDecodeError, ElementTree.ParseError) as fault:
        message = f"{path} cannot be read as SVG: {fault}; make the result again, or delete the file"
        raise PageError(message) from fault
    if root.tag != f"{_SPACE}svg":
        message = f"{path} cannot be read as SVG: it begins with {root.tag[:60]!r}; make the result again"
        raise PageError(message)
    _clean(root, prefix)
    size = _size(root)
    root.attrib = {key: value for key, value in root.attrib.items() if key not in ("width", "height", "style", "class")}
    root.set("viewBox", root.get("viewBox") or f"0 0 {size[0]:g} {size[1]:g}")
    root.set("role", "img")
    root.set("aria-labelledby", f"{prefix}title {prefix}desc")
    # What matplotlib's own style sheet says of every element; as a sheet it would hold for the page.
    root.set("style", f"stroke-linejoin:round;stroke-linecap:butt;--natural:{size[0]:.0f}px")
    for place, (name, words) in enumerate((("title", title), ("desc", description))):
        element = ElementTree.Element(f"{_SPACE}{name}", {"id": prefix + name})
        element.text = words
        root.insert(place, element)
    ElementTree.register_namespace("", _SPACE[1:-1])
    ElementTree.register_namespace("xlink", "http://www.w3.org/1999/xlink")
    return ElementTree.tostring(root, encoding="unicode")


def _clean(element: ElementTree.Element, prefix: str) -> None:
    element.tail = None
    if element.tag not in (f"{_SPACE}text", f"{_SPACE}tspan"):
        element.text = None
    for child in list(element):
        if not isinstance(child.tag, str) or child.tag.removeprefix(_SPACE) not in _ELEMENTS:
            element.remove(child)
        else:
            _clean(child, prefix)
    kept = {}
    for name, value in element.attrib.items():
        if name in (_LINK, "href"):
            if value.startswith("#"):
                kept["href"] = f"#{prefix}{value[1:]}"
            elif _PICTURE.match(value):
                kept["href"] = value
        elif name == "id":
            kept["id"] = prefix + value
        elif name in _ATTRIBUTES:
            pointed = _REFERENCE.sub(lambda found: f"url(#{prefix}{found[1]})", value)
            # Whatever else a style could fetch or run is dropped with its attribute.
            if not re.search(r"url\((?!#)|@|expression|javascript:|\\", pointed, re.IGNORECASE):
                kept[name] = _DECIMALS.sub(r"\1", pointed) if name in ("d", "x", "y", "points") else pointed
    element.attrib = kept


def _size(root: ElementTree.Element) -> tuple[float, float]:
    """Width and height in points, from the view box or from what is given."""
    numbers = re.findall(r"-?\d+(?:\.\d+)?", root.get("viewBox", ""))
    if len(numbers) == 4:
        return float(numbers[2]) * 4 / 3, float(numbers[3]) * 4 / 3
    sizes = [re.match(r"\d+(?:\.\d+)?", root.get(name, "")) for name in ("width", "height")]
    wide, high = (float(found[0]) if found else 600.0 for found in sizes)
    return wide, high
