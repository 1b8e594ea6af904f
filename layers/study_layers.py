"""A study's layers: read whole from its folder, or brought in one file at a time."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from phusong.layers.checks.check import (
    check_coverage,
    check_elevation,
    check_land_cover,
    check_patterns,
    check_places,
    check_population,
    check_references,
    check_sense,
    check_values,
)
from phusong.layers.checks.validate import Checked, validate
from phusong.layers.columns.cells import nearest
from phusong.layers.dated.units import check_dates
from phusong.layers.errors import CrsError, Fault, InputError
from phusong.layers.grid import Raster
from phusong.layers.patterns import Patterns
from phusong.layers.rasters import crs_text, read_raster
from phusong.layers.readers.pattern import pattern_files, read_patterns
from phusong.layers.readers.vector import layer_names, read_vector
from phusong.layers.schema import LAYERS, RASTERS, RESERVED

_OF_QGIS = frozenset({"layer_styles", "qgis_projects"})


class StudyLayers(NamedTuple):
    """What a study's folder holds after validation, and everything wrong with it (fatal faults stop a run)."""

    layers: dict[str, pd.DataFrame]
    elevation: Raster | None
    population: Raster | None
    land_cover: Raster | None
    faults: tuple[Fault, ...]
    patterns: Patterns = Patterns()

    @property
    def fatal(self) -> bool:
        """Whether a run must not start."""
        return any(fault.fatal for fault in self.faults)


def read_layers(
    gpkg: str | Path, rasters: str | Path, *, crs: str, units_valid_on: date, patterns: str | Path | None = None
) -> StudyLayers:
    """All layers of a study, validated again (they may have been edited in QGIS), its rasters, and all faults.

    Units are those valid on ``units_valid_on``. Rows with a fault, orphans and impossible places are left out and
    listed; a missing required layer, another CRS, a date without units and an elevation too small are fatal.
    InputError if the GeoPackage cannot be read.
    """
    gpkg = Path(gpkg)
    # a new study has none yet: its required layers are missing; a layer's name counts without case, as in the file
    names = {name.lower(): name for name in layer_names(gpkg)} if gpkg.exists() else {}
    faults = _unknown_layers(list(names.values()), file=gpkg.name)
    checked = {
        name: validate(read_vector(gpkg, layer=names[name]), layer, crs=crs, reproject=False)
        for name, layer in LAYERS.items()
        if name in names
    }
    if "units" in checked:
        checked["units"] = _valid_on(checked["units"], units_valid_on)
    for name in (name for name, layer in LAYERS.items() if layer.required and name not in names):
        faults.append(Fault("fault.missing_layer", file=gpkg.name, layer=name, fatal=True))
    elevation, population, land_cover = (
        _raster(Path(rasters) / f"{name}.tif", crs=crs, faults=faults) for name in RASTERS
    )
    usable = {name: one for name, one in checked.items() if not one.fatal and len(one.frame)}
    lost = [one for name, one in checked.items() if name not in usable]
    usable = check_dates(check_references(check_places(usable, elevation)), units_valid_on=units_valid_on)
    measured = Patterns()
    if "sectors" in usable and patterns is not None:
        named = usable["sectors"].frame["pattern"].dropna()
        measured, odd = read_patterns(patterns, named)
        faults += odd
        usable["sectors"] = check_patterns(usable["sectors"], measured, files=pattern_files(patterns))
    usable_faults = [fault for name in checked if name in usable for fault in usable[name].faults]
    faults += [fault for one in lost for fault in one.faults] + usable_faults
    layers = {name: one.frame for name, one in usable.items() if len(one.frame)}
    if "units" in layers:
        faults += check_coverage(layers["units"], file=gpkg.name)
        if elevation is not None:
            faults += check_elevation(elevation, layers["units"], file="elevation.tif")
        if population is not None:
            faults += check_population(population, layers["units"], file="population.tif")
        if land_cover is not None:
            faults += check_land_cover(land_cover, layers["units"], file="land_cover.tif")
    faults += check_sense({name: one for name, one in usable.items() if name in layers})
    if not (Path(rasters) / "elevation.tif").is_file():
        faults.append(Fault("fault.missing_elevation", file="elevation.tif", layer="elevation", fatal=True))
    return StudyLayers(layers, elevation, population, land_cover, tuple(faults), measured)


def _unknown_layers(names: list[str], *, file: str) -> list[Fault]:
    faults = []
    for name in names:
        if name.lower() in (*LAYERS, *RESERVED, *_OF_QGIS):
            continue
        near = nearest(name, (*LAYERS, *RESERVED))
        code = "note.unknown_layer" if near is None else "note.unknown_layer_near"
        faults.append(Fault(code, file=file, layer=name, params={} if near is None else {"nearest": near}))
    return faults


def _valid_on(units: Checked, day: date) -> Checked:
    """The units of one date; a fatal fault naming the dates there are if there are none."""
    if units.fatal or not len(units.frame):
        return units
    dates = units.frame["valid_on"]
    good = (dates == np.datetime64(day, "s")).to_numpy()
    if good.any():
        return units.keep(good, [])
    there = ", ".join(sorted(set(dates.dt.strftime("%Y-%m-%d"))))
    fault = units.fault("fault.no_units_on_date", column="valid_on", fatal=True, asked=day.isoformat(), found=there)
    return replace(units, faults=(*units.faults, fault))


def _raster(path: Path, *, crs: str, faults: list[Fault]) -> Raster | None:
    """A raster of the study, None if it is not there or not usable (then a fatal fault is added)."""
    if not path.is_file():
        return None
    try:
        raster = read_raster(path)
    except (InputError, CrsError) as error:
        faults.append(Fault(error.code, layer=path.stem, fatal=True, params=error.params))
        return None
    if crs_text(raster.grid.crs) != crs_text(crs):
        params = {"found": raster.grid.crs, "expected": crs}
        faults.append(Fault("fault.mixed_crs", file=path.name, layer=path.stem, fatal=True, params=params))
        return None
    odd = check_values(raster, layer=path.stem, file=path.name)
    faults += odd
    return None if odd else raster
