"""Communes of the synthetic province: a clean polygon coverage with real counts, areas and persons, invented names."""

from __future__ import annotations

from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import pandas as pd
import rasterio.features
import shapely
from affine import Affine
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from phusong.layers.sample.figures import Figures, households_2012, largest_remainder, people_2012
from phusong.layers.sample.landscape import (
    Wobble,
    commune_km2,
    drawing,
    natural_line_m,
    people_per_km2,
    rings_m,
    target_m,
)
from phusong.layers.schema import UNITS

Polygons = NDArray[np.object_]
Field = NDArray[np.float64]

_CELL_M = 120.0
_SIMPLIFY_M = 260.0
_LLOYD_STEPS = 12
_BORDER_TOUCH_M = 400.0


def outline(figures: Figures, *, wobble: Wobble) -> Polygons:
    """Outlines of the nine districts in the order of ``figures`` (islands left out), areas nearly those published."""
    names, rings = rings_m()
    wanted = [d for d in figures.districts if d.counted]
    rings = rings[[names.index(d.name) for d in wanted]]
    areas = np.array([d.area_km2 for d in wanted])
    rings = stretch(rings, np.arange(len(rings)), area_km2=areas)
    return np.asarray(shapely.transform(rings, wobble), dtype=object)


def stretch(polygons: Polygons, group: NDArray[np.int64], *, area_km2: Field) -> Polygons:
    """Move all vertices by one smooth field so that each group of polygons gets its area; shared nodes stay shared.

    The field is a sum of radial swellings about the groups' centroids; their sizes solve the areas by Newton's method.
    """
    count = len(area_km2)
    groups = [shapely.union_all(polygons[group == k]) for k in range(count)]
    centres = np.array([shapely.get_coordinates(shapely.centroid(g))[0] for g in groups])
    reach_m = 0.8 * np.sqrt(np.array([shapely.area(g) for g in groups]) / np.pi)
    start = shapely.get_coordinates(polygons)
    away = start[:, None, :] - centres[None, :, :]
    fields = away * np.exp(-0.5 * (away**2).sum(axis=2) / reach_m**2)[:, :, None]

    def moved(sizes: Field) -> Polygons:
        move = np.zeros_like(start)
        for k in range(count):  # summed in one order, so equal vertices stay equal
            move += sizes[k] * fields[:, k]
        return np.asarray(shapely.set_coordinates(polygons.copy(), start + move))

    def areas(sizes: Field) -> Field:
        return np.bincount(group, weights=shapely.area(moved(sizes)) / 1e6, minlength=count).astype(np.float64)

    sizes = np.zeros(count)
    for _ in range(20):
        now = areas(sizes)
        if np.abs(now - area_km2).max() < 1e-6:
            break
        small = 1e-4
        slopes = np.stack([(areas(sizes + small * np.eye(count)[k]) - now) / small for k in range(count)], axis=1)
        sizes += np.linalg.solve(slopes, area_km2 - now)
    return moved(sizes)


def _cells(districts: Polygons) -> tuple[NDArray[np.int64], Affine]:
    """District number of each cell (-1 outside) and the frame, cells of 120 m."""
    left, bottom, right, top = shapely.total_bounds(districts)
    cols, rows = (int(np.ceil((high - low) / _CELL_M)) + 2 for low, high in ((left, right), (bottom, top)))
    transform = Affine(_CELL_M, 0.0, left - _CELL_M, 0.0, -_CELL_M, top + _CELL_M)
    burnt = rasterio.features.rasterize(
        [(polygon, k + 1) for k, polygon in enumerate(districts)], out_shape=(rows, cols), transform=transform
    )
    missed = ndimage.binary_fill_holes(burnt > 0) & (burnt == 0)  # cells between two displaced lines
    nearest = ndimage.distance_transform_edt(missed | (burnt == 0), return_distances=False, return_indices=True)
    return np.where(missed, burnt[tuple(nearest)], burnt).astype(np.int64) - 1, transform


