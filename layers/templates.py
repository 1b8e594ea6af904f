"""Forms that offices fill in and the page that documents the layers, both made from the schemas."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import geopandas
import pandas as pd
from pyproj import CRS
from pyproj.exceptions import CRSError as ProjError

from phusong.layers.columns.cells import column_of
from phusong.layers.columns.synonyms import heading_code
from phusong.layers.errors import CrsError, InputError
from phusong.layers.messages import Lang, has, say
from phusong.layers.places.projection import transformer
from phusong.layers.rasters import crs_text
from phusong.layers.schema import LAYERS, RASTERS, RESERVED, Column, Layer
from phusong.layers.writers.forms import TEXT_FORMAT, FormColumn, write_form
from phusong.layers.writers.vectors import write_gpkg

WGS_84 = "EPSG:4326"
_DAYS = ("1", "73415")  # 1900-01-01 and 2100-12-31 as spreadsheets count days
_PLACES = ("lon", "lat", "x_m", "y_m")
_SHAPES = {"point": "Point", "line": "MultiLineString", "polygon": "MultiPolygon", "any": "Unknown"}

EXAMPLES: dict[str, str | float] = {
    "as_of": "2012-12-31",
    "source": "Báo cáo 127-BC/TU",
    "synthetic": "no",
    "code": "19429",
    "valid_on": "2012-12-31",
    "name": "Hướng Phùng",
    "district": "Hướng Hóa",
    "population": 4100,
    "households": 980,
    "minority_people": 3300,
    "minority_pct": 80.5,
    "border_id": "BG-001",
    "area_km2": 126.5,
    "unit_code": 19429,
    "village_code": "19429-01",
    "cluster_id": "19429-01-a",
    "site_id": "QT0123",
    "sector_id": "QT0123-3G-1",
    "owner": "VNPT",
    "operator": "Viettel",
    "in_service_from": "2010-05-01",
    "in_service_to": "2030-12-31",
    "band_mhz": 2100,
    "bandwidth_mhz": 5,
    "carrier_power_dbm": 43,
    "pilot_share_pct": 10,
    "feeder_loss_db": 2,
    "antenna_gain_dbi": 18,
    "height_m": 36,
    "azimuth_deg": 120,
    "mechanical_tilt_deg": 2,
    "electrical_tilt_deg": 4,
    "beamwidth_h_deg": 65,
    "beamwidth_v_deg": 7,
    "pattern": "K742266_0900_T06.msi",
    "base_sensitivity_dbm": -104,
    "report_id": "R-001",
    "level_dbm": -104,
    "point_id": "P-001",
    "services": "bưu phẩm, chuyển tiền",
    "broadband_subscribers": 85,
    "telephone_subscribers": 1900,
    "fixed_telephones": 210,
    "facility_id": "F-001",
    "indicator": "points_post_count",
    "value": 156,
    "node_id": "N-001",
    "span_id": "S-001",
    "network_id": "a096d627-72e1-4f9b-b129-951b1737bff4",
    "network": "Cáp quang Quảng Trị",
    "phase": "Giai đoạn 1",
    "kind": "pop",
    "technology": "3G",
    "technologies": "ip",
    "providers": "VNPT; Viettel",
    "address": "Hùng Vương, Đông Hà",
    "international": "Savannakhet, LA",
    "publisher": "Sở Khoa học và Công nghệ Quảng Trị",
    "start_node": "N-001",
    "end_node": "N-002",
    "ready_on": "2012-06-30",
    "supplier": "VNPT",
    "medium": "fibre",
    "deployment": "aboveGround",
    "fibre_type": "G.652",
    "fibre_count": 24,
    "fibre_length_m": 63500,
    "capacity_gbps": 10,
    "capacity": 3,
    "adsl_subscribers": 80,
    "fttx_subscribers": 5,
    "road_id": "QL9-012",
    "class": "national",
    "surface": "paved",
    "river_id": "R-001",
    "width_m": 120,
    "crossing_id": "C-001",
    "wait_min": 10,
    "lon": 106.58213,
    "lat": 16.70341,
}


def write_template(layer: Layer, path: str | Path, lang: Lang, *, crs: str = WGS_84) -> Path:
    """The form of one layer for an office to fill in: an .xlsx file, or an empty .gpkg file for outlines and lines.

    The sheet bears the layer's name, headings in ``lang`` with their units, lists for closed words and yes or no,
    ranges for numbers and days, and an example row that is not imported, since its first cell begins with a mark
    (``Ví dụ:``); a second sheet holds notes. Coordinates are asked for in ``crs`` (degrees, or metres where it is
    projected; a code other than WGS 84 stands in their headings, so that the file says it). InputError if the layer
    does not fit the kind of file or the file is there already, CrsError if ``crs`` is unknown or cannot be named so.
    """
    path = Path(path)
    if path.suffix.lower() not in (".xlsx", ".gpkg"):
        raise InputError("form.which_suffix", found=path.suffix or path.name)
    if path.exists():
        raise InputError("form.there", file=path.name)
    try:
        crs = crs_text(crs)
    except ProjError as error:
        raise CrsError("read.unknown_crs", found=crs) from error
    if path.suffix.lower() == ".gpkg":
        if layer.geometry == "none":
            raise InputError("form.no_shapes", layer=layer.name)
        empty = {column.name: column_of([], column) for column in layer.all_columns}
        frame = geopandas.GeoDataFrame(empty, geometry=[], crs=crs)
        return write_gpkg({layer.name: frame}, path, shapes={layer.name: _SHAPES[layer.geometry]})
    if drawn(layer):
        code = "form.no_outlines" if layer.shapes == ("polygon",) else "form.no_lines"
        raise InputError(code, layer=layer.name)
    if layer.geometry != "none" and _measure(crs) is None:
        raise CrsError("form.crs", found=crs[:60])
    columns = [_form_column(layer, name, lang, crs=crs) for name in _columns(layer, crs=crs)]
    mark = say("form.example_mark", lang)
    columns[0] = _marked(columns[0], mark)
    how = [f"{say(f'layer.{layer.name}.title', lang)}. {say(f'layer.{layer.name}.about', lang)}"]
    how += [say("form.how", lang, mark=mark), say("form.empty", lang)]
    if layer.geometry != "none":
        how.append(_place_about(lang, crs=crs))
    how.append(say("form.import", lang, layer=layer.name))
    notes, notes_sheet = _notes(layer, columns, lang, crs=crs), say("form.notes_sheet", lang)
    return write_form(columns, path, sheet=layer.name, notes_sheet=notes_sheet, how=how, notes=notes)


def write_templates(directory: str | Path, lang: Lang) -> list[Path]:
    """The form of every layer in one folder, see ``write_template``."""
    paths = {name: Path(directory) / f"{name}.{'gpkg' if drawn(layer) else 'xlsx'}" for name, layer in LAYERS.items()}
    return [write_template(LAYERS[name], path, lang) for name, path in paths.items()]


def drawn(layer: Layer) -> bool:
    """Whether the layer's shapes must be drawn: no sheet can hold them."""
    return bool(layer.shapes) and "point" not in layer.shapes


