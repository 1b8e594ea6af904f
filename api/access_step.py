"""The access step: travel to every service over the study's ground, as rasters, areas and tables."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from phusong.api.access import WAY_LAYERS, friction_of, rests_on, services_of, title_of
from phusong.api.pipeline import Job, Made
from phusong.api.radio import tags_of
from phusong.coverage.access.friction import Friction
from phusong.coverage.access.isochrones import cell_areas, isochrones
from phusong.coverage.access.serving import Served, serve
from phusong.coverage.access.travel_time import BEYOND_LIMIT, CUT_OFF, IMPASSABLE, REACHED, residual
from phusong.coverage.indicators import Indicator, expand
from phusong.coverage.population import People
from phusong.coverage.zonal import Zones
from phusong.layers.errors import ComputeError, Fault
from phusong.layers.messages import LANGS
from phusong.layers.rasters import write_cog
from phusong.layers.writers.vectors import export, write_geoparquet, write_gpkg

NO_DATA = -32_768
CODES = {CUT_OFF: -1, IMPASSABLE: -2, BEYOND_LIMIT: -3}
"""What the rasters of travel hold where no point is reached, by the reason; ``NO_DATA`` where the ground is unknown."""
NOT_REACHED = "-1 cut off, -2 water or closed ground, -3 beyond the limit"
MOST = 32_767
ALWAYS = ("cells", "links", "points", "points_used", "people")
"""Counts that stand in the run record even where they are 0."""
KEPT_BITS, HALF_BIT = np.uint32(0xFFFFE000), np.uint32(0x1000)
"""Of a share in a raster: its first 10 binary digits, rounded (0.05 %), so that the file is half as large."""


def access_step(job: Job) -> Made:
    """Travel time, nearest point and catchment of each service; a service without points has no files."""
    served, grounds = _served(job)
    proven = _proven(served, grounds)
    job.progress(0.7)
    listed = _points(job, served)
    files = [
        _json(job, served, grounds),
        write_geoparquet(listed, job.path("access_points.parquet")),
        *export(
            job.marked(listed.drop(columns=["lon", "lat"])), job.draft.directory, "access_points", formats=["csv"]
        ).values(),
        *export(
            job.marked(_notes(job, served, grounds)), job.draft.directory, "access_notes", formats=["csv"]
        ).values(),
    ]
    for one in served.values():
        files += _rasters(job, one, tags=_tags(job, one, grounds[one.service.mode]))
    job.progress(0.85)
    inside = _inside(job.value("people").zones)
    for name, areas in (("isochrones", _isochrones), ("catchments", _catchments)):
        rows = [areas(one, inside) for one in served.values() if one.service.timed and one.travel is not None]
        if rows:
            made = job.marked(pd.concat(rows, ignore_index=True))
            lang = job.settings.language
            made["ground"] = [rests_on(served[service], job.settings, lang) for service in made["service"]]
            files.append(write_geoparquet(made, job.path(f"{name}.parquet")))
            files.append(write_gpkg({name: made}, job.path(f"{name}.gpkg")))
    return Made(served, files, _counts(served, grounds) | proven)


def load_access(job: Job) -> dict[str, Served]:
    """The result of ``access_step``, computed again: it is asked for only where an indicator is computed anew."""
    return _served(job)[0]


def _proven(served: dict[str, Served], grounds: dict[str, Friction]) -> dict[str, float]:
    """The residual of the first search on each ground, 0 for an exact answer: every move and link is looked up anew.

    ComputeError if it is not 0 to a billionth of the largest cost.
    """
    found: dict[str, float] = {}
    for mode, ground in grounds.items():
        travel = next((one.travel for one in served.values() if one.mode == mode and one.travel is not None), None)
        if travel is None:
            continue
        worst = found[f"{mode}_residual"] = residual(ground.surface, travel)
        if worst > 1e-9 * float(travel.cost[np.isfinite(travel.cost)].max(initial=0.0)):
            raise ComputeError("access.error.not_proven", mode=mode, residual=f"{worst:g}")
    return found


def _served(job: Job) -> tuple[dict[str, Served], dict[str, Friction]]:
    """Every service by id, and the ground of each way of moving."""
    people: People = job.value("people")
    asked, settings = services_of(job.settings, job.inputs.layers), job.settings.access
    grounds: dict[str, Friction] = {}
    served: dict[str, Served] = {}
    for done, (service, points) in enumerate(asked.items()):
        if service.mode not in grounds:
            grounds[service.mode] = friction_of(job.inputs, service.mode)
        limit_min = settings.max_min if settings.max_min is not None and service.timed else np.inf
        served[service.id] = serve(
            service,
            points,
            people=people,
            friction=grounds[service.mode],
            neighbours=settings.neighbours,
            limit_min=limit_min,
        )
        job.progress(0.7 * (done + 1) / len(asked))
    return served, grounds


def access_table(job: Job, units: pd.DataFrame, served: Mapping[str, Served]) -> pd.DataFrame:
    """A row a commune and service with what the indicator table tells of it; ``ground``: what its times rest on."""
    lang = job.settings.language
    head = job.units[[name for name in ("code", "valid_on", "name", "district") if name in job.units]]
    parts = []
    for service, one in served.items():
        own = [
            i for i in expand("unit", technologies=(), services=(service,)) if i.service == service and i.id in units
        ]
        about = {"service": service, "title": title_of(one.service, lang)}
        figures = {_short(each): units[each.id].to_numpy() for each in own}
        said = {"supply_per_people": one.service.per, "basis": one.basis, "season": one.season}
        told = {"ground": rests_on(one, job.settings, lang)}
        parts.append(pd.DataFrame(head).reset_index(drop=True).assign(**about, **figures, **said, **told))
    if not parts:
        return pd.DataFrame(columns=["code", "name", "service"])
    table = pd.concat(parts, ignore_index=True)
    last = ["supply_per_people", "basis", "season", "ground"]
    return table[[name for name in table if name not in last] + last]


def _short(indicator: Indicator) -> str:
    """The id of an indicator of a service without the service: people_within_3km_pct."""
    bare = indicator.template.replace("{service}_", "").replace("_{service}", "")
    return bare.format(limit=indicator.limit)


# rasters


def _rasters(job: Job, one: Served, *, tags: dict[str, str]) -> Iterator[Path]:
    """Whole minutes rounded up (none for a cable), row of the nearest point, and catchment, of every cell."""
    name, grid = one.service.id, one.grid
    if one.travel is None:
        return
    unreached = tags | {"not_reached": NOT_REACHED}
    if one.service.timed:
        minutes = _lived(one, _coded(np.ceil(one.travel.cost), one.reasons, most=MOST).astype(np.int16))
        path = job.path(f"travel_time_{name}.tif")
        yield write_cog({name: minutes}, path, grid=grid, nodata=NO_DATA, tags=unreached | {"unit": "min"})
    nearest = _lived(one, one.nearest_raster)
    path = job.path(f"nearest_{name}.tif")
    table = {"unit": "row", "rows_of": f"access_points.csv, service {name}, counted from 0"}
    yield write_cog({name: nearest}, path, grid=grid, nodata=-1, tags=tags | table)
    if one.catchment is not None:
        about = {"unit": f"supply per {one.service.per} people", "method": one.service.method}
        yield write_cog({name: short(one.access_raster)}, job.path(f"access_{name}.tif"), grid=grid, tags=tags | about)


def short(shares: NDArray[np.float32]) -> NDArray[np.float32]:
    """Shares (not negative, or NaN) to 10 binary digits, any shape."""
    return ((shares.view(np.uint32) + HALF_BIT) & KEPT_BITS).view(np.float32)


def _lived(one: Served, values: NDArray[Any]) -> NDArray[Any]:
    """The same raster, with the value of the land they stand on where people live in water or a void beside it."""
    moved = (one.stand >= 0) & (one.stand != one.cells)
    found = values.flatten()
    found[one.cells[moved]] = found[one.stand[moved]]
    return found.reshape(values.shape)


def _coded(cost: NDArray[np.float64], reasons: NDArray[np.int8], *, most: int) -> NDArray[np.float64]:
    """Costs where reached (at most ``most``), else the code of the reason, shape as given."""
    coded = np.full(cost.shape, float(NO_DATA))
    for reason, code in CODES.items():
        coded[reasons == reason] = code
    reached = reasons == REACHED
    coded[reached] = np.minimum(cost[reached], most)
    return coded


def _tags(job: Job, one: Served, ground: Friction) -> dict[str, str]:
    """What a raster says of itself: date, service, sources, and the ground that was travelled."""
    asked, rested = job.settings.access, (one.service.layer, *WAY_LAYERS)
    sources = {
        str(source)
        for name in rested
        if name in job.inputs.layers
        for source in job.inputs.layers[name]["source"].dropna().unique()
    }
    synthetic = job.inputs.synthetic((*rested, "elevation", "land_cover"))
    own = {
        "service": one.service.id,
        "title": title_of(one.service, job.settings.language),
        "source": "; ".join(sorted(sources)),
        "mode": one.mode,
        "walking": one.walking,
        "season": one.season,
        "basis": ground.basis,
        "told": rests_on(ground, job.settings, job.settings.language),
        "neighbours": str(asked.neighbours),
    }
    if asked.max_min is not None and one.service.timed:
        own["max_min"] = f"{asked.max_min:g}"
    return tags_of(job.settings) | ({"synthetic": "yes"} if synthetic else {}) | own


# areas


def _inside(zones: Zones) -> NDArray[np.bool_]:
    """Cells that any commune touches, (rows, cols)."""
    inside = np.zeros(int(np.prod(zones.grid.shape)), dtype=np.bool_)
    inside[zones.cell] = True
    return inside.reshape(zones.grid.shape)


def _isochrones(one: Served, inside: NDArray[np.bool_]) -> gpd.GeoDataFrame:
    """A row a limit of the service, within the communes: minutes, area, people, MultiPolygon."""
    assert one.travel is not None  # noqa: S101  the caller asks for no other
    cost = np.where(inside, _lived(one, one.travel.cost), np.inf)
    limits = [limit for limit in one.service.limits_min if limit <= one.travel.limit]
    found = isochrones(replace(one.travel, cost=cost), limits_min=limits)
    within = [float(one.people[one.minutes <= limit].sum()) for limit in found["limit"]]
    columns = {"service": one.service.id, "minutes": found["limit"], "people": within, "area_km2": found.area / 1e6}
    return gpd.GeoDataFrame(columns, geometry=found.geometry, crs=found.crs)


def _catchments(one: Served, inside: NDArray[np.bool_]) -> gpd.GeoDataFrame:
    """A row a point that is the nearest by travel to some cell of the communes: its people, area and cells."""
    nearest = np.where(inside, _lived(one, one.nearest_raster), -1).astype(np.int32)
    found = cell_areas(nearest, where=nearest >= 0, transform=one.grid.transform)
    rows = list(found)
    people = np.bincount(one.nearest[one.nearest >= 0], one.people[one.nearest >= 0], minlength=len(one.ids))
    areas = gpd.GeoSeries(list(found.values()), crs=one.grid.crs)
    columns = {
        "service": one.service.id,
        "point_id": [one.ids[row] for row in rows],
        "name": [_name(one, row) for row in rows],
        "people": people[rows],
        "area_km2": areas.area / 1e6,
    }
    return gpd.GeoDataFrame(columns, geometry=areas, crs=one.grid.crs)


# tables


def _points(job: Job, served: dict[str, Served]) -> pd.DataFrame:
    """A row a point of a service, in the order the rasters of nearest points count them; who reaches none is told."""
    rows = []
    for name, one in served.items():
        nearest = one.nearest >= 0
        people = np.bincount(one.nearest[nearest], one.people[nearest], minlength=len(one.ids))
        lost = np.zeros(len(one.ids), dtype=bool)
        lost[one.unreached] = True
        used = np.zeros(len(one.ids), dtype=bool)
        used[one.used] = True
        degrees = one.points.geometry.to_crs("EPSG:4326")
        column = {key: one.points.get(key) for key in ("kind", "operator", "unit_code")}
        rows.append(
            pd.DataFrame(
                {
                    "service": name,
                    "row": range(len(one.ids)),
                    "point_id": one.ids,
                    "name": [_name(one, row) for row in range(len(one.ids))],
                    **column,
                    "lon": degrees.x.round(6),
                    "lat": degrees.y.round(6),
                    "supply": one.supply,
                    "people_nearest": people.round(3),
                    "used": used,
                    "in_reach_of_nobody": lost if one.service.decay is not None else None,
                }
            ).astype(
                {
                    "kind": "object",
                    "operator": "object",
                    "unit_code": "object",
                    "name": "object",
                    "in_reach_of_nobody": "boolean",
                }
            )
        )
    columns = [
        "service",
        "row",
        "point_id",
        "name",
        "kind",
        "operator",
        "unit_code",
        "lon",
        "lat",
        "supply",
        "people_nearest",
    ]
    empty = pd.DataFrame(columns=[*columns, "used", "in_reach_of_nobody"])
    return pd.concat(rows, ignore_index=True) if rows else empty


def _notes(job: Job, served: dict[str, Served], grounds: dict[str, Friction]) -> pd.DataFrame:
    """What was left out, moved or cut off, a row a note, in the study's language."""
    lang = job.settings.language
    told: list[tuple[str, str, Fault]] = [("", mode, fault) for mode, one in grounds.items() for fault in one.faults]
    told += [(name, one.mode, fault) for name, one in served.items() for fault in one.faults]
    rows = {
        "service": [service for service, _, _ in told],
        "mode": [mode for _, mode, _ in told],
        "code": [fault.code for _, _, fault in told],
        "note": [fault.say(lang) for _, _, fault in told],
    }
    return pd.DataFrame(rows, dtype="object")


