"""A made-up province for the map's tests: polygons without gaps, terrain with a ridge, points, levels, a plan."""

from __future__ import annotations

import dataclasses
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from phusong.layers.grid import Grid, Raster
from phusong.maps.view import MapIndicator, MapView

CRS = "EPSG:9212"
LEFT_M, BOTTOM_M, WIDTH_M, HEIGHT_M = 535_000.0, 1_815_000.0, 84_000.0, 78_000.0
DISTRICTS = (
    "Hướng Hóa",
    "Đakrông",
    "Cam Lộ",
    "Gio Linh",
    "Vĩnh Linh",
    "Đông Hà",
    "Triệu Phong",
    "Hải Lăng",
    "Quảng Trị",
)
NAMES = (
    "Hướng Phùng",
    "Ba Nang",
    "Tà Rụt",
    "Cam Thủy",
    "Gio An",
    "Vĩnh Ô",
    "Đông Lễ",
    "Triệu Ái",
    "Hải Thọ",
    "Khe Sanh",
)


def elevation(cell_m: float = 300.0) -> Raster:
    """Ridge in the west of the province, plain and sea in the east, valleys from noise; metres."""
    bounds = (LEFT_M, BOTTOM_M, LEFT_M + WIDTH_M, BOTTOM_M + HEIGHT_M)
    grid = Grid.covering(bounds, crs=CRS, cell_m=cell_m, margin_m=9_000)
    x, y = np.meshgrid((grid.x_m - LEFT_M) / WIDTH_M, (grid.y_m - BOTTOM_M) / HEIGHT_M)
    rng = np.random.default_rng(7)
    rough = np.zeros(grid.shape)
    for wave in (3, 7, 15, 31, 60):
        for _ in range(4):
            kx, ky, phase = [*rng.normal(0, wave, 2).tolist(), rng.uniform(0, 6.28)]
            rough += np.sin(kx * x * 2 + ky * y * 2 + phase) / wave**0.8
    ridge = 1250 * np.exp(-(((x - 0.25 - 0.1 * np.sin(4 * y)) / 0.17) ** 2)) + 250 * (x < 0.2)
    height = (ridge + 60) * (1 + 0.45 * rough) + 60 * rough - 260 * np.clip(x + 0.25 * y - 0.9, 0, 1)
    return Raster(grid, np.where(x + 0.25 * y > 1.12, 0, np.maximum(height, 2)).astype(np.float32))


