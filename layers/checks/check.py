"""Between layers: references, places against the elevation and the units, and how the units fit together."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import geopandas
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from rasterio.features import geometry_mask

from phusong.layers.checks.nearness import near_masts, plain_name, twice
from phusong.layers.checks.outlines import fit, told
from phusong.layers.checks.services import check_services
from phusong.layers.checks.validate import Checked
from phusong.layers.columns.cells import nearest
from phusong.layers.errors import Fault, InputError
from phusong.layers.grid import Grid, Raster
from phusong.layers.messages import Text
from phusong.layers.patterns import Patterns
from phusong.layers.schema import LAYERS

SITES_BEYOND_UNITS_KM = 20.0  # a mast farther off serves nobody here; nor does a node of a fibre network
PLACES_BEYOND_UNITS_KM = 5.0  # villages, posts and facilities belong to a unit; outlines are only so exact
HOME_TOLERANCE_KM = 1.0  # outside its own unit; nearer by, outlines and coordinates are only so exact
HEIGHTS_M = (-500.0, 9000.0)  # no land lies lower or higher
LAST_CLASS = 65534  # of a land cover; the next number marks no data in its file
UNKNOWN_COVER_PCT = 1.0  # a smaller part without land cover is the rounding of edges to cells
MAST_DBM = (33.0, 52.0)  # 2 to 160 W: half of a network's carriers below or above are no dBm
HIGH_M = 120.0  # half of a network's antennas are never so high above the ground
MOST_UNEVEN_DB = 6.0  # round an omnidirectional antenna, between its strongest and its weakest side
OTHER_BAND = 1.1  # times the frequency an antenna was measured at, or less than it by as much


def check_references(layers: Mapping[str, Checked]) -> dict[str, Checked]:
    """Each layer without the rows that refer to something that is not there, with a fault for each such row.

    Layers are taken in the schema's order, so a sector of a site that was left out is left out too. If the layer
    referred to is missing altogether, one fatal fault says so.
    """
    done = dict(layers)
    for name in (name for name in LAYERS if name in layers):
        for column, (target, target_column) in LAYERS[name].refers.items():
            checked = done[name]
            cells = checked.frame[column]
            given = cells.notna().to_numpy()
            if target not in done:
                if given.any() and not LAYERS[target].required:  # that a required layer is missing is said once
                    fault = checked.fault("fault.layer_referred_to_missing", column=column, fatal=True, target=target)
                    done[name] = checked.keep(np.ones(len(cells), dtype=bool), [fault])
                continue
            known = cells.isin(done[target].frame[target_column]).to_numpy()
            good = known | ~given
            meant = _without_zeros(done[target].frame[target_column])
            faults = []
            for i in np.flatnonzero(~good):
                params = {"found": str(cells.iloc[i]), "target": target, "target_column": target_column}
                code = "fault.reference"
                if params["found"] in meant:
                    code, params["meant"] = "fault.reference_zeros", meant[params["found"]]
                faults.append(Fault(code, checked.file, name, "", int(checked.rows[i]), column, params=params))
            done[name] = checked.keep(good, faults)
    return done


def _without_zeros(codes: pd.Series[str]) -> dict[str, str]:
    """Codes of digits that begin with 0, by what a spreadsheet makes of them."""
    return {code.lstrip("0"): code for code in codes.astype(str) if code.startswith("0") and code.isdigit()}


def check_patterns(sectors: Checked, patterns: Patterns, *, files: Collection[str]) -> Checked:
    """The sectors without those that name a pattern which is none of ``files`` or could not be read, a fault for each.

    A note on each sector without azimuth whose pattern is not alike all round, and on each whose pattern was measured
    in another band.
    """
    names = sectors.frame["pattern"]
    rows = patterns.rows(names)
    good = (rows >= 0) | names.isna().to_numpy()
    faults = []
    for i in np.flatnonzero(~good):
        found, row = str(names.iloc[i]), int(sectors.rows[i])
        if found in files:
            faults.append(sectors.fault("fault.pattern_broken", row=row, column="pattern", found=found))
        else:
            near = nearest(found, files) or "-"
            faults.append(sectors.fault("fault.pattern_missing", row=row, column="pattern", found=found, nearest=near))
    uneven = np.append(np.ptp(patterns.horizontal_db, axis=1) > MOST_UNEVEN_DB, False)  # -1 is the last one
    for i in np.flatnonzero(uneven[rows] & sectors.frame["azimuth_deg"].isna().to_numpy()):
        found, row = str(names.iloc[i]), int(sectors.rows[i])
        faults.append(sectors.fault("note.pattern_turned", row=row, column="azimuth_deg", found=found))
    measured = np.vstack([patterns.band_mhz, [[np.nan, np.nan]]])[rows]
    band = sectors.frame["band_mhz"].to_numpy(dtype=np.float64, na_value=np.nan)
    for i in np.flatnonzero((band < measured[:, 0] / OTHER_BAND) | (band > measured[:, 1] * OTHER_BAND)):
        low, high = (f"{mhz:g}" for mhz in measured[i])
        faults.append(
            sectors.fault(
                "note.pattern_band",
                row=int(sectors.rows[i]),
                column="pattern",
                found=str(names.iloc[i]),
                measured=low if low == high else f"{low}-{high}",
                band=f"{band[i]:g}",
            )
        )
    return sectors.keep(good, faults)


def check_sense(layers: Mapping[str, Checked]) -> list[Fault]:
    """Notes on what fits the schema and yet makes little sense: places outside their own unit, units of 0 people with
    peopled villages, more people of minorities than people, operators without a sector or written in two ways, powers
    that look like watts and heights like those above the sea, masts, sectors and points that may be there twice, more
    lines by kind than in all."""
    faults = [*_elsewhere(layers), *_zero_people(layers), *_operators(layers), *_minorities(layers)]
    if "sectors" in layers:
        faults += [*check_magnitudes(layers["sectors"]), *twice(layers["sectors"])]
    if "sites" in layers:
        faults += near_masts(layers["sites"], layers.get("sectors"))
    return faults + check_services(layers)


def check_magnitudes(sectors: Checked) -> list[Fault]:
    """Columns whose median looks like another unit: watts for dBm, heights above the sea for those above the ground."""
    power_dbm = sectors.frame["carrier_power_dbm"].median()
    height_m = sectors.frame["height_m"].median()
    faults = []
    if power_dbm > 0 and not MAST_DBM[0] <= power_dbm <= MAST_DBM[1]:
        side = Text("values.less" if power_dbm < MAST_DBM[0] else "values.more")
        made = f"{30 + 10 * np.log10(power_dbm):.1f}"
        median = f"{power_dbm:g}"
        faults.append(
            sectors.fault("note.power_in_watts", column="carrier_power_dbm", median=median, made=made, side=side)
        )
    if height_m > HIGH_M:
        faults.append(sectors.fault("note.heights_above_sea", column="height_m", median=f"{height_m:g}"))
    return faults


def _elsewhere(layers: Mapping[str, Checked]) -> list[Fault]:
    if "units" not in layers:
        return []
    outlines = layers["units"].frame.set_index("code").geometry
    faults = []
    for name, checked in layers.items():
        named = [column for column, (target, _) in LAYERS[name].refers.items() if target == "units"]
        if LAYERS[name].geometry != "point" or not named:
            continue
        given = np.flatnonzero(checked.frame[named[0]].notna())
        places = np.asarray(checked.frame.geometry.array)[given]
        homes = np.asarray(outlines.reindex(checked.frame[named[0]].iloc[given]).array)
        away_km = shapely.distance(places, homes) / 1000
        for i in np.flatnonzero(away_km > HOME_TOLERANCE_KM):
            row = int(checked.rows[given[i]])
            unit = checked.frame[named[0]].iloc[given[i]]
            params = {"distance_km": f"{away_km[i]:.1f}", "unit": unit}
            faults.append(checked.fault("note.elsewhere", row=row, column=named[0], **params))
    return faults


def _zero_people(layers: Mapping[str, Checked]) -> list[Fault]:
    if "units" not in layers or "villages" not in layers:
        return []
    units, villages = layers["units"], layers["villages"].frame
    people = villages.groupby("unit_code")["population"].sum().reindex(units.frame["code"]).to_numpy()
    odd = (units.frame["population"] == 0).to_numpy() & (people > 0)
    return [
        units.fault("note.zero_people", row=int(units.rows[i]), column="population", people=f"{people[i]:.0f}")
        for i in np.flatnonzero(odd)
    ]


def _minorities(layers: Mapping[str, Checked]) -> list[Fault]:
    """Units and villages with more people of ethnic minorities than people."""
    faults = []
    for checked in (layers[name] for name in ("units", "villages") if name in layers):
        people, minority = (
            checked.frame[name].to_numpy(dtype=np.float64) for name in ("population", "minority_people")
        )
        for i in np.flatnonzero(minority > people):
            found, whole = f"{minority[i]:.0f}", f"{people[i]:.0f}"
            row = int(checked.rows[i])
            fault = checked.fault("note.minority_people", row=row, column="minority_people", found=found, people=whole)
            faults.append(fault)
    return faults


def _operators(layers: Mapping[str, Checked]) -> list[Fault]:
    """Names in the sectors that differ by case or blanks only, and names in the reports that no sector has."""
    if "sectors" not in layers:
        return []
    sectors, faults = layers["sectors"], []
    plain: dict[str, str] = {}
    for found in sorted(sectors.frame["operator"].unique()):
        other = plain.setdefault(plain_name(found), found)
        if other != found:
            faults.append(sectors.fault("note.operator_alike", column="operator", found=found, other=other))
    if "signal_reports" in layers:
        reports = layers["signal_reports"]
        names, known = reports.frame["operator"], ", ".join(plain.values())
        for found in sorted(set(names.dropna()) - set(sectors.frame["operator"])):
            row = int(reports.rows[np.flatnonzero(names == found)[0]])
            faults.append(reports.fault("note.operator_unknown", row=row, column="operator", found=found, known=known))
    return faults


def check_places(layers: Mapping[str, Checked], elevation: Raster | None) -> dict[str, Checked]:
    """Layers without places that cannot be: sites off the elevation or on its voids, anything far from all units."""
    done = dict(layers)
    if "units" in done and len(done["units"].frame):
        outlines = shapely.STRtree(np.asarray(done["units"].frame.geometry.array))
        for name, checked in layers.items():
            if name not in ("units", "village_areas") and "point" in LAYERS[name].shapes:
                done[name] = _near(checked, outlines)
    if elevation is not None and "sites" in done:
        done["sites"] = _on_ground(done["sites"], elevation)
    return done


def _near(checked: Checked, outlines: shapely.STRtree) -> Checked:
    limit_km = SITES_BEYOND_UNITS_KM if checked.layer in ("sites", "fibre_nodes") else PLACES_BEYOND_UNITS_KM
    shapes = np.asarray(checked.frame.geometry.array, dtype=object)
    placed = np.flatnonzero([shape is not None for shape in shapes])
    near, _ = outlines.query_nearest(shapes[placed], max_distance=limit_km * 1000, all_matches=False)
    good = np.ones(len(shapes), dtype=bool)
    good[np.setdiff1d(placed, placed[near])] = False
    faults = []
    for i in np.flatnonzero(~good):
        _, away_m = outlines.query_nearest(shapes[i], return_distance=True, all_matches=False)
        away_km = f"{away_m[0] / 1000:.1f}"
        row = int(checked.rows[i])
        faults.append(checked.fault("fault.far_from_units", row=row, distance_km=away_km, limit_km=f"{limit_km:g}"))
    return checked.keep(good, faults)


def _on_ground(checked: Checked, elevation: Raster) -> Checked:
    points = checked.frame.geometry
    x_m, y_m = points.x.to_numpy(), points.y.to_numpy()
    inside = elevation.grid.inside(x_m, y_m)
    good = np.isfinite(elevation.bilinear(x_m, y_m))
    faults = [
        checked.fault(
            "fault.site_on_void" if inside[i] else "fault.outside_elevation",
            row=int(checked.rows[i]),
            x=f"{x_m[i]:.0f}",
            y=f"{y_m[i]:.0f}",
        )
        for i in np.flatnonzero(~good)
    ]
    return checked.keep(good, faults)


def check_elevation(elevation: Raster, units: geopandas.GeoDataFrame, *, file: str) -> list[Fault]:
    """A fatal fault if the elevation does not reach around all units or is void; a note on voids inside them."""
    grid = elevation.grid
    left, bottom, right, top = units.total_bounds
    have = grid.bounds
    slack = 1e-6 * grid.cell_m
    if left < have[0] - slack or bottom < have[1] - slack or right > have[2] + slack or top > have[3] + slack:
        shapes = units.geometry.bounds
        out = (shapes.minx < have[0] - slack) | (shapes.miny < have[1] - slack)
        out |= (shapes.maxx > have[2] + slack) | (shapes.maxy > have[3] + slack)
        params = {"count": int(out.sum()), "name": str(units["name"][out].iloc[0])}
        return [Fault("fault.elevation_too_small", file=file, layer="elevation", fatal=True, params=params)]
    inside = _inside(units, grid)
    voids = int((np.isnan(elevation.values) & inside).sum())
    if not voids:
        return []
    if voids == int(inside.sum()):
        return [Fault("fault.elevation_all_void", file=file, layer="elevation", fatal=True)]
    share_pct = 100 * voids / int(inside.sum())
    params = {"count": voids, "share_pct": f"{share_pct:.3g}"}
    return [Fault("note.elevation_voids", file=file, layer="elevation", params=params)]


def check_values(raster: Raster, *, layer: str, file: str) -> list[Fault]:
    """A fatal fault if an elevation holds what is no height on land in metres, a population raster less than nobody, or
    a land cover what is no class code: a whole number of 0 or more.

    Mostly a mark for no data that the file does not declare.
    """
    values = raster.values[~np.isnan(raster.values)]
    limits = {"elevation": HEIGHTS_M, "population": (0.0, np.inf), "land_cover": (0.0, float(LAST_CLASS))}
    low, high = limits[layer]
    good = (values >= low) & (values <= high) & np.isfinite(values)
    if layer == "land_cover":
        good &= values == np.floor(values)
    odd = values[~good]
    if not len(odd):
        return []
    params: dict[str, object] = {"count": len(odd), "found": f"{odd[np.argmax(np.abs(odd))]:g}"}
    if layer != "population":
        params |= {"minimum": f"{low:g}", "maximum": f"{high:g}"}
    codes = {"elevation": "fault.heights", "population": "fault.people_negative", "land_cover": "fault.classes"}
    return [Fault(codes[layer], file=file, layer=layer, fatal=True, params=params)]


def check_population(population: Raster, units: geopandas.GeoDataFrame, *, file: str) -> list[Fault]:
    """A note if the population raster holds nobody in any unit."""
    inside = _inside(units, population.grid, touched=True)
    if np.nansum(population.values[inside]) > 0:
        return []
    return [Fault("note.people_nowhere", file=file, layer="population")]


def check_land_cover(land_cover: Raster, units: geopandas.GeoDataFrame, *, file: str) -> list[Fault]:
    """A note on the part of the units whose land cover is not known."""
    inside = _inside(units, land_cover.grid)
    known_m2 = float((~np.isnan(land_cover.values) & inside).sum()) * land_cover.grid.cell_m**2
    share_pct = 100 * (1 - known_m2 / float(units.geometry.area.sum()))
    if share_pct < UNKNOWN_COVER_PCT:
        return []
    return [Fault("note.land_cover_unknown", file=file, layer="land_cover", params={"share_pct": f"{share_pct:.3g}"})]


def check_coverage(units: geopandas.GeoDataFrame, *, file: str) -> list[Fault]:
    """Notes on how the units' outlines fit: which overlap, where a hole is left between them, which edges differ.

    Overlaps and holes under 1 m2 are taken for rounding. A fatal fault if they lie many times over one another.
    """
    try:
        found = fit(np.asarray(units.geometry.array))
    except InputError as error:
        return [Fault(error.code, file=file, layer="units", fatal=True, params=error.params)]
    return told(found, units["name"].tolist(), file=file)


def _inside(units: geopandas.GeoDataFrame, grid: Grid, *, touched: bool = False) -> NDArray[np.bool_]:
    mask: NDArray[np.bool_] = geometry_mask(
        list(units.geometry), out_shape=grid.shape, transform=grid.transform, invert=True, all_touched=touched
    )
    return mask