def _one_piece(label: NDArray[np.int64], inside: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Keep the largest piece (4 neighbours) of each label and let the others be taken by the pieces beside them."""
    label = np.where(inside, label, -1)
    stray = np.zeros(label.shape, dtype=bool)
    for k, window in enumerate(ndimage.find_objects(label + 1)):
        pieces, found = ndimage.label(label[window] == k)
        if found > 1:
            largest = 1 + int(np.argmax(np.bincount(pieces.ravel())[1:]))
            stray[window] |= (pieces > 0) & (pieces != largest)
    label = np.where(stray, -1, label)
    cross = ndimage.generate_binary_structure(2, 1)
    while True:
        near = ndimage.maximum_filter(label, footprint=cross, mode="constant", cval=-1)
        taken = stray & (label < 0) & (near >= 0)
        if not taken.any():
            return label
        label = np.where(taken, near, label)


def _split(
    xy_m: Field, size_km2: Field, *, count: int, wobble: Wobble, rng: np.random.Generator
) -> tuple[NDArray[np.int64], Field]:
    """Centroidal split of a district's cells into ``count`` communes of about the relative sizes wanted at each place.

    Weighted Lloyd steps (weights size^-2 make cells of area ~ size) in displaced coordinates: no straight borders.
    """
    bent = wobble(wobble(xy_m))
    weight = size_km2**-2.0
    chance = size_km2**-1.0
    seeds = bent[rng.choice(len(bent), size=count, replace=False, p=chance / chance.sum())]
    label = np.zeros(len(bent), dtype=np.int64)
    for _ in range(_LLOYD_STEPS):
        label = cKDTree(seeds).query(bent)[1].astype(np.int64)
        mass = np.bincount(label, weights=weight, minlength=count)
        seeds = np.stack([np.bincount(label, weights=weight * bent[:, a], minlength=count) / mass for a in (0, 1)], 1)
    return label, seeds


def coverage(figures: Figures, *, wobble: Wobble, rng: np.random.Generator) -> tuple[Polygons, NDArray[np.int64]]:
    """Polygons of the mainland communes and the number of each one's district; no gaps, no overlaps, exact areas."""
    wanted = [d for d in figures.districts if d.counted]
    district, transform = _cells(outline(figures, wobble=wobble))
    rows, cols = district.shape
    x_m, y_m = np.meshgrid(
        transform.c + (np.arange(cols) + 0.5) * _CELL_M, transform.f - (np.arange(rows) + 0.5) * _CELL_M
    )
    district = _one_piece(district, district >= 0)
    wide = (slice(1, None, 4), slice(1, None, 4))  # the sizes are smooth: every fourth cell is enough
    size: Field = commune_km2(x_m[wide], y_m[wide], target_m(x_m[wide], y_m[wide]))
    size = np.kron(size, np.ones((4, 4)))[:rows, :cols].astype(np.float64)
    size = np.pad(size, [(0, n - m) for n, m in zip(district.shape, size.shape, strict=True)], mode="edge")
    unit = np.full(district.shape, -1, dtype=np.int64)
    group: list[int] = []
    for k, (row, window) in enumerate(zip(wanted, ndimage.find_objects(district + 1), strict=True)):
        inside = district[window] == k
        label = np.full(inside.shape, -1, dtype=np.int64)
        xy_m = np.stack([x_m[window][inside], y_m[window][inside]], axis=1)
        label[inside], seeds = _split(xy_m, size[window][inside], count=row.communes, wobble=wobble, rng=rng)
        label = _one_piece(label, inside)
        north = np.empty(row.communes, dtype=np.int64)
        north[np.argsort(-seeds[:, 1], kind="stable")] = np.arange(row.communes)
        unit[window][inside] = len(group) + north[label[inside]]
        group += [k] * row.communes
    return _trace(unit, transform, np.asarray(group), area_km2=np.array([d.area_km2 for d in wanted])), np.asarray(
        group
    )


def _trace(unit: NDArray[np.int64], transform: Affine, group: NDArray[np.int64], *, area_km2: Field) -> Polygons:
    """Polygons of the units' cells, smoothed as one coverage (Visvalingam-Whyatt), with the districts' areas."""
    traced = rasterio.features.shapes(unit.astype(np.int32), mask=unit >= 0, connectivity=4)
    polygons = np.empty(len(group), dtype=object)
    for shape, value in traced:
        polygons[int(value)] = shapely.geometry.shape(shape)
    polygons = np.asarray(shapely.segmentize(polygons, 1.0), dtype=object)  # a node at each corner of a cell
    corners = shapely.get_coordinates(polygons)
    corners = np.stack([transform.c + _CELL_M * corners[:, 0], transform.f - _CELL_M * corners[:, 1]], axis=1)
    polygons = np.asarray(shapely.set_coordinates(polygons, corners), dtype=object)
    smooth = np.asarray(shapely.coverage_simplify(polygons, _SIMPLIFY_M), dtype=object)
    sized = stretch(smooth, group, area_km2=area_km2)
    return np.asarray(shapely.set_coordinates(sized, np.round(shapely.get_coordinates(sized), 2)), dtype=object)


def island(area_km2: float, *, rng: np.random.Generator) -> shapely.Polygon:
    """The island's outline: a circle with a few random swellings, of exactly the stated area."""
    turn = np.linspace(0.0, 2 * np.pi, 48, endpoint=False)
    radius = 1.0 + sum(rng.normal(0.0, 0.12 / k) * np.cos(k * turn + rng.uniform(0.0, 2 * np.pi)) for k in range(2, 6))
    ring = np.stack([radius * np.cos(turn), radius * np.sin(turn)], axis=1)
    ring *= np.sqrt(area_km2 * 1e6 / shapely.area(shapely.polygons(ring)))
    return shapely.polygons(np.round(ring + 1000.0 * np.asarray(drawing()["island"]["centre"], float), 2))


def _persons(figures: Figures, district: NDArray[np.int64], weight: Field, *, total: int) -> tuple[Field, Field]:
    """Persons and households a commune: district totals of 2012 split by ``weight``, whole and exact."""
    persons = np.zeros(len(district))
    households = np.zeros(len(district))
    people = people_2012(figures.districts, people_2012_total=total)
    homes = households_2012(figures.districts, people_2012_total=total)
    for k in range(len(figures.districts)):
        mine = district == k
        persons[mine] = largest_remainder(int(people[k]), weight[mine])
        households[mine] = largest_remainder(int(homes[k]), persons[mine])
    return persons, households


def _names(
    figures: Figures, district: NDArray[np.int64], kind: Sequence[str], *, rng: np.random.Generator
) -> list[str]:
    """Invented names, unique in each district: the kind of unit, the district's word, a second word."""
    words = drawing()["names"]
    names = [""] * len(district)
    titles = {"ward": "Phường", "township": "Thị trấn", "commune": "Xã", "island": "Đảo"}
    for k, row in enumerate(figures.districts):
        mine = np.flatnonzero(district == k).tolist()
        if not row.counted:
            names[mine[0]] = f"{titles['island']} {row.name}"
            continue
        mountain = row.height_low_m > 100
        pool = [*words["mountain"], *words["second"]] if mountain else words["second"]
        chosen = rng.permutation(len(words["mountain"]) + 10 if mountain else len(pool))[: len(mine)]
        for unit, word in zip(mine, chosen, strict=True):
            names[unit] = f"{titles[kind[unit]]} {words['first'][row.name]} {pool[word]}"
    return names


def _kinds(figures: Figures, district: NDArray[np.int64], density: Field) -> list[str]:
    """Kind of each unit: the densest of a district are its wards (city, town) or townships."""
    kinds = ["commune"] * len(district)
    for k, row in enumerate(figures.districts):
        mine = np.flatnonzero(district == k)
        if not row.counted:
            kinds[mine[0]] = "island"
        for unit in mine[np.argsort(-density[mine], kind="stable")][: row.townships]:
            kinds[unit] = "ward" if row.kind in ("city", "town") else "township"
    return kinds


def _touches(polygons: Polygons, line: shapely.LineString) -> NDArray[np.bool_]:
    """Which polygons share some of the coverage's outer boundary that lies along ``line`` (within 1.2 km)."""
    rim = shapely.boundary(shapely.union_all(polygons))
    stretch_of_rim = shapely.intersection(rim, shapely.buffer(line, 1200.0, cap_style="flat"))
    shared = shapely.length(shapely.intersection(shapely.buffer(polygons, 1.0), stretch_of_rim))
    return np.asarray(shared > _BORDER_TOUCH_M)


def communes(
    figures: Figures, *, wobble: Wobble, people_2012_total: int, rng: np.random.Generator, source: str
) -> gpd.GeoDataFrame:
    """All units of the province as the schema has them, CRS of ``figures``.

    ``mountainous``, ``programme``, ``remote`` and minorities are empty.

    Codes begin with "S" and names are invented: neither can be taken for a real commune's.
    """
    polygons, district = coverage(figures, wobble=wobble, rng=rng)
    isle = next(k for k, d in enumerate(figures.districts) if not d.counted)
    polygons = np.append(polygons, np.asarray([island(figures.districts[isle].area_km2, rng=rng)], dtype=object))
    district = np.append(district, isle)
    area = shapely.area(polygons) / 1e6
    inner = [_grid_points(p) for p in polygons]
    unit = np.repeat(np.arange(len(inner)), [len(xy) for xy in inner])
    x_m, y_m = np.concatenate(inner).T
    height = target_m(x_m, y_m)
    mean_height = np.bincount(unit, weights=height) / np.bincount(unit)
    density = np.bincount(unit, weights=people_per_km2(x_m, y_m, height)) / np.bincount(unit)
    weight = density * area * rng.lognormal(0.0, 0.22, len(area))
    persons, households = _persons(figures, district, weight, total=people_2012_total)
    kinds = _kinds(figures, district, persons / area)
    border = _touches(polygons[:-1], natural_line_m("border", wobble))
    coast = _touches(polygons[:-1], natural_line_m("coast", wobble))
    on_island = np.arange(len(polygons)) == len(polygons) - 1
    minority = (mean_height > 150) & (np.asarray(kinds) == "commune")
    frame = pd.DataFrame(
        {
            "code": [f"S{k + 1:05d}" for k in range(len(polygons))],
            "valid_on": pd.Timestamp(figures.units_valid_on),
            "name": _names(figures, district, kinds, rng=rng),
            "district": [figures.districts[k].name for k in district],
            "kind": kinds,
            "population": persons,
            "households": households,
            "area_km2": np.round(area, 2),
            "counted": ~on_island,
            "mountainous": pd.array([pd.NA] * len(polygons), dtype="boolean"),
            "land_border": np.append(border, False),
            "sea_border": np.append(coast, True),
            "island": on_island,
            "ethnic_minority": minority & ~on_island,
            "programme": pd.array([pd.NA] * len(polygons), dtype="boolean"),
            "remote": pd.array([pd.NA] * len(polygons), dtype="boolean"),
            "minority_people": np.nan,
            "minority_pct": np.nan,
            "as_of": pd.Timestamp(figures.units_valid_on),
            "source": source,
            "synthetic": True,
        }
    )
    for column in UNITS.all_columns:
        if column.kind == "yes_no":
            frame[column.name] = frame[column.name].astype("boolean")
        elif column.kind == "date":
            frame[column.name] = frame[column.name].astype("datetime64[s]")
        elif column.kind in ("text", "word"):
            frame[column.name] = frame[column.name].astype("str")
    frame = frame[[c.name for c in UNITS.all_columns]]
    return gpd.GeoDataFrame(frame, geometry=gpd.GeoSeries(list(polygons), crs=figures.crs), crs=figures.crs)


def _grid_points(polygon: shapely.Polygon) -> Field:
    """Points about every 200 m inside a polygon, or a point of it where none falls inside."""
    left, bottom, right, top = polygon.bounds
    x_m, y_m = np.meshgrid(np.arange(left + 100, right, 200.0), np.arange(bottom + 100, top, 200.0))
    inside = shapely.contains_xy(polygon, x_m, y_m)
    if not inside.any():
        return np.asarray(shapely.get_coordinates(polygon.representative_point()))
    return np.stack([x_m[inside], y_m[inside]], axis=1)