def _measure(crs: str) -> str | None:
    """In what places are measured: "deg" or "m"; None of a CRS of another kind or without a code to name it by."""
    known = CRS.from_user_input(crs)
    units = {axis.unit_name for axis in known.axis_info}
    if not crs.startswith("EPSG:") or len(known.axis_info) != 2:
        return None
    return "deg" if known.is_geographic and units == {"degree"} else "m" if units == {"metre"} else None


def _form_column(layer: Layer, name: str, lang: Lang, *, crs: str) -> FormColumn:
    """A column of the form as its schema says."""
    if name in _PLACES:
        return _place_column(layer, name, lang, crs=crs)
    column = layer.column(name)
    unit = _unit(column.unit, lang)
    heading = say(heading_code(layer, name), lang) + (f" ({unit})" if unit else "") + ("" if column.nullable else " *")
    prompt = f"{column_about(layer.name, name, lang)}. {say('template.needed', lang)}: {_needed(column, lang)}"
    shown, words = example(column), _words(layer, column, lang)
    if column.kind == "date":
        day = "dd/mm/yyyy" if lang == "vi" else "yyyy-mm-dd"
        wanted = say("form.date_wanted", lang)
        return FormColumn(
            heading, date.fromisoformat(str(shown)), day, check="date", bounds=_DAYS, prompt=prompt, error=wanted
        )
    if words:
        wanted = say("form.word_wanted", lang, words=", ".join(words))
        first = words[(column.words or ("yes", "no")).index(str(shown))]
        return FormColumn(heading, first, words=words, prompt=prompt, error=wanted)
    if column.kind == "text":
        return FormColumn(heading, str(shown), TEXT_FORMAT, prompt=prompt)
    low, high = (None if bound is None else f"{bound:g}" for bound in (column.minimum, column.maximum))
    wanted = say("form.number_wanted", lang, range=_allowed(layer, column, lang), unit=unit) if low is not None else ""
    check = "whole" if column.kind == "integer" else "decimal"
    return FormColumn(heading, shown, check=check, bounds=(low, high), prompt=prompt, error=wanted)


