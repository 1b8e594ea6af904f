"""Template files and the page that documents the layers, both made from the schemas."""

from __future__ import annotations

from pathlib import Path

import geopandas
import pandas as pd

from phusong.layers.cells import column_of
from phusong.layers.messages import Lang, say
from phusong.layers.schema import LAYERS, RASTERS, RESERVED, Column, Layer
from phusong.layers.writers.tables import write_xlsx
from phusong.layers.writers.vectors import write_gpkg

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
    "indicator": "postal_points_count",
    "value": 156,
    "lon": 106.58213,
    "lat": 16.70341,
}


def write_templates(directory: str | Path, lang: Lang, *, crs: str = "EPSG:4326") -> list[Path]:
    """One workbook a layer, ready to be filled and imported, and what each column means; returns the paths.

    The first sheet bears the layer's name and holds the headings alone; the second says of each column its meaning,
    kind, unit, whether it is needed, its words or range and an example. Layers of polygons, which a table cannot hold,
    get an empty GeoPackage in ``crs`` as well.
    """
    paths = []
    for layer in LAYERS.values():
        columns = _columns(layer)
        headings = pd.DataFrame({name: pd.Series(dtype="str") for name in columns})
        sheets = {layer.name: headings, say("template.about_sheet", lang): _about(layer, lang)}
        paths.append(write_xlsx(sheets, Path(directory) / f"{layer.name}.xlsx"))
        if layer.geometry == "polygon":
            empty = {column.name: column_of([], column) for column in layer.all_columns}
            frame = geopandas.GeoDataFrame(empty, geometry=[], crs=crs)
            paths.append(write_gpkg({layer.name: frame}, Path(directory) / f"{layer.name}.gpkg"))
    return paths


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
        say(f"template.geometry.{layer.geometry}", lang),
        say("template.key", lang, key=", ".join(layer.key)),
    ]
    for column, (target, target_column) in layer.refers.items():
        sentences.append(say("template.refers", lang, column=column, target=target, target_column=target_column))
    if layer.required:
        sentences.append(say("template.required_layer", lang))
    return sentences


def _columns(layer: Layer) -> list[str]:
    places = ["lon", "lat"] if layer.geometry in ("point", "any") else []
    return [column.name for column in layer.columns] + places + [c.name for c in layer.all_columns[-3:]]


def _about(layer: Layer, lang: Lang) -> pd.DataFrame:
    heads = [
        say(f"template.{head}", lang) for head in ("column", "meaning", "kind", "unit", "needed", "words", "example")
    ]
    rows = []
    for name in _columns(layer):
        if name in ("lon", "lat"):
            needed = say("template.in_each_row" if layer.geometry == "point" else "template.no", lang)
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
    return EXAMPLES.get(column.name) or (column.words[0] if column.words else "yes" if column.kind == "yes_no" else "")


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
