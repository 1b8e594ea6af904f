"""One HTML file with the whole map in it: Folium's map, Leaflet, our script, the data; it draws with the network cut.

Names are data. Folium and branca render what they are given as Jinja templates, some of it twice, and their popups as
markup; so no data passes through them: the skeleton is theirs, the data stands beside it as JSON which the script
reads and shows through ``textContent``.
"""

from __future__ import annotations

import base64
import hashlib
import html as markup
import json
import re
from typing import Any

import folium
from branca.element import Element, Figure

from phusong.layers.messages import say
from phusong.maps.data import page_data
from phusong.maps.offline import assert_offline, leaflet, leaflet_licence, own_script, own_style
from phusong.maps.view import MapView

MAP_ID = "phusong"
_POLICY_MARK = "phusong-content-security-policy"
_INLINE = re.compile(r"<(script|style)>(.*?)</\1>", re.S)


class _Verbatim(Element):
    """An element that is what it is: never read as a template."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text

    def render(self, **kwargs: Any) -> str:
        return self.text


class _OfflineMap(folium.Map):
    """Folium's map without the scripts and styles that it would fetch."""

    default_js: list[tuple[str, str]] = []  # noqa: RUF012  declared so by folium
    default_css: list[tuple[str, str]] = []  # noqa: RUF012


def map_html(view: MapView) -> str:
    """The map of ``view`` as one HTML page, UTF-8, which names no outside address.

    ComputeError if Leaflet is not the one known here or if the page would load anything from outside.
    """
    figure = Figure()
    page_map = _OfflineMap(
        location=[0.0, 0.0],
        zoom_start=9,
        tiles=None,
        zoom_control=False,
        attributionControl=False,
        zoomSnap=0.25,
        zoomDelta=0.5,
        maxZoom=15,
    )
    page_map._id = MAP_ID  # the script knows the map by this name, and the page is the same each time
    figure.add_child(page_map)
    for name, text in _head(view).items():
        figure.header.add_child(_Verbatim(text), name=name)
    figure.html.add_child(
        _Verbatim('<div id="banner" role="note" hidden></div><aside id="panel"></aside>'), name="panel"
    )
    figure.html.add_child(_Verbatim(_data_block(page_data(view))), name="data")
    page = figure.render()
    page = page.replace("<html>", f'<html lang="{view.lang}">', 1)
    page = _close_in_body(page)
    page = page.replace(_POLICY_MARK, _policy(page), 1)
    assert_offline(page)
    return page


def _head(view: MapView) -> dict[str, str]:
    """The head in order: the policy before anything it governs, then styles, then Leaflet."""
    return {
        "meta_http": '<meta charset="utf-8">',
        "policy": f'<meta http-equiv="Content-Security-Policy" content="{_POLICY_MARK}">',
        "referrer": '<meta name="referrer" content="no-referrer">',
        "icon": '<link rel="icon" href="data:,">',
        "title": f"<title>{_inert(view.title)}</title>",
        "description": f'<meta name="description" content="{_inert(_description(view))}">',
        "leaflet_css": f"<style>{leaflet('leaflet.css')}</style>",
        "leaflet_js": f"<script>/*\n{leaflet_licence()}*/\n{leaflet('leaflet.js')}</script>",
        "own_css": f"<style>{own_style()}</style>",
    }


def _inert(text: str) -> str:
    """Data as text in the head: no markup, and nothing in it looks like an address that is loaded."""
    return markup.escape(text).replace("=", "&#61;").replace("//", "&#47;&#47;")


def _description(view: MapView) -> str:
    parts = [view.title, say("map.ui.synthetic", view.lang) if view.synthetic else "", view.as_of]
    return " · ".join(part for part in parts if part)


def _data_block(data: dict[str, Any]) -> str:
    """The data as a JSON block that no browser reads as markup, template or address, whatever its texts say."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for letter in "<>&\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    text = text.replace("//", "\\u002f\\u002f")
    return f'<script type="application/json" id="phusong-data">{text}</script>'


def _close_in_body(page: str) -> str:
    """Folium leaves its script behind the body; ours follows it, and both stand inside."""
    head, tail = page.rsplit("</body>", 1)
    script = tail[: tail.rindex("</script>")] + "</script>"
    return f"{head}{script}\n<script>{own_script()}</script>\n</body>\n</html>\n"


def _policy(page: str) -> str:
    """A policy under which the page loads nothing but its own pictures and runs nothing but the scripts in it."""
    hashes: dict[str, list[str]] = {"script": [], "style": []}
    for kind, text in _INLINE.findall(page):
        digest = base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
        hashes[kind].append(f"'sha256-{digest}'")
    return (
        f"default-src 'none'; img-src data:; script-src {' '.join(hashes['script'])}; "
        f"style-src {' '.join(hashes['style'])}; base-uri 'none'; form-action 'none'"
    )