def _place_column(layer: Layer, name: str, lang: Lang, *, crs: str) -> FormColumn:
    degrees, code = name in ("lon", "lat"), "" if crs == WGS_84 else f", {crs}"
    unit = _unit("deg", lang) if degrees else "m"
    heading = f"{say(heading_code(layer, name), lang)} ({unit}{code})" + ("" if layer.placeless else " *")
    edge = (180 if name == "lon" else 90) if degrees else 25_000_000
    allowed = say("template.range", lang, minimum=f"{-edge}", maximum=f"{edge}")
    wanted = say("form.number_wanted", lang, range=allowed, unit=unit)
    shown = _example_place(crs)[name in ("lat", "y_m")]
    bounds = (f"{-edge}", f"{edge}")
    return FormColumn(heading, shown, check="decimal", bounds=bounds, prompt=_place_about(lang, crs=crs), error=wanted)


def _place_about(lang: Lang, *, crs: str) -> str:
    """How coordinates are to be written."""
    return say(
        "form.degrees" if _measure(crs) == "deg" else "form.metres", lang, crs="WGS 84" if crs == WGS_84 else crs
    )


def _example_place(crs: str) -> tuple[float, float]:
    """The example's place in ``crs``: degrees to five decimals, metres to decimetres."""
    lon, lat = float(EXAMPLES["lon"]), float(EXAMPLES["lat"])
    x, y = transformer(WGS_84, crs).transform(lon, lat)
    digits = 5 if _measure(crs) == "deg" else 1
    return round(x, digits), round(y, digits)


def _marked(column: FormColumn, mark: str) -> FormColumn:
    return replace(column, example=f"{mark} {column.example}")


def _unit(unit: str, lang: Lang) -> str:
    return say(f"heading_unit.{unit}", lang) if has(f"heading_unit.{unit}") else unit.replace("2", "²")


def _words(layer: Layer, column: Column, lang: Lang) -> tuple[str, ...]:
    if column.kind == "yes_no":
        return say("form.yes", lang), say("form.no", lang)
    return tuple(say(f"word.{layer.name}.{column.name}.{word}", lang) for word in column.words)


def _notes(layer: Layer, columns: list[FormColumn], lang: Lang, *, crs: str) -> pd.DataFrame:
    heads = ["form.heading", *(f"template.{head}" for head in ("meaning", "kind", "needed", "words"))]
    rows = []
    for name, form in zip(_columns(layer, crs=crs), columns, strict=True):
        if name in _PLACES:
            needed = say("template.no" if layer.placeless else "template.in_each_row", lang)
            rows.append([form.heading, _place_about(lang, crs=crs), say("template.kinds.number", lang), needed, ""])
            continue
        column = layer.column(name)
        allowed = "; ".join(form.words) or _allowed(layer, column, lang)
        kind, about = say(f"template.kinds.{column.kind}", lang), column_about(layer.name, name, lang)
        rows.append([form.heading, about, kind, _needed(column, lang), allowed])
    return pd.DataFrame(rows, columns=[say(head, lang) for head in heads], dtype=object)


