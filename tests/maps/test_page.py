"""The map page: one file that draws with the network cut, and in which names stay text."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import shapely

from phusong.coverage.indicators import INDICATORS
from phusong.layers.errors import ComputeError
from phusong.layers.messages import LANGS, catalogue
from phusong.maps import offline
from phusong.maps.data import group_of, page_data, unit_text
from phusong.maps.offline import assert_offline, outside_addresses
from phusong.maps.page import map_html
from phusong.maps.view import MapIndicator


def _load_province() -> Any:
    spec = importlib.util.spec_from_file_location("tests_maps_province", Path(__file__).with_name("province.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


made = _load_province()
HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "${alert(1)}",
    "`${alert(1)}`",
    "</script><script>alert(1)</script>",
    "{{ 7*7 }}{% raw %}{#",
    "<!--<script>",
    "'\"&amp;\u2028 https://example.org/x.js",
)


@pytest.fixture(scope="module")
def view() -> Any:
    return made.province(6, cell_m=600, villages=120, sites=40)


@pytest.fixture(scope="module")
def html(view: Any) -> str:
    return map_html(view)


def data_of(page: str) -> Any:
    found = re.search(r'<script type="application/json" id="phusong-data">(.*?)</script>', page, re.S)
    assert found is not None
    return json.loads(found.group(1))


def test_page_names_no_outside_address(html: str) -> None:
    assert outside_addresses(html) == []
    assert "jquery" not in html.lower()
    assert "bootstrap" not in html.lower()
    assert not re.search(r"<(script|link|img|iframe)[^>]+(src|href)=[\"'](?!data:)", html)


@pytest.mark.parametrize(
    "part",
    [
        '<script src="https://cdn.example/x.js"></script>',
        "<link rel=stylesheet href=//cdn.example/x.css>",
        "<img src='icons/a.png'>",
        "<style>a{background:url(images/layers.png)}</style>",
        '<style>@import "x.css";</style>',
        "<script>fetch('/tiles')</script>",
        "<script>const a = 'https://tile.example/{z}';</script>",
        "<p>see http://example.org</p>",
    ],
)
def test_an_outside_address_fails_the_build(html: str, part: str) -> None:
    with pytest.raises(ComputeError, match="network cut"):
        assert_offline(html.replace("</body>", part + "</body>"))


def test_another_leaflet_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(offline.LEAFLET_SHA256, "leaflet.js", "0" * 64)
    offline.leaflet.cache_clear()
    with pytest.raises(ComputeError, match=re.escape("leaflet.js is not the file")):
        offline.leaflet("leaflet.js")
    offline.leaflet.cache_clear()


def test_the_same_view_gives_the_same_page(view: Any, html: str) -> None:
    assert map_html(view) == html


@pytest.mark.parametrize("name", HOSTILE)
def test_names_come_through_unchanged_and_inert(view: Any, html: str, name: str) -> None:
    page = map_html(made.renamed(view, name))
    data = data_of(page)
    assert data["title"] == data["units"][0]["name"] == data["units"][0]["district"] == name
    assert data["points"]["villages"]["rows"][0]["name"] == name
    assert data["sources"] == [name]
    assert page.count("<script") == html.count("<script")
    assert page.count("<img") == html.count("<img")


def test_no_data_is_null_and_never_zero(view: Any) -> None:
    areas = view.units.copy()
    areas["same_day_mail"] = pd.array([pd.NA, True, False] + [pd.NA] * (len(areas) - 3), dtype="boolean")
    areas.loc[0, "population"] = np.nan
    found = {i["id"]: i for i in page_data(dataclasses.replace(view, units=areas))["indicators"]}
    assert found["same_day_mail"]["values"][:4] == [None, 1, 0, None]
    assert found["population"]["values"][0] is None
    assert found["population"]["values"][1] == round(view.units["population"][1])


def test_people_are_whole_and_a_place_without_masts_is_said(view: Any) -> None:
    villages = page_data(view)["points"]["villages"]
    fields = [field["id"] for field in villages["fields"]]
    first, second = ({f: row["values"][i] for i, f in enumerate(fields)} for row in villages["rows"][:2])
    assert (first["population"], first["centre_level_2g_dbm"]) == (120, -81.25)
    assert second["centre_level_2g_dbm"] == "no_mast_in_range"
    assert all(catalogue()["map.ui.no_mast_in_range"][lang] for lang in LANGS)


def test_units_of_measure_are_said_in_words(view: Any) -> None:
    words = {one.unit: unit_text(one.unit) for one in INDICATORS if one.unit not in ("", "yes_no")}
    assert words["per_km2"] == {"vi": "người/km²", "en": "people per km²"}
    assert not [unit for unit, said in words.items() if "_" in said["vi"] + said["en"]]


@pytest.mark.parametrize(
    ("indicator", "group"),
    [
        ("people_covered_2g_pct", "mobile"),
        ("people_covered_exactly_one_operator_pct", "mobile"),
        ("people_signal_unknown_pct", "mobile"),
        ("area_covered_3g_vinaphone_pct", "operators"),
        ("nearest_site_km", "network"),
        ("people_per_post_point", "post"),
        ("people_within_3km_post_office_pct", "post"),
        ("mean_service_radius_post_km", "post"),
        ("mean_time_hospital_min", "services"),
        ("distance_fibre_node_km", "services"),
        ("people_unreached_health_station_pct", "services"),
        ("lower_secondary_school_broadband_pct", "online"),
        ("schools_lan_mountain_pct", "online"),
        ("readiness_score", "online"),
        ("broadband_per_100_households", "broadband"),
        ("adsl_per_100", "broadband"),
        ("fibre_to_commune", "broadband"),
        ("ethnic_minority", "people"),
        ("elevation_mean_m", "land"),
        ("observed_signal_2g", "observed"),
    ],
)
def test_an_indicator_stands_among_its_like(indicator: str, group: str) -> None:
    assert group_of(MapIndicator(indicator, {"vi": "", "en": ""})) == group


def test_neighbours_still_touch_after_simplifying(view: Any) -> None:
    shapes = [shapely.geometry.shape(u["geometry"]) for u in page_data(view)["units"]]
    whole = shapely.union_all(shapes)
    assert whole.geom_type == "Polygon"
    assert len(whole.interiors) == 0
    overlap = sum(s.area for s in shapes) - whole.area
    assert abs(overlap) < 1e-9 * whole.area
    true = shapely.union_all(view.units.to_crs("EPSG:4326").geometry.array)
    assert whole.symmetric_difference(true).area < 0.01 * true.area


def test_every_column_shown_and_every_text_is_said_in_both_languages(view: Any, html: str) -> None:
    data = data_of(html)
    assert set(data["texts"]["vi"]) == set(data["texts"]["en"])
    for layer in data["points"].values():
        for field in layer["fields"]:
            assert "group" in field or f"map.field.{field['id']}" in catalogue()
    said = set(re.findall(r"\bui\(\"(\w+)\"", offline.own_script()))
    assert said
    for name in said:
        assert all(catalogue()[f"map.ui.{name}"][lang] for lang in LANGS)


def test_a_bare_view_still_makes_a_page(view: Any) -> None:
    bare = made.MapView(
        title="x", lang="en", synthetic=False, as_of="", units=view.units[["code", "name", "geometry"]], indicators=()
    )
    data = data_of(map_html(bare))
    assert data["terrain"] is None
    assert data["points"] == {}
    assert data["coverage"] == []
    assert len(data["units"]) == len(view.units)


# ---- in a real browser -------------------------------------------------------------------------------------------


class Watched:
    """A page that records what must not happen: requests, console errors, dialogs."""

    def __init__(self, browser: Any, path: Path, *, width: int = 1280) -> None:
        self.troubles: list[str] = []
        self.context = browser.new_context(viewport={"width": width, "height": 800})
        self.context.route(re.compile(r"^(?!data:|file:)"), self._refuse)
        self.page = self.context.new_page()
        self.page.set_default_timeout(6000)
        self.page.on("console", lambda m: self.troubles.append(m.text) if m.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda e: self.troubles.append(str(e)))
        self.page.on("dialog", self._dialog)
        self.page.on("request", self._request)
        self.own = path.as_uri()
        self.page.goto(self.own)
        self.page.wait_for_selector("body[data-ready=yes]")

    def _refuse(self, route: Any) -> None:
        self.troubles.append(f"request {route.request.url}")
        route.abort()

    def _request(self, request: Any) -> None:
        if request.url != self.own and not request.url.startswith("data:"):
            self.troubles.append(f"request {request.url}")

    def _dialog(self, dialog: Any) -> None:
        self.troubles.append(f"dialog {dialog.message}")
        dialog.dismiss()


@pytest.fixture
def open_page(browser: Any, tmp_path: Path) -> Iterator[Any]:
    opened: list[Watched] = []

    def start(page: str, **options: int) -> Watched:
        path = tmp_path / "map.html"
        path.write_text(page, encoding="utf-8")
        opened.append(Watched(browser, path, **options))
        return opened[-1]

    yield start
    for watched in opened:
        watched.context.close()


UNITS = ".leaflet-units-pane path.leaflet-interactive"


@pytest.mark.browser
def test_the_map_draws_with_the_network_cut(open_page: Any, html: str, view: Any) -> None:
    watched = open_page(html)
    page = watched.page
    assert page.locator(UNITS).count() == len(view.units)
    terrain = "document.querySelector('.leaflet-terrain-pane img')"
    assert page.evaluate(f"{terrain}.decode().then(() => {terrain}.naturalWidth)") > 100
    assert page.inner_text("#banner").startswith("Dữ liệu mô phỏng")
    assert "Dân số có sóng 3G (%)" in page.inner_text("#legend")
    assert page.locator(".plan-icon").count() == len(view.plan)
    assert page.locator(".leaflet-gap_villages-pane path").count() == len(view.gap_villages)
    assert watched.troubles == []


@pytest.mark.browser
def test_language_indicator_and_layers_switch_without_reload(open_page: Any, html: str, view: Any) -> None:
    watched = open_page(html)
    page = watched.page
    page.click("#lang-en")
    assert page.inner_text("#banner") == "Synthetic data – not real figures"
    assert page.get_attribute("html", "lang") == "en"
    assert "People with 3G" in page.inner_text("#legend")
    colours = "[...document.querySelectorAll('%s')].map((p) => p.getAttribute('fill'))" % UNITS  # noqa: UP031
    before = page.evaluate(colours)
    assert "url(#no-data)" in before
    page.select_option("#indicator", label="Nearest site")
    after = page.evaluate(colours)
    assert before != after
    assert "url(#no-data)" not in after
    assert "km" in page.inner_text("#legend")
    assert page.locator(".leaflet-sites-pane path").count() == 0
    page.check("#layer-sites")
    assert page.locator(".leaflet-sites-pane path").count() == len(view.sites)
    page.uncheck("#layer-sites")
    assert page.locator(".leaflet-sites-pane path").count() == 0
    page.click("text=Signal")
    assert page.locator(".leaflet-coverage-pane img").count() == 1
    alike = page.inner_text("#legend")
    for text in ("2G: Best level, dBm", "below −95: not usable", "−85 to −75", "Usable from −95 dBm", "downlink only"):
        assert text in alike
    page.click("text=3G")
    by_sector = page.inner_text("#legend")
    for text in ("3G: Level above what its sector needs, dB", "below 0: not usable", "10 to 20"):
        assert text in by_sector
    assert "Usable from −105 to −101.5 dBm, by sector" in by_sector
    assert watched.troubles == []


@pytest.mark.browser
def test_search_without_tones_finds_and_opens(open_page: Any, html: str, view: Any) -> None:
    watched = open_page(html)
    page = watched.page
    page.fill("#search", "huong hoa")
    assert "Hướng Hóa" in page.inner_text("#found li >> nth=0")
    page.fill("#search", "DONG LE")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert page.inner_text(".popup h2").startswith("Đông Lễ")
    gap = view.units.set_index("code").loc[view.gap_units["code"].iloc[0], "name"]
    page.fill("#search", gap)
    page.keyboard.press("Enter")
    popup = page.locator(".popup", has=page.locator("h2", has_text=re.compile(f"^{re.escape(gap)}$")))
    popup.wait_for()
    assert "Không có điểm truy nhập Internet công cộng." in popup.inner_text()
    assert "miền núi" in popup.inner_text()
    page.fill("#search", "zzzz")
    assert page.inner_text("#found") == "Không tìm thấy"
    assert watched.troubles == []


@pytest.mark.browser
def test_figures_say_what_they_rest_on(open_page: Any, html: str, view: Any) -> None:
    watched = open_page(html)
    page = watched.page
    assert "31/12/2012" in page.inner_text(".as-of")
    for place in ("#legend", "#panel footer"):
        assert "mô hình truyền sóng" in page.inner_text(place)
        assert "dasymetric" in page.inner_text(place)
    page.fill("#search", "DONG LE")
    page.keyboard.press("Enter")
    page.wait_for_selector(".popup")
    people = page.locator(".popup details", has_text="Dân cư").last
    people.locator("summary").click()
    assert "dasymetric" in people.inner_text()
    signal = page.locator(".popup details", has_text="Phủ sóng di động").first
    assert "không phải số đo" in signal.inner_text()
    assert page.evaluate("[...document.querySelectorAll('.popup td.number')].every((c) => c.offsetHeight < 30)")
    page.click("text=Vùng phủ")
    assert "không phải số đo" in page.inner_text("#legend")
    page.click("#lang-en")
    page.click("text=Investment list")
    page.click("#panel .list:last-of-type li >> nth=0")
    popup = page.locator(".popup", has=page.locator("h2", has_text="Proposed site 1"))
    popup.wait_for()
    assert "radio model" in popup.inner_text()
    assert watched.troubles == []


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 390])
def test_names_keep_off_the_badges_and_off_each_other(open_page: Any, html: str, width: int) -> None:
    watched = open_page(html, width=width)
    boxes = """[...document.querySelectorAll('.label span:not(.no-room), .plan-icon span')].map((node) => {
        const box = node.getBoundingClientRect();
        return [node.parentNode.className.includes('label'), box.left, box.top, box.right, box.bottom];
    })"""
    found = watched.page.evaluate(boxes)
    names = [box for is_name, *box in found if is_name]
    assert names
    for i, a in enumerate(names):
        for b in [*names[i + 1 :], *(box for is_name, *box in found if not is_name)]:
            assert min(a[2], b[2]) - max(a[0], b[0]) < 1 or min(a[3], b[3]) - max(a[1], b[1]) < 1
    assert watched.troubles == []


@pytest.mark.browser
def test_the_outline_of_a_gap_keeps_to_its_own_side(open_page: Any, html: str, view: Any) -> None:
    page = open_page(html).page
    clips = page.eval_on_selector_all(
        ".leaflet-gap_units-pane path", "(all) => all.map((p) => p.getAttribute('clip-path'))"
    )
    assert len(clips) == len(view.gap_units)
    for clip in clips:
        own = page.evaluate(f"document.querySelector('{clip[4:-1]} use').getAttribute('href')")
        assert page.evaluate(f"document.querySelector('{own}').tagName") == "path"
    page.uncheck("#layer-gap_units")
    page.check("#layer-gap_units")
    assert page.locator(".leaflet-gap_units-pane path[clip-path]").count() == len(view.gap_units)


@pytest.mark.browser
@pytest.mark.parametrize("name", HOSTILE[:4])
def test_a_hostile_name_shows_as_text(open_page: Any, view: Any, name: str) -> None:
    watched = open_page(map_html(made.renamed(view, name)))
    page = watched.page
    assert page.title() == name
    page.fill("#search", name)
    page.locator("#found li", has_text="xã · ").first.click()
    page.wait_for_selector(".popup", timeout=5000)
    shown = page.evaluate("document.querySelector('.popup h2').textContent")
    assert shown == name
    page.check("#layer-villages")
    assert page.locator(".popup img, #panel img, .label img").count() == 0
    assert watched.troubles == []


@pytest.mark.browser
def test_a_narrow_screen_keeps_map_and_panel(open_page: Any, html: str) -> None:
    watched = open_page(html, width=390)
    page = watched.page
    assert page.locator("#panel-body").is_hidden()
    page.click("#panel-toggle")
    assert page.locator("#panel-body").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.click("#panel-toggle")
    assert page.locator("#panel-body").is_hidden()
    assert page.locator(".folium-map").bounding_box()["height"] > 400
    assert watched.troubles == []


@pytest.mark.browser
@pytest.mark.parametrize(("address", "links"), [("/api/v1/map", 3), ("/elsewhere/map.html", 0)])
def test_only_a_map_served_beside_the_pages_of_communes_links_to_them(
    browser: Any, view: Any, address: str, links: int
) -> None:
    named = dataclasses.replace(view, units=view.units.assign(code=[f"{i}/<b>" for i in range(len(view.units))]))
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.route("**/*", lambda route: route.fulfill(body=map_html(named), content_type="text/html"))
    page.goto(f"http://phusong.test{address}")
    page.wait_for_selector("body[data-ready=yes]")
    page.locator(UNITS).first.dispatch_event("click")
    page.wait_for_selector(".popup h2")
    found = page.locator(".popup .pages a")
    assert found.count() == links
    if links:
        first = found.first
        assert re.fullmatch(r"communes/\d+%2F%3Cb%3E/page\.html\?lang=vi", first.get_attribute("href"))
        assert first.inner_text() == "Trang về địa bàn"
    context.close()
