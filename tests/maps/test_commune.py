"""The picture and the page of one commune: what must be seen is there, names stay text, the same again is the same."""

from __future__ import annotations

import io
import math
from dataclasses import replace
from datetime import date
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from shapely.geometry import LineString, Point, box

from phusong.coverage.explain.known import Weak
from phusong.coverage.explain.statement import Amount, Statement
from phusong.layers.grid import Grid, Raster
from phusong.layers.messages import LANGS
from phusong.maps.commune import MAP_SHARE, STATES, CommuneMap, commune_png, round_length
from phusong.maps.report.commune import MOST_VILLAGES, CommunePage, Figure, Profile, commune_document
from phusong.maps.report.document import Bullets, Document, Heading, Paragraph, Picture, Table
from phusong.maps.report.docx import docx_bytes
from phusong.maps.report.html import html_text

CRS = "EPSG:9212"
LEFT, TOP = 540_000.0, 1_850_000.0
WIDE = 700  # px
EVIL = "<img src=x onerror=alert(1)> $\\frac{1}{0}$"


def points(**columns: Any) -> gpd.GeoDataFrame:
    count = len(next(iter(columns.values())))
    spots = [Point(LEFT + 1000 + 900 * i, TOP - 2000 - 500 * i) for i in range(count)]
    return gpd.GeoDataFrame(columns, geometry=spots, crs=CRS)


def view(**changes: Any) -> CommuneMap:
    """Two communes of 8 km side by side, a hill, no signal in the western half, a village of each state."""
    grid = Grid(CRS, LEFT - 2000, TOP + 2000, 200.0, (60, 100))
    rows, cols = np.mgrid[0:60, 0:100]
    height = (10.0 + 400.0 * np.exp(-((rows - 30) ** 2 + (cols - 30) ** 2) / 200.0)).astype(np.float32)
    squares = [box(LEFT, TOP - 8000, LEFT + 8000, TOP), box(LEFT + 8000, TOP - 8000, LEFT + 16000, TOP)]
    states = [state for state, _, _ in STATES]
    return replace(
        CommuneMap(
            code="1",
            units=gpd.GeoDataFrame({"code": ["1", "2"], "name": ["Xã Một", EVIL]}, geometry=squares, crs=CRS),
            synthetic=True,
            villages=points(name=[f"Bản {state}" for state in states], state=states, named=[True] * len(states)),
            sites=points(site_id=["M1"]),
            plan=points(rank=[3, 14]),
            roads=gpd.GeoDataFrame(geometry=[LineString([(LEFT, TOP - 100), (LEFT + 7000, TOP - 7000)])], crs=CRS),
            water=gpd.GeoDataFrame(geometry=[box(LEFT + 100, TOP - 7900, LEFT + 700, TOP - 7000)], crs=CRS),
            elevation=Raster(grid, height),
            signal=Raster(grid, np.where(cols < 30, 1.0, 3.0).astype(np.float32)),
        ),
        **changes,
    )


def drawn(one: CommuneMap, **options: Any) -> bytes:
    buffer = io.BytesIO()
    commune_png(one, buffer, lang=options.pop("lang", "vi"), width_px=options.pop("width_px", WIDE))
    return buffer.getvalue()


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def near(picture: np.ndarray, colour: str, *, within: int = 12) -> int:
    """How many pixels have a colour."""
    wanted = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return int((np.abs(picture - wanted).max(axis=2) <= within).sum())


def test_every_state_has_its_mark_in_the_picture() -> None:
    with_all, bare = pixels(drawn(view())), pixels(drawn(view(villages=None, plan=None, sites=None)))
    assert with_all.shape[1] == WIDE
    for _, _, colour in STATES[:-1]:
        assert near(with_all, colour) > near(bare, colour) + 5, colour
    assert near(with_all, "#4c1d95") > near(bare, "#4c1d95") + 60  # the plan's badges
    assert near(with_all, "#0f5e77") > near(bare, "#0f5e77")