def _json(job: Job, served: dict[str, Served], grounds: dict[str, Friction]) -> Path:
    """What the step says of each service, for those who read its files."""
    kept = {
        name: {
            "layer": one.service.layer,
            "mode": one.mode,
            "walking": one.walking,
            "season": one.season,
            "basis": one.basis,
            "timed": one.service.timed,
            "limits_km": list(one.service.limits_km),
            "limits_min": list(one.service.limits_min),
            "per": one.service.per if one.catchment is not None else None,
            "points": len(one.ids),
            "title": {lang: title_of(one.service, lang) for lang in LANGS},
            "told": {lang: rests_on(grounds[one.service.mode], job.settings, lang) for lang in LANGS},
            "counts": one.counts,
        }
        for name, one in served.items()
    }
    path = job.path("access.json")
    path.write_text(json.dumps(kept, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return path


def _name(one: Served, row: int) -> str | None:
    name = one.points["name"].iloc[row] if "name" in one.points else None
    return None if name is None or pd.isna(name) else str(name)


def _counts(served: dict[str, Served], grounds: dict[str, Friction]) -> dict[str, int | float]:
    """For the run record: of every surface and service what went in and, where anything was, what was left out."""
    counts: dict[str, int | float] = {"services": len(served), "points": sum(len(one.ids) for one in served.values())}
    notes = [fault for one in served.values() for fault in one.faults]
    counts["notes"] = len(notes) + sum(len(ground.faults) for ground in grounds.values())
    for mode, ground in grounds.items():
        counts |= {f"{mode}_{name}": count for name, count in ground.counts.items() if count or name in ALWAYS}
    for name, one in served.items():
        counts |= {f"{name}_{key}": count for key, count in one.counts.items() if count or key in ALWAYS}
    return counts
