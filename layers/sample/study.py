"""Writes the sample as a study folder: the synthetic province, or the same on given communes and elevation."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd

from phusong.layers.checks.validate import validate
from phusong.layers.errors import InputError
from phusong.layers.grid import Grid, Raster
from phusong.layers.messages import Lang, say
from phusong.layers.rasters import write_cog
from phusong.layers.readers import read_any
from phusong.layers.sample.content import populate
from phusong.layers.sample.figures import figures
from phusong.layers.sample.geography import geography
from phusong.layers.sample.refine import refine
from phusong.layers.sample.services import SATURATION_PER_100
from phusong.layers.schema import LAYERS
from phusong.layers.store import content_hash, key_of
from phusong.layers.study import PlanSettings, ProgressSettings, Province, RuleSettings, Settings, write_settings
from phusong.layers.writers.vectors import write_gpkg

CRS = "EPSG:9212"
VALID_ON = date(2012, 12, 31)
MARGIN_M = 8000.0
MARK = "sample.json"


def write_sample(
    directory: Path,
    *,
    lang: Lang,
    units_file: Path | None = None,
    elevation_file: Path | None = None,
    given_files: Mapping[str, Path] | None = None,
    cell_m: float = 90.0,
    seed: int = 2012,
    refresh: bool = False,
    progress: Callable[[str], None] = lambda code: None,
) -> bool:
    """Write the sample study; True if it was written, False if ``refresh`` found it up to date.

    ``units_file`` and ``elevation_file`` (together) replace the synthetic geography by real communes (their attributes
    kept) and by terrain whose means over the coarse cells are those of the file. ``given_files`` are real layers that
    are kept as they are, the rest being generated around them. InputError if the folder holds something else.
    """
    if (units_file is None) != (elevation_file is None):
        raise InputError("sample.both_files")
    given_files = dict(given_files or {})
    mark = {"seed": seed, "cell_m": cell_m, "code": _code_hash(), "lang": lang}
    files = {"units": units_file, "elevation": elevation_file, **given_files}
    mark |= {name: content_hash(path) for name, path in files.items() if path is not None and path.is_file()}
    if directory.exists() and any(directory.iterdir()):
        known = directory / MARK
        if not (refresh and known.is_file()):
            raise InputError("error.study_exists", directory=str(directory))
        if json.loads(known.read_text()) == mark:
            return False
    progress("sample.progress.geography")
    if units_file is None or elevation_file is None:
        place = geography(seed=seed, cell_m=cell_m)
        units, elevation, main_roads = place.units, place.elevation, place.roads.geometry.tolist()
        lines = {"borders": place.borders}
        name = say("sample.name", lang)
    else:
        units, main_roads, lines = _read("units", units_file), [], {}
        grid = Grid.covering(tuple(units.total_bounds), crs=CRS, cell_m=cell_m, margin_m=MARGIN_M)
        elevation = refine(units, elevation_file, grid=grid, seed=seed)
        name = say("sample.name_on_given", lang, units=units_file.name)
    given = {layer: _read(layer, path) for layer, path in given_files.items()}
    progress("sample.progress.content")
    layers = {"units": units} | lines | populate(units, elevation, seed=seed, given=given, main_roads=main_roads)
    progress("sample.progress.write")
    _write(directory, layers, elevation, name=name, cell_m=cell_m, lang=lang)
    (directory / MARK).write_text(json.dumps(mark, indent=1, sort_keys=True) + "\n")
    return True


def _write(
    directory: Path, layers: dict[str, pd.DataFrame], elevation: Raster, *, name: str, cell_m: float, lang: Lang
) -> None:
    published = figures()
    settings = Settings(
        name=name,
        language=lang,
        units_valid_on=layers["units"]["valid_on"].max().date(),
        crs=CRS,
        cell_m=cell_m,
        synthetic=True,
        province=Province(
            name=published.name, area_km2=published.province_area_km2, area_source=say("sample.area_source", lang)
        ),
        rules=RuleSettings(packs=("resolution_08", "mobile_signal", "mobile_operators", "postal_qcvn1")),
        progress=ProgressSettings(saturation={"broadband_per_100": SATURATION_PER_100}),
        plan=PlanSettings(technology="2G", budget_vnd=30e9),
    )
    for old in ("layers.gpkg", "rasters"):
        path = directory / old
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    (directory / "rasters").mkdir(parents=True, exist_ok=True)
    write_gpkg(layers, directory / "layers.gpkg")
    write_cog(elevation, directory / "rasters" / "elevation.tif")
    write_settings(settings, directory / "study.toml", lang=lang)


def _read(layer: str, path: Path) -> gpd.GeoDataFrame | pd.DataFrame:
    defaults: dict[str, Any] = {"as_of": VALID_ON, "valid_on": VALID_ON, "source": path.name}
    checked = validate(read_any(path, wanted=layer), LAYERS[layer], crs=CRS, defaults=defaults)
    if any(fault.fatal for fault in checked.faults) or checked.frame.empty:
        raise InputError("sample.given_refused", faults=tuple(checked.faults), file=path.name, layer=layer)
    return checked.frame


def _code_hash() -> str:
    """Hash of the code and figures the sample is made by."""
    root = Path(__file__).parent
    return key_of({str(p.relative_to(root)): content_hash(p) for p in root.rglob("*") if p.suffix in (".py", ".toml")})
