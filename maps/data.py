"""A map view as the plain data that the page embeds: no markup, every text for ``textContent`` only."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from phusong.coverage.radio import NO_SERVER_DBM
from phusong.layers.messages import LANGS, Lang, catalogue, has, say
from phusong.layers.messages.format import day
from phusong.maps.classes import GAP_COLOUR, LEVEL_COLOURS, NO_DATA_COLOUR, classes_of
from phusong.maps.images import (
    MARGIN_BOUNDS_DB,
    MERCATOR,
    coverage_classes,
    frame_of,
    jpeg_uri,
    palette_png_uri,
    terrain_rgb,
)
from phusong.maps.travel import travel_picture
from phusong.maps.view import MapIndicator, MapTravel, MapView, Reasons

Json = dict[str, Any]
TERRAIN_LONGEST_PX = 1500
COVERAGE_LONGEST_PX = 1500
_DEGREE_DIGITS = 5  # about 1 m

# Which group an indicator stands in, by the beginning of its id; the first that fits. The groups in their order.
_OF_SERVICE = (
    r"(points|people_per|people_within|people_unreached|people_nothing_in_reach|mean|access|has|time|cut_off)_"
)
_OF_SERVICE += r"(\w*_)?"
_GROUPS = (
    ("need", r"need|people_affected|reasons|rank"),
    ("operators", r"(people|area)_covered_\dg_.+_pct"),
    ("mobile", r"people_(covered|signal)|area_covered|centre_|clusters_|signal_"),
    ("observed", r"observed_"),
    ("network", r"sites_|bts_|nearest_site"),
    ("post", rf"same_day|({_OF_SERVICE}|distance_)(post|post_office|culture_post|postal_agency)(_|$)"),
    ("services", rf"{_OF_SERVICE}|distance_"),
    ("online", r"readiness|institutions|government|\w+_(lan|broadband|government_network|video_conference)_(\w+_)?pct"),
    ("broadband", r"broadband|adsl|fttx|telephone|fixed|public_internet|fibre"),
    ("people", r"people|population|households|density|ethnic|programme"),
    ("land", r""),
)
_GROUP_ORDER = (
    "need",
    "mobile",
    "operators",
    "observed",
    "network",
    "post",
    "services",
    "broadband",
    "online",
    "people",
    "land",
)
# Units of measure that are counted, never cut in parts.
_WHOLE = ("persons", "households", "persons_per_point", "persons_per_bn_vnd")


@dataclass(frozen=True)
class Field:
    """One line of a popup: the column, how its cells are read, its unit and the number that one unit counts."""

    column: str
    kind: str = "text"  # text, word, words (several, between semicolons), yes_no, number
    unit: str = ""
    scale: float = 1.0


_VILLAGE = (
    Field("population", "number", "persons"),
    Field("households", "number", "households"),
    Field("grid_power", "yes_no"),
)
_GAP = (
    Field("people_affected", "number", "persons"),
    Field("need_index", "number"),
    Field("basis", "words"),
    Field("classes", "words"),
)
_VILLAGE_GAP = (
    Field("signal_state", "word"),
    Field("operators", "words"),
    Field("clusters_basis", "word"),
    Field("observed", "yes_no"),
    Field("predicted", "yes_no"),
    Field("nearest_covered_village_km", "number", "km"),
    Field("nearest_covered_village_name"),
    Field("nearest_site_km", "number", "km"),
    Field("nearest_site"),
)
_SITE = (
    Field("site_id"),
    Field("owner"),
    Field("operators"),
    Field("technologies"),
    Field("status", "word"),
    Field("shared", "yes_no"),
    Field("backhaul", "word"),
    Field("power_source", "word"),
)
_POSTAL = (Field("kind", "word"), Field("operator"), Field("same_day_mail", "yes_no"))
_SERVICE = (Field("kind", "word"), Field("operator"), Field("people_nearest", "number", "persons"))
_PLAN = (
    Field("unit_name"),
    Field("kind", "word"),
    Field("technology"),
    Field("band_mhz", "number", "MHz"),
    Field("height_m", "number", "m"),
    Field("ground_elevation_m", "number", "m"),
    Field("cost_vnd", "number", "bn_vnd", 1e9),
    Field("cost_cumulative_vnd", "number", "bn_vnd", 1e9),
    Field("people_new", "number", "persons"),
    Field("people_new_cumulative", "number", "persons"),
    Field("people_per_bn_vnd", "number", "persons_per_bn_vnd"),
    Field("off_grid", "yes_no"),
    Field("border", "yes_no"),
)


def page_data(view: MapView) -> Json:
    """Everything the page's script needs, of JSON's types only; texts in both languages."""
    shapes = _display_shapes(view.units)
    degrees = gpd.GeoSeries(shapes, crs=MERCATOR).to_crs("EPSG:4326")
    rounded = shapely.set_precision(np.asarray(degrees.array), 10.0**-_DEGREE_DIGITS, mode="pointwise")
    left, bottom, right, top = (round(float(v), 5) for v in shapely.total_bounds(rounded))
    data: Json = {
        "lang": view.lang,
        "title": view.title,
        "synthetic": view.synthetic,
        "as_of": {lang: date_text(view.as_of, lang) for lang in LANGS},
        "sources": list(view.sources),
        "methods": methods_of(view.units),
        "travelled": {lang: view.travelled.get(lang, "") for lang in LANGS},
        "asked": {lang: view.asked.get(lang, "") for lang in LANGS},
        "texts": _texts(),
        "bounds": [[bottom, left], [top, right]],
        "colours": {"no_data": NO_DATA_COLOUR, "gap": GAP_COLOUR},
        "indicators": _indicators(view),
        "first_indicator": view.first_indicator,
        "units": _units(view, rounded),
        "districts": _districts(view.units, rounded),
        "terrain": _terrain(view, shapes),
        "coverage": [_coverage(view, technology) for technology in view.margins],
        "travel": [_travel(travel) for travel in view.travel],
        "gap_units": view.gap_units is not None,
        "points": _points(view),
    }
    return data


def _texts() -> dict[Lang, dict[str, str]]:
    """The texts that the script itself says, by what follows ``map.`` in their code."""
    wanted = ("map.ui.", "map.word.", "map.group.", "map.method.")
    return {
        lang: {code[len("map.") :]: entry[lang] for code, entry in catalogue().items() if code.startswith(wanted)}
        for lang in LANGS
    }


def _both(code: str, fallback: str) -> dict[str, str]:
    return {lang: say(code, lang) if has(code) else fallback for lang in LANGS}


def unit_text(unit: str) -> dict[str, str]:
    """A unit of measure in both languages; one that the catalogue does not know stands as it is."""
    return _both(f"measure.{unit}", unit) if unit else dict.fromkeys(LANGS, "")


def date_text(text: str, lang: Lang) -> str:
    """An ISO date as the language writes it; any other text as it is."""
    try:
        return day(date.fromisoformat(text), lang)
    except ValueError:
        return text


def methods_of(units: pd.DataFrame) -> list[str]:
    """How people were placed in these communes: the methods, each once, sorted; empty if nobody told."""
    return sorted({method for method in _texts_of(units, "people_method") if method})


def group_of(indicator: MapIndicator) -> str:
    """The group an indicator stands in: its own, or the one that the beginning of its id tells."""
    return indicator.group or next(group for group, start in _GROUPS if re.match(start, indicator.id))


def numbers(frame: pd.DataFrame, column: str) -> NDArray[np.float64]:
    """A column as float64, shape (rows,): NaN for no data, yes 1 and no 0; all NaN if there is no such column."""
    if column not in frame.columns:
        return np.full(len(frame), np.nan)
    return np.asarray(
        pd.to_numeric(frame[column].astype("object"), errors="coerce").astype("float64"), dtype=np.float64
    )


def _shown(value: float, unit: str = "") -> float | int | None:
    """A number as short as it is shown: at least four digits, whole from 1,000 on; None for no data."""
    if not math.isfinite(value):
        return None
    if abs(value) >= 1000 or unit in _WHOLE:
        return round(value)
    short = float(f"{value:.5g}")
    return int(short) if short == int(short) else short


def _text(value: object) -> str | None:
    return None if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)) else str(value)


def _texts_of(frame: pd.DataFrame, column: str) -> list[str | None]:
    if column not in frame.columns:
        return [None] * len(frame)
    return [_text(v) for v in frame[column].astype("object")]


def _display_shapes(units: gpd.GeoDataFrame) -> NDArray[np.object_]:
    """The polygons in web Mercator, simplified together so that neighbours still touch."""
    shapes = np.asarray(units.geometry.to_crs(MERCATOR).array)
    left, bottom, right, top = shapely.total_bounds(shapes)
    tolerance_m = min(60.0, math.hypot(right - left, top - bottom) / 3000)
    simplified: NDArray[np.object_] = shapely.coverage_simplify(shapes, tolerance_m)
    return simplified


def _indicators(view: MapView) -> list[Json]:
    found = []
    for indicator in sorted(view.indicators, key=lambda one: _GROUP_ORDER.index(group_of(one))):
        values = numbers(view.units, indicator.id)
        breaks, colours = classes_of(values, indicator)
        found.append(
            _labelled(indicator)
            | {"breaks": breaks, "colours": colours, "values": [_shown(v, indicator.unit) for v in values]}
        )
    return found


def _labelled(indicator: MapIndicator) -> Json:
    label = {lang: indicator.label[lang] for lang in LANGS}
    return {
        "id": indicator.id,
        "label": label,
        "unit": unit_text(indicator.unit),
        "kind": indicator.kind,
        "group": group_of(indicator),
        "modelled": indicator.modelled,
        "placed": indicator.placed,
        "travelled": indicator.travelled,
    }


def _units(view: MapView, shapes: NDArray[np.object_]) -> list[Json]:
    units = view.units
    codes, names, districts, methods = (_texts_of(units, c) for c in ("code", "name", "district", "people_method"))
    gaps = _gaps(view.gap_units, view.reasons)
    found = []
    for i, shape in enumerate(shapes):
        centre = shape.representative_point()
        found.append(
            {
                "code": codes[i],
                "name": names[i] or codes[i],
                "district": districts[i],
                "method": methods[i],
                "geometry": _rings(shape),
                "centre": [round(centre.y, _DEGREE_DIGITS), round(centre.x, _DEGREE_DIGITS)],
                "gap": gaps.get(codes[i] or ""),
            }
        )
    return found


def _rings(shape: shapely.Geometry) -> Json:
    geometry: Json = shapely.geometry.mapping(shape)
    return {"type": geometry["type"], "coordinates": _rounded(geometry["coordinates"])}


def _rounded(coordinates: Any) -> Any:
    if isinstance(coordinates, float):
        return round(coordinates, _DEGREE_DIGITS)
    return [_rounded(part) for part in coordinates]


def _districts(units: gpd.GeoDataFrame, shapes: NDArray[np.object_]) -> list[Json]:
    """Name, outline and middle of each district; none where units have no districts or only one."""
    names = pd.Series(_texts_of(units, "district"), dtype="object")
    groups = names.dropna().groupby(names).groups
    found = []
    for name, rows in groups.items() if len(groups) > 1 else ():
        whole = shapely.union_all(shapes[list(rows)])
        middle = whole.representative_point()
        found.append(
            {
                "name": name,
                "geometry": _rings(shapely.boundary(whole)),
                "centre": [round(middle.y, _DEGREE_DIGITS), round(middle.x, _DEGREE_DIGITS)],
                "bounds": [[round(v, 5) for v in whole.bounds[1::-1]], [round(v, 5) for v in whole.bounds[:1:-1]]],
            }
        )
    return found


def _gaps(gap_units: pd.DataFrame | None, reasons: Reasons) -> dict[str, Json]:
    if gap_units is None:
        return {}
    fields = _present(gap_units, _GAP)
    values = _columns(gap_units, fields)
    ranks, low, high = (numbers(gap_units, name) for name in ("rank", "rank_low", "rank_high"))
    found: dict[str, Json] = {}
    for i, code in enumerate(_texts_of(gap_units, "code")):
        rank = i + 1 if math.isnan(ranks[i]) else int(ranks[i])
        lines = {field.column: column[i] for field, column in zip(fields, values, strict=True)}
        sure = {} if math.isnan(low[i]) else {"rank_low": int(low[i]), "rank_high": int(high[i])}
        found[code or ""] = {"rank": rank, "reasons": _reasons(reasons, code)} | sure | lines
    return found


def _reasons(reasons: Reasons, code: str | None) -> Json:
    said: Mapping[Lang, list[str]] = reasons.get(code or "", {})
    return {lang: list(said.get(lang, [])) for lang in LANGS}


def _terrain(view: MapView, shapes: NDArray[np.object_]) -> Json | None:
    if view.elevation is None:
        return None
    frame = frame_of(view.elevation, longest_px=TERRAIN_LONGEST_PX)
    picture = terrain_rgb(view.elevation, frame, inside=list(shapes))
    return {"url": jpeg_uri(picture), "bounds": frame.corners}


def _coverage(view: MapView, technology: str) -> Json:
    margin = view.margins[technology]
    frame = frame_of(margin, longest_px=COVERAGE_LONGEST_PX)
    return {
        "technology": technology,
        "url": palette_png_uri(coverage_classes(margin, frame), LEVEL_COLOURS),
        "bounds": frame.corners,
        "bounds_db": list(MARGIN_BOUNDS_DB),
        "required_dbm": [_shown(dbm) for dbm in view.required_dbm[technology]],
        "colours": [f"rgba({r},{g},{b},{a / 255:.2f})" for r, g, b, a in LEVEL_COLOURS[1:]],
    }


def _travel(travel: MapTravel) -> Json:
    """The picture of a service, and the layer of its points."""
    layer = _layer(travel.points, _SERVICE, id_column="point_id")
    for row, lost in zip(layer["rows"], numbers(travel.points, "in_reach_of_nobody"), strict=True):
        row["lost"] = bool(lost == 1)
    return travel_picture(travel) | layer


def _points(view: MapView) -> dict[str, Json]:
    """The point layers by id, in the order they are drawn; absent ones are left out."""
    layers: dict[str, Json] = {}
    unit_names = dict(zip(_texts_of(view.units, "code"), _texts_of(view.units, "name"), strict=True))
    if view.villages is not None:
        layers["villages"] = _village_points(view, view.villages, unit_names)
    if view.postal_points is not None:
        layers["postal_points"] = _layer(view.postal_points, _POSTAL, id_column="point_id")
    if view.sites is not None:
        layers["sites"] = _layer(view.sites, _SITE, id_column="site_id")
        for row, status in zip(layers["sites"]["rows"], _texts_of(view.sites, "status"), strict=True):
            row["on_air"] = status in (None, "in_service")
    for name, gaps in gap_village_points(view).items():
        layers[name] = _layer(gaps, (*_VILLAGE_GAP, *_VILLAGE[2:], *_GAP), id_column="code")
        states = _texts_of(gaps, "signal_state")
        for row, code, state in zip(layers[name]["rows"], _texts_of(gaps, "code"), states, strict=True):
            row["reasons"] = _reasons(view.village_reasons, code)
            row["partly"] = state == "none_at_cluster"
        _tell_units(layers[name], gaps, unit_names)
    plan = plan_points(view)
    if plan is not None:
        layers["plan"] = _layer(plan, _PLAN, id_column="candidate_id")
        for row, rank in zip(layers["plan"]["rows"], numbers(plan, "rank"), strict=True):
            row["rank"] = int(rank)
    return layers


def _village_points(view: MapView, villages: gpd.GeoDataFrame, unit_names: Mapping[str | None, str | None]) -> Json:
    layer = _layer(villages, _VILLAGE, id_column="code")
    for indicator in sorted(view.village_indicators, key=lambda one: _GROUP_ORDER.index(group_of(one))):
        layer["fields"].append(_labelled(indicator))
        for row, value in zip(layer["rows"], numbers(villages, indicator.id), strict=True):
            no_mast = indicator.unit == "dBm" and value <= NO_SERVER_DBM
            row["values"].append("no_mast_in_range" if no_mast else _shown(value, indicator.unit))
    for row, code in zip(layer["rows"], _texts_of(villages, "code"), strict=True):
        if code in view.village_reasons:
            row["reasons"] = _reasons(view.village_reasons, code)
    _tell_units(layer, villages, unit_names)
    return layer


def _tell_units(layer: Json, frame: pd.DataFrame, unit_names: Mapping[str | None, str | None]) -> None:
    for row, code in zip(layer["rows"], _texts_of(frame, "unit_code"), strict=True):
        row["unit"] = unit_names.get(code) if code is not None else None


def gap_village_points(view: MapView) -> dict[str, gpd.GeoDataFrame]:
    """The gap villages as points, by layer: ``gap_villages`` without signal at the centre or at a cluster, and
    ``other_villages`` that lack something else, such as a second operator. A layer without points is left out; where
    the list tells no state, all are of the first. Empty if there is no list."""
    gaps = _placed_gap_villages(view)
    if gaps is None:
        return {}
    if "signal_state" not in gaps.columns:
        return {"gap_villages": gaps}
    silent = gaps["signal_state"].isin(["none_at_centre", "none_at_cluster"])
    return {"gap_villages": gaps[silent]} | ({} if silent.all() else {"other_villages": gaps[~silent]})


def _placed_gap_villages(view: MapView) -> gpd.GeoDataFrame | None:
    """The list with its own geometry, else with that of the villages by code."""
    gaps = view.gap_villages
    if gaps is None or (isinstance(gaps, gpd.GeoDataFrame) and gaps.active_geometry_name is not None):
        return gaps
    if view.villages is None:
        return gpd.GeoDataFrame(gaps.iloc[:0], geometry=gpd.GeoSeries([], crs="EPSG:4326"))
    taken = [c for c in ("code", "geometry", "name", "unit_code", "grid_power") if c not in gaps.columns or c == "code"]
    places = pd.DataFrame(view.villages).assign(geometry=view.villages.geometry)
    joined = gaps.merge(places[[c for c in taken if c in places.columns]], on="code", how="inner")
    return gpd.GeoDataFrame(joined, geometry="geometry", crs=view.villages.crs)


def plan_points(view: MapView) -> gpd.GeoDataFrame | None:
    """The proposed sites as points in WGS 84, from their ``lon`` and ``lat``; None if there is no plan."""
    if view.plan is None:
        return None
    places = gpd.points_from_xy(view.plan["lon"], view.plan["lat"])
    return gpd.GeoDataFrame(view.plan, geometry=places, crs="EPSG:4326")


def _present(frame: pd.DataFrame, fields: Iterable[Field]) -> list[Field]:
    return [field for field in fields if field.column in frame.columns]


def _columns(frame: pd.DataFrame, fields: Sequence[Field]) -> list[list[Any]]:
    columns: list[list[Any]] = []
    for field in fields:
        if field.kind in ("number", "yes_no"):
            columns.append([_shown(v, field.unit) for v in numbers(frame, field.column) / field.scale])
        elif field.kind == "words":
            columns.append(
                [None if v is None else [w for w in v.split(";") if w] for v in _texts_of(frame, field.column)]
            )
        else:
            columns.append(list(_texts_of(frame, field.column)))
    return columns


def _layer(frame: gpd.GeoDataFrame, fields: Iterable[Field], *, id_column: str) -> Json:
    """A point layer: the fields of its popup, and a row a point; points without a place are left out by the caller."""
    shown = _present(frame, fields)
    columns = _columns(frame, shown)
    places = frame.geometry.to_crs("EPSG:4326")
    names, ids = _texts_of(frame, "name"), _texts_of(frame, id_column)
    return {
        "fields": [
            {
                "id": f.column,
                "label": _both(f"map.field.{f.column}", f.column),
                "unit": unit_text(f.unit),
                "kind": f.kind,
            }
            for f in shown
        ],
        "rows": [
            {
                "at": [round(float(y), _DEGREE_DIGITS), round(float(x), _DEGREE_DIGITS)],
                "name": names[i] or ids[i] or "",
                "values": [column[i] for column in columns],
            }
            for i, (x, y) in enumerate(zip(places.x, places.y, strict=True))
        ],
    }