def test_ground_without_signal_is_tinted_inside_the_commune_only() -> None:
    tinted, plain = pixels(drawn(view(villages=None))), pixels(drawn(view(villages=None, signal=None)))
    differs = np.abs(tinted - plain).max(axis=2) > 8
    width = MAP_SHARE * WIDE
    rows, cols = np.nonzero(differs[:, : int(width)])
    assert len(rows) > 1000
    assert 0.07 * width < cols.min() < 0.10 * width  # 8 of 9.6 km are the commune's ...
    assert 0.48 * width < cols.max() < 0.53 * width  # ... and signal begins at its middle
    everywhere = Raster(view().signal.grid, np.full((60, 100), 3.0, dtype=np.float32))  # type: ignore[union-attr]
    lit = pixels(drawn(view(villages=None, signal=everywhere)))
    assert (np.abs(lit - plain).max(axis=2) > 8)[:, : int(width)].sum() == 0


def test_the_same_again_is_the_same_and_languages_differ() -> None:
    assert drawn(view()) == drawn(view())
    assert drawn(view(), lang="en") != drawn(view(), lang="vi")


def test_a_bare_commune_is_drawn_and_an_unknown_one_refused() -> None:
    units = view().units
    empty = view().villages.iloc[:0]  # type: ignore[union-attr]
    for one in (CommuneMap("1", units, False), CommuneMap("2", units, True), view(villages=empty)):
        assert drawn(one).startswith(b"\x89PNG")
    with pytest.raises(KeyError):
        drawn(CommuneMap("3", units, False))


def test_rasters_that_lie_elsewhere_are_left_out() -> None:
    far = Raster(Grid(CRS, LEFT + 90_000, TOP, 200.0, (60, 100)), np.ones((60, 100), dtype=np.float32))
    assert drawn(view(elevation=far, signal=far, villages=None)).startswith(b"\x89PNG")


@given(st.floats(1e-3, 1e7))
def test_a_scale_bar_has_a_round_length_no_longer_than_asked(longest_m: float) -> None:
    length = round_length(longest_m)
    digit = length / 10.0 ** math.floor(math.log10(length) + 1e-9)
    assert min(abs(digit - one) for one in (1, 2, 5)) < 1e-6
    assert length <= longest_m * (1 + 1e-12)
    assert longest_m < 2.5 * length * (1 + 1e-9)


# the page


def page(**changes: Any) -> CommunePage:
    statements = (
        Statement("summary", "summary.none", {"name": EVIL, "judged": 3}),
        Statement("missing", "missing.people_unknown", rule="r"),
        Statement("missing", "missing.basis.model", rule="r", after=True),
        Statement("missing", "missing.override", {"reason": "hard area"}, rule="r", after=True),
        Statement("cure", "cure.upgrade", {"village": "Bản a", "site": "M", "operator": "V", "technology": "2G"}
                  | {"short": Amount(2.0, "dB"), "km": Amount(1.0, "km")}),
    )  # fmt: skip
    reason = {
        **{"label": EVIL, "value": 10.0, "unit": "%", "comparison": ">=", "threshold": 95.0, "margin": -85.0},
        **{"people_affected": None, "basis": "model", "source": "QCVN 1", "standing": "unverified"},
        **{"text_vi": f"{EVIL} chưa đạt", "text_en": "10 % have signal", "valid_from": date(2010, 1, 1)},
    }
    village = {
        **{"name": "Bản a", "signal_state": "none_at_centre", "population": 1234.0, "grid_power": None, "plan": 4},
        **{"basis": ["observed", "model"], "nearest_site_km": None, "weak": Weak(2.4, "M", "V", "2G", 3.0)},
    }
    given: dict[str, Any] = {
        **{"name": EVIL, "district": "Đakrông", "study": "Quảng Trị", "as_of": date(2012, 12, 31), "synthetic": True},
        **{"statements": statements, "map_png": drawn(view(), width_px=300), "profile": Profile(why="không có trạm")},
        **{
            "people": 2000.0,
            "figures": [Figure("Dân số", "người", "1.234", "608.000", "")],
            "reasons": [reason],
            "villages": [village],
        },
        **{"sources": ["127-BC/TU"], "limits": ["giới hạn"]},
    }
    return CommunePage(**(given | changes))


def test_the_page_has_all_its_parts_in_reading_order() -> None:
    document = commune_document(page(), "vi")
    assert (document.title, document.subtitle, document.as_of) == (EVIL, "Đakrông · Quảng Trị", "31/12/2012")
    assert document.synthetic
    kinds = [type(block) for block in document.blocks]
    assert kinds[:2] == [Paragraph, Picture]
    heads = [block.text for block in document.blocks if isinstance(block, Heading)]
    assert heads == [
        "Thiếu những gì, căn cứ vào đâu",
        "Hướng khắc phục",
        "Mặt cắt tới trạm gần nhất",
        "Số liệu chính",
        "Giới hạn",
    ]