def units(side: int = 12) -> gpd.GeoDataFrame:
    """A coverage of side x side polygons, moved by noise that neighbours share; sea side cut obliquely."""
    rng = np.random.default_rng(3)
    n = side * 6 + 1
    gx, gy = np.meshgrid(np.linspace(0.04, 0.96, n), np.linspace(0.04, 0.96, n))
    gx = gx * (1.0 - 0.2 * gy) + 0.012 * np.sin(9 * gy) + rng.normal(0, 0.0025, gx.shape)
    gy = gy + 0.012 * np.sin(11 * gx) + rng.normal(0, 0.0025, gy.shape)
    px, py = LEFT_M + gx * WIDTH_M, BOTTOM_M + gy * HEIGHT_M
    shapes, rows = [], []
    for r in range(side):
        for c in range(side):
            i, j = np.arange(6 * r, 6 * r + 7), np.arange(6 * c, 6 * c + 7)
            ring = [(px[i[0], k], py[i[0], k]) for k in j] + [(px[k, j[-1]], py[k, j[-1]]) for k in i[1:]]
            ring += [(px[i[-1], k], py[i[-1], k]) for k in j[-2::-1]] + [(px[k, j[0]], py[k, j[0]]) for k in i[-2::-1]]
            shapes.append(shapely.Polygon(ring))
            name = NAMES[(r * side + c) % len(NAMES)] + (f" {(r * side + c) // len(NAMES)}" if r + c else "")
            rows.append((f"{19000 + r * side + c}", name, DISTRICTS[3 * (r * 3 // side) + c * 3 // side]))
    frame = gpd.GeoDataFrame(rows, columns=["code", "name", "district"], geometry=shapes, crs=CRS)
    east = (np.array([s.centroid.x for s in shapes]) - LEFT_M) / WIDTH_M
    frame["population"] = (800 + 9000 * east**2 + rng.integers(0, 900, len(frame))).astype(float)
    frame["people_covered_2g_pct"] = np.clip(62 + 60 * east + rng.normal(0, 7, len(frame)), 0, 100)
    frame["people_covered_3g_pct"] = np.clip(5 + 110 * east + rng.normal(0, 9, len(frame)), 0, 100)
    frame["nearest_site_km"] = np.clip(9 - 9 * east + rng.normal(0, 0.6, len(frame)), 0.2, None)
    frame["broadband_per_100"] = np.clip(8 * east**2 + rng.normal(0, 0.4, len(frame)), 0, None)
    frame["same_day_mail"] = pd.array(np.where(east > 0.3, True, False), dtype="boolean")
    frame.loc[[5, 17, 30], ["broadband_per_100", "people_covered_3g_pct"]] = np.nan
    frame.loc[[5, 17], "same_day_mail"] = pd.NA
    return frame


SIGNAL: dict[str, Any] = {"unit": "%", "higher_is": "better", "modelled": True, "placed": True}
INDICATORS = (
    MapIndicator("people_covered_2g_pct", {"vi": "Dân số có sóng 2G", "en": "People with 2G"}, **SIGNAL),
    MapIndicator("people_covered_3g_pct", {"vi": "Dân số có sóng 3G", "en": "People with 3G"}, **SIGNAL),
    MapIndicator(
        "nearest_site_km", {"vi": "Khoảng cách tới trạm", "en": "Nearest site"}, "km", higher_is="worse", placed=True
    ),
    MapIndicator("broadband_per_100", {"vi": "Thuê bao băng rộng", "en": "Broadband"}, "per_100", higher_is="better"),
    MapIndicator("population", {"vi": "Dân số", "en": "Population"}, "persons"),
    MapIndicator("same_day_mail", {"vi": "Thư trong ngày", "en": "Same-day mail"}, kind="yes_no", higher_is="better"),
)


def _points(count: int, seed: int, areas: gpd.GeoDataFrame, *, east_power: float) -> gpd.GeoDataFrame:
    rng = np.random.default_rng(seed)
    chance = areas["population"].to_numpy() ** east_power
    rows = rng.choice(len(areas), count, p=chance / chance.sum())
    spots = areas.geometry.iloc[rows].representative_point()
    x = spots.x.to_numpy() + rng.normal(0, 1100, count)
    y = spots.y.to_numpy() + rng.normal(0, 1100, count)
    frame = gpd.GeoDataFrame({"unit_code": areas["code"].to_numpy()[rows]}, geometry=gpd.points_from_xy(x, y), crs=CRS)
    return frame


def margin(sites: gpd.GeoDataFrame, ground: Raster, *, reach_km: float) -> Raster:
    """A margin that falls with the distance to the nearest site and with the height of the ground; dB."""
    x, y = np.meshgrid(ground.grid.x_m, ground.grid.y_m)
    nearest = np.full(ground.grid.shape, np.inf)
    for sx, sy in zip(sites.geometry.x, sites.geometry.y, strict=True):
        nearest = np.minimum(nearest, (x - sx) ** 2 + (y - sy) ** 2)
    over_db = 33 - 35 * np.log10(np.sqrt(nearest) / 1000 / reach_km * 20 + 0.5) - ground.values / 120
    return Raster(ground.grid, over_db.astype(np.float32))


def province(side: int = 12, *, cell_m: float = 300.0, villages: int = 400, sites: int = 150) -> MapView:
    """The whole view; ``side`` squared communes."""
    ground = elevation(cell_m)
    areas = units(side)
    areas["people_method"] = "dasymetric"
    masts = _points(sites, 1, areas, east_power=1.4)
    masts["site_id"] = [f"QT{i:04d}" for i in range(sites)]
    masts["owner"], masts["status"], masts["technologies"] = "Nhà mạng A", "in_service", "2G, 3G"
    masts.loc[0, ["status", "technologies"]] = ["planned", ""]
    homes = _points(villages, 2, areas, east_power=0.4)
    homes["code"] = [f"v{i}" for i in range(villages)]
    homes["name"] = [f"Thôn {NAMES[i % 10].split()[-1]} {i}" for i in range(villages)]
    homes["population"] = 120.4 + np.arange(villages)
    homes["centre_level_2g_dbm"] = np.where(np.arange(villages) % 2, -200.0, -81.25)
    posts = _points(max(3, villages // 8), 4, areas, east_power=1)
    posts["point_id"] = [f"p{i}" for i in range(len(posts))]
    posts["kind"], posts["same_day_mail"] = "commune_culture_post", True
    inside = shapely.union_all(areas.geometry.array)
    outside = ~shapely.contains_xy(inside, *np.meshgrid(ground.grid.x_m, ground.grid.y_m))
    required = {"2G": (-95.0, -95.0), "3G": (-105.0, -101.5)}
    margins = {tech: margin(masts, ground, reach_km=km) for tech, km in (("2G", 9.0), ("3G", 4.0))}
    for raster in margins.values():
        raster.values[outside] = np.nan
    worst = areas.sort_values("people_covered_3g_pct", na_position="last").head(max(2, side * side // 5))
    gaps = pd.DataFrame({"code": worst["code"].to_numpy(), "rank": range(1, len(worst) + 1)})
    gaps["need_index"] = np.linspace(91, 38, len(gaps))
    gaps["people_affected"] = worst["population"].to_numpy() * 0.8
    gaps["classes"], gaps["basis"] = "mountainous;land_border", "model"
    reasons = {
        code: {
            "vi": [
                "Dân số có sóng 2G: 71,3 %, ngưỡng 95 %, thiếu 23,7 điểm.",
                "Không có điểm truy nhập Internet công cộng.",
            ],
            "en": ["People with 2G: 71.3 %, threshold 95 %, short by 23.7.", "No public internet access point."],
        }
        for code in gaps["code"]
    }
    silent = homes[homes["unit_code"].isin(gaps["code"])].head(60)
    spots = silent.to_crs("EPSG:4326").geometry.iloc[:25]
    plan = pd.DataFrame({"rank": range(1, len(spots) + 1), "lon": spots.x.to_numpy(), "lat": spots.y.to_numpy()})
    plan["name"], plan["kind"], plan["cost_vnd"] = silent["name"].to_numpy()[: len(spots)], "hilltop", 0.83e9
    plan["people_new"] = np.linspace(2100, 130, len(plan)).round()
    return MapView(
        title="Quảng Trị 2012",
        lang="vi",
        synthetic=True,
        as_of="2012-12-31",
        units=areas,
        indicators=INDICATORS,
        elevation=ground,
        villages=homes,
        village_indicators=(
            MapIndicator("centre_level_2g_dbm", {"vi": "Mức sóng 2G", "en": "2G level"}, "dBm", modelled=True),
        ),
        gap_units=gaps,
        gap_villages=pd.DataFrame({"code": silent["code"], "people_affected": silent["population"], "basis": "model"}),
        reasons=reasons,
        village_reasons={
            code: {"vi": ["Trung tâm thôn không có sóng."], "en": ["No signal at its centre."]}
            for code in silent["code"]
        },
        sites=masts,
        postal_points=posts,
        plan=plan,
        margins=margins,
        required_dbm=required,
        asked={"vi": "ngoài trời; chỉ xét đường xuống", "en": "outdoors; downlink only"},
        sources=("Made for the tests.",),
        first_indicator="people_covered_3g_pct",
    )


def renamed(view: MapView, name: str) -> MapView:
    """The same view with one commune, one village and the title of this name."""
    areas = view.units.copy()
    areas.loc[0, ["name", "district"]] = name
    homes = view.villages.copy() if view.villages is not None else None
    if homes is not None:
        homes.loc[0, "name"] = name
    return dataclasses.replace(view, title=name, units=areas, villages=homes, sources=(name,))