def layers_markdown(lang: Lang) -> str:
    """The page on all layers, rasters and reserved names, in Markdown."""
    parts = [f"# {say('template.title', lang)}", say("template.intro", lang)]
    for layer in LAYERS.values():
        parts += [f"## {layer.name}: {say(f'layer.{layer.name}.title', lang)}", " ".join(_sentences(layer, lang))]
        table = _about(layer, lang)
        lines = [f"| {' | '.join(table.columns)} |", f"|{' --- |' * table.shape[1]}"]
        lines += [f"| {' | '.join(map(_cell, row))} |" for row in table.itertuples(index=False)]
        parts.append("\n".join(lines))
    parts.append(f"## {say('template.rasters', lang)}")
    parts += [f"- `{name}.tif`: {say(f'layer.{name}.about', lang)}" for name in RASTERS]
    parts.append(say("template.reserved", lang, names=", ".join(RESERVED)))
    return "\n\n".join(parts) + "\n"


def column_about(layer: str, column: str, lang: Lang) -> str:
    """What a column means; columns every layer has share one text."""
    common = column in ("as_of", "source", "synthetic")
    return say(f"column.{'common' if common else layer}.{column}", lang)


def _sentences(layer: Layer, lang: Lang) -> list[str]:
    sentences = [
        say(f"layer.{layer.name}.about", lang),
        say(f"template.geometry.{'_'.join(layer.shapes) or 'none'}{'_placeless' if layer.placeless else ''}", lang),
        say("template.key", lang, key=", ".join(layer.key)),
    ]
    for column, (target, target_column) in layer.refers.items():
        sentences.append(say("template.refers", lang, column=column, target=target, target_column=target_column))
    if layer.required:
        sentences.append(say("template.required_layer", lang))
    return sentences


def _columns(layer: Layer, *, crs: str = WGS_84) -> list[str]:
    pair = _PLACES[:2] if _measure(crs) == "deg" else _PLACES[2:]
    places = list(pair) if "point" in layer.shapes else []
    return [column.name for column in layer.columns] + places + [c.name for c in layer.all_columns[-3:]]


def _about(layer: Layer, lang: Lang) -> pd.DataFrame:
    heads = [
        say(f"template.{head}", lang) for head in ("column", "meaning", "kind", "unit", "needed", "words", "example")
    ]
    rows = []
    for name in _columns(layer):
        if name in ("lon", "lat"):
            needed = say("template.no" if layer.placeless else "template.in_each_row", lang)
            kind = say("template.kinds.number", lang)
            rows.append([name, say(f"template.{name}", lang), kind, "deg", needed, "", EXAMPLES[name]])
            continue
        column = layer.column(name)
        kind = say(f"template.kinds.{column.kind}", lang)
        about = column_about(layer.name, name, lang)
        rows.append(
            [name, about, kind, column.unit, _needed(column, lang), _allowed(layer, column, lang), example(column)]
        )
    return pd.DataFrame(rows, columns=heads, dtype=object)


def example(column: Column) -> str | float:
    """A cell as it may be typed."""
    known = EXAMPLES.get(column.name, "yes" if column.kind == "yes_no" else "")
    return column.words[0] if column.words and known not in column.words else known


def _needed(column: Column, lang: Lang) -> str:
    if not column.nullable:
        return say("template.in_each_row", lang)
    if column.required:
        return say("template.column_only", lang)
    return say("template.default" if column.defaulted else "template.no", lang)


def _allowed(layer: Layer, column: Column, lang: Lang) -> str:
    if column.words:
        said = {word: say(f"word.{layer.name}.{column.name}.{word}", lang) for word in column.words}
        return "; ".join(word if text == word else f"{word} ({text})" for word, text in said.items())
    if column.minimum is not None and column.maximum is not None:
        return say("template.range", lang, minimum=f"{column.minimum:g}", maximum=f"{column.maximum:g}")
    return "" if column.minimum is None else say("template.at_least", lang, minimum=f"{column.minimum:g}")


def _cell(value: str | float) -> str:
    return str(value).replace("|", "\\|")