def cells(table: Table, row: int = 0) -> dict[str, str]:
    return dict(zip([column.title for column in table.columns], table.rows[row], strict=True))


def test_reasons_are_said_in_words_for_whom_since_when_and_by_which_source() -> None:
    document = commune_document(page(), "en")
    reasons, villages, figures = (block for block in document.blocks if isinstance(block, Table))
    assert cells(reasons) == {
        "What is missing": f"10 % have signal.\n{EVIL}: 10 %; asked ≥ 95 %; short by 85 points",
        "People affected": "no data",
        "Since when": "not met on 2012-12-31\nrule in force since 2010-01-01",
        "Basis": "radio model",
        "Source of the threshold": "Not checked against the print: QCVN 1",
    }
    titles = [column.title for column in villages.columns]
    assert "Nearest mast" not in titles  # known of none of them
    assert villages.rows[0][titles.index("Signal lacking")] == "2 dB"
    assert villages.rows[0][titles.index("People")] == "1,234"
    assert figures.rows == (("Dân số (người)", "1.234", "608.000", ""),)


def test_words_that_hold_the_figures_stand_alone_and_people_have_their_share() -> None:
    reason = page().reasons[0] | {
        **{"text_en": "10 % have signal; the rule asks for 95 %", "people_affected": 1042.0},
        **{"observed_as_of": date(2012, 10, 5), "valid_from": None, "override_reason": "hard area"},
    }
    table = next(block for block in commune_document(page(reasons=[reason]), "en").blocks if isinstance(block, Table))
    assert table.rows[0] == (
        "10 % have signal; the rule asks for 95 %.",
        "1,042 (52.1 %)",
        "not met on 2012-10-05",
        "radio model",
        "Not checked against the print: QCVN 1\nThis study set the threshold itself, because: hard area.",
    )


def test_what_the_table_of_villages_says_is_not_said_again_unless_it_is_cut() -> None:
    both = Statement("villages", "villages.both", {"names": "Bản a"})
    farthest = Statement("villages", "villages.nearest_site", {"site": "M", "km": Amount(1.0, "km")})
    told = [*page().statements, both, farthest]
    village = page().villages[0] | {"observed": False, "predicted": None}

    def bullets(document: Document) -> list[str]:
        return [item for block in document.blocks if isinstance(block, Bullets) for item in block.items]

    short = commune_document(page(statements=told, villages=[village]), "en")
    assert farthest.say("en") in bullets(short)
    assert both.say("en") not in bullets(short)
    table = [block for block in short.blocks if isinstance(block, Table)][1]
    assert cells(table)["Signal reported"] == "no"
    assert "Signal computed" not in cells(table)  # known of none
    long = commune_document(page(statements=told, villages=[village] * (MOST_VILLAGES + 1)), "en")
    assert both.say("en") in bullets(long)


def test_a_profile_stands_with_its_words_and_its_lack_is_told() -> None:
    png = drawn(view(), width_px=300)
    with_one = commune_document(page(profile=Profile(png, "M1 → Bản a", "5 km")), "vi")
    assert [block.caption for block in with_one.blocks if isinstance(block, Picture)][1] == "5 km"
    notes = [block.text for block in commune_document(page(), "vi").blocks if isinstance(block, Paragraph)]
    assert "Không vẽ được mặt cắt tới trạm gần nhất: không có trạm" in notes


def test_a_long_list_of_villages_is_cut_and_counted() -> None:
    rows = [{"name": f"Bản {i}", "population": 1.0, "basis": "model", "weak": None, "plan": None} for i in range(30)]
    table = next(
        block
        for block in commune_document(page(villages=rows, reasons=()), "vi").blocks
        if isinstance(block, Table) and block.rows[0][0] == "Bản 0"
    )
    assert len(table.rows) == MOST_VILLAGES
    assert table.note == f"{MOST_VILLAGES} thôn, bản đầu trong số 30."


@pytest.mark.parametrize("lang", LANGS)
def test_hostile_names_stay_text_in_every_format(lang: Any) -> None:
    document = commune_document(page(), lang)
    assert "<img src=x" not in html_text(document)
    assert "&lt;img src=x" in html_text(document)
    assert docx_bytes(document) == docx_bytes(document)
