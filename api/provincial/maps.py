"""The still maps of a report, drawn from the results of a run alone: no layer is read again, no browser is used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from io import BytesIO
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd

from phusong.api.lists import Tables
from phusong.api.provincial.facts import Facts
from phusong.coverage.indicators import find, indicator_label
from phusong.layers.messages import LANGS, Lang, say
from phusong.layers.rasters import read_raster
from phusong.layers.study import Study
from phusong.maps.report.document import Block, Paragraph, Picture
from phusong.maps.static import map_png, terrain_of
from phusong.maps.view import MapIndicator, MapView

WIDTH_PX, WIDTH_IN, SHARE = 1200, 7.2, 0.8
NEED = "need_index"


class _Wanted(NamedTuple):
    """One map: the first of these indicators that has data; ``full``: with villages and proposed sites on it."""

    ids: tuple[str, ...]
    full: bool = False


MAPS = (
    _Wanted(("people_covered_any_pct", "area_covered_any_pct"), full=True),
    _Wanted((NEED,)),
    _Wanted(("mean_time_post_min", "mean_service_radius_post_km", "same_day_mail")),
    _Wanted(("broadband_per_100", "adsl_per_100", "public_internet_point")),
)
"""Signal, need, post, broadband: one map each, as far as the study has data of it."""


def maps(facts: Facts) -> list[Block]:
    """The maps that can be drawn; none where the run made no table of communes."""
    tables, lang = facts.tables, facts.lang
    view = _view(facts.study, tables, lang)
    if view is None:
        return []
    shown: list[Block] = []
    terrain = terrain_of(view)
    known = {one.id for one in view.indicators}
    for wanted in MAPS:
        found = next((one for one in wanted.ids if one in known), None)
        if found is None:
            continue
        name = next(one for one in view.indicators if one.id == found).label[lang]
        drawn = view if wanted.full else replace(view, gap_villages=None, plan=None)
        held = BytesIO()
        map_png(drawn, held, indicator=found, lang=lang, width_px=WIDTH_PX, width_in=WIDTH_IN, terrain=terrain)
        caption = say("province_report.map_full" if wanted.full else "province_report.map", lang, indicator=name)
        alt = say("province_report.map_alt", lang, place=tables.settings.name, indicator=name)
        shown.append(Picture(held.getvalue(), caption, alt, SHARE))
    return [*shown, Paragraph(facts.say("map_note"), "note")] if shown else []


def _view(study: Study, tables: Tables, lang: Lang) -> MapView | None:
    units = tables.frame("units")
    if not isinstance(units, gpd.GeoDataFrame) or units.empty:
        return None
    need = tables.frame("need")
    if need is not None:
        found = need.set_index("code")[NEED].reindex(units["code"])
        units = gpd.GeoDataFrame(units.assign(**{NEED: found.to_numpy(dtype=np.float64, na_value=np.nan)}))
    wanted = [one for group in MAPS for one in group.ids if one in units and units[one].notna().any()]
    elevation = study.rasters_dir / "elevation.tif"
    return MapView(
        title="",  # name and date stand on the page
        lang=lang,
        synthetic=tables.synthetic,
        as_of="",
        units=units,
        indicators=_indicators(wanted),
        elevation=read_raster(elevation) if elevation.is_file() else None,
        villages=_places(tables.frame("villages")),
        gap_units=tables.frame("gaps"),
        gap_villages=tables.frame("gap_villages"),
        plan=tables.frame("plan"),
    )


def _places(frame: pd.DataFrame | None) -> gpd.GeoDataFrame | None:
    return frame if isinstance(frame, gpd.GeoDataFrame) and len(frame) else None


def _indicators(ids: Sequence[str]) -> tuple[MapIndicator, ...]:
    made = []
    for one in ids:
        if one == NEED:
            made.append(
                MapIndicator(one, {lang: say("map.field.need_index", lang) for lang in LANGS}, "", "number", "worse")
            )
            continue
        known = find(one, level="unit")
        made.append(
            MapIndicator(
                id=one,
                label={lang: indicator_label(one, lang) for lang in LANGS},
                unit=known.unit,
                kind=known.kind,
                higher_is=known.higher_is,
                modelled={"sectors", "elevation"} <= set(known.sources),
                placed="population" in known.sources,
                travelled="roads" in known.sources,
            )
        )
    return tuple(made)
