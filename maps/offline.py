"""Leaflet from the installed package that ships it, checked by hash, and the page's own script and style.

Nothing outside is ever fetched: ``assert_offline`` refuses a page that would load an address.
"""

from __future__ import annotations

import hashlib
import re
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from importlib.resources import files
from pathlib import Path

from phusong.layers.errors import ComputeError

LEAFLET_PACKAGE = "django-js-lib-leaflet"
LEAFLET_SHA256 = {
    "leaflet.js": "db49d009c841f5ca34a888c96511ae936fd9f5533e90d8b2c4d57596f4e5641a",
    "leaflet.css": "a7837102824184820dfa198d1ebcd109ff6d0ff9a2672a074b9a1b4d147d04c6",
}
OWN_SCRIPTS = ("text.js", "symbols.js", "popup.js", "panel.js", "page.js")

# What makes a browser load something: attributes of markup, addresses in style, calls in script.
_BLOCK = re.compile(r"<(script|style)\b[^>]*>(.*?)</\1\s*>", re.I | re.S)
_MARKUP_LOADS = re.compile(
    r"""\b(?:src|srcset|href|poster|action|formaction|background|data)\s*=\s*["']?\s*(?!data:|\#)([^\s"'>]+)""", re.I
)
_STYLE_LOADS = re.compile(r"""(?:url\(|@import|image-set\()\s*["']?(?!data:|\#)([^\s"')]+)""", re.I)
_SCRIPT_LOADS = re.compile(
    r"""\b(?:fetch|importScripts|import|EventSource|WebSocket|sendBeacon|Worker)\s*\(\s*["'`]([^"'`]+)"""
)
_ADDRESS = re.compile(r"""(?:https?|wss?|ftp):\\?/\\?/[^\s"'<>\\)]+|["'(=]//[\w-]+\.[\w.-]+""", re.I)
# Named, never loaded: the SVG namespace, and Leaflet's link to itself (its attribution control is off).
_NAMED_ONLY = ("http://www.w3.org/2000/svg", "https://leafletjs.com")


@cache
def leaflet(name: str) -> str:
    """The text of ``leaflet.js`` or ``leaflet.css`` of Leaflet 1.9.4, ready to stand inside a page.

    The file is read from the installed package and must have the hash known here; then references to files beside it
    (icon images that the page does not use, the source map) are taken out. ComputeError if missing or different.
    """
    data = _package_file(name)
    found = hashlib.sha256(data).hexdigest()
    if found != LEAFLET_SHA256[name]:
        raise ComputeError("map.error.asset_differs", name=name, expected=LEAFLET_SHA256[name], found=found)
    text = data.decode("utf-8").replace("\r\n", "\n")  # as the browser reads it, or the policy's hashes do not fit
    if name.endswith(".css"):
        bare = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
        return re.sub(r"(?:behavior|background-image):\s*url\([^)]*\);?", "", bare)
    return re.sub(r"^//# sourceMappingURL=.*$", "", text, flags=re.M)


def leaflet_licence() -> str:
    """The licence text that comes with Leaflet, for the page to carry."""
    return _package_file("LICENSE").decode("utf-8").replace("\r\n", "\n")


@cache
def own_script() -> str:
    """The page's own script: its parts in order, in one closed scope."""
    parts = [_own(name) for name in OWN_SCRIPTS]
    return '(() => {\n"use strict";\n' + "\n".join(parts) + "\n})();"


@cache
def own_style() -> str:
    """The page's own style sheet."""
    return _own("page.css")


def _own(name: str) -> str:
    return files("phusong.maps").joinpath("assets", name).read_text(encoding="utf-8")


def _package_file(name: str) -> bytes:
    try:
        listed = distribution(LEAFLET_PACKAGE).files or []
    except PackageNotFoundError:
        listed = []
    for entry in listed:
        if entry.name == name:
            return Path(entry.locate()).read_bytes()
    raise ComputeError("map.error.asset_missing", name=name, package=LEAFLET_PACKAGE)


def outside_addresses(html: str) -> list[str]:
    """Every address in ``html`` that a browser would load, or that stands in it without being known as a mere name.

    data: URIs and fragments (#id) are inside; a relative address is outside too, for the page is one file.
    """
    found = _MARKUP_LOADS.findall(_BLOCK.sub(_opening_tag, html))
    for kind, text in _BLOCK.findall(html):
        found += (_STYLE_LOADS if kind.lower() == "style" else _SCRIPT_LOADS).findall(text)
    found += [a for a in _ADDRESS.findall(html) if a not in _NAMED_ONLY]
    return sorted(set(found))


def _opening_tag(block: re.Match[str]) -> str:
    return block.group(0)[: block.group(0).index(">") + 1]


def assert_offline(html: str) -> None:
    """ComputeError if the page names an address outside itself (see ``outside_addresses``)."""
    found = outside_addresses(html)
    if found:
        raise ComputeError("map.error.outside_address", count=len(found), first=found[0][:200])
