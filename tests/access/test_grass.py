"""Costs equal those of GRASS r.cost and r.walk, run as programs of their own on real heights."""

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.warp import Resampling, reproject

from phusong.coverage.access.surface import Surface
from phusong.coverage.access.travel_time import Neighbours, residual, travel_time
from phusong.layers.grid import Grid

SIDE = 200
GRID = Grid("EPSG:32717", 740_000.0, 9_840_000.0, 90.0, (SIDE, SIDE))  # the west side of Chimborazo, 2,857 to 6,256 m
START = 60 * SIDE + 70
SCRIPT = """set -e
for name in heights friction zero; do r.in.gdal -o input=$name.tif output=$name --quiet; done
g.region raster=heights
for knight in "" "-k"; do
  r.cost $knight input=friction output=cost$knight start_coordinates={x},{y} --quiet
  r.walk $knight elevation=heights friction=zero output=walk$knight start_coordinates={x},{y} --quiet
done
for name in cost walk cost-k walk-k; do
  r.out.gdal -cf input=$name output=$name.out.tif type=Float64 --quiet
done
"""

pytestmark = pytest.mark.skipif(
    shutil.which("grass") is None or "PHUSONG_DATA" not in os.environ,
    reason="GRASS is not installed or PHUSONG_DATA names no folder of real data",
)


@pytest.fixture(scope="module")
def heights_m() -> np.ndarray:
    heights = np.full(GRID.shape, np.nan, dtype=np.float32)
    path = Path(os.environ["PHUSONG_DATA"], "chimborazo_dem_srtm3.tif")
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    with rasterio.open(path) as source:
        reproject(
            rasterio.band(source, 1),
            heights,
            dst_transform=GRID.transform,
            dst_crs=GRID.crs,
            dst_nodata=np.nan,
            resampling=Resampling.bilinear,
        )
    assert not np.isnan(heights).any()
    return heights


@pytest.fixture(scope="module")
def friction() -> np.ndarray:
    """Cost per cell: land cover of patches and noise, impassable nowhere."""
    rng = np.random.default_rng(11)
    patches = np.kron(rng.choice([1.0, 2.0, 6.0], (20, 20)), np.ones((10, 10)))
    return np.asarray(patches * rng.uniform(0.8, 1.25, GRID.shape))


@pytest.fixture(scope="module")
def grass(heights_m: np.ndarray, friction: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with GRASS's four rasters."""
    folder = tmp_path_factory.mktemp("grass")
    for name, values in (("heights", heights_m), ("friction", friction), ("zero", np.zeros(GRID.shape))):
        with rasterio.open(
            folder / f"{name}.tif",
            "w",
            driver="GTiff",
            width=SIDE,
            height=SIDE,
            count=1,
            dtype=values.dtype,
            crs=GRID.crs,
            transform=GRID.transform,
        ) as out:
            out.write(values, 1)
    row, col = divmod(START, SIDE)
    (folder / "run.sh").write_text(SCRIPT.format(x=GRID.x_m[col], y=GRID.y_m[row]))
    ran = subprocess.run(
        ["grass", "--tmp-location", "heights.tif", "--exec", "sh", "run.sh"],
        cwd=folder,
        env={**os.environ, "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert ran.returncode == 0, ran.stderr
    return folder


def read(folder: Path, name: str) -> np.ndarray:
    with rasterio.open(folder / f"{name}.out.tif") as source:
        return np.asarray(source.read(1))


@pytest.mark.parametrize(("neighbours", "flag"), [(8, ""), (16, "-k")])
def test_costs_without_slope_equal_r_cost(grass: Path, friction: np.ndarray, neighbours: Neighbours, flag: str) -> None:
    surface = Surface(GRID, friction / GRID.cell_m)  # r.cost counts per cell, not per metre
    travel = travel_time(surface, np.array([START]), neighbours=neighbours)
    np.testing.assert_allclose(travel.cost, read(grass, f"cost{flag}"), rtol=1e-12)


@pytest.mark.parametrize(("neighbours", "flag"), [(8, ""), (16, "-k")])
def test_langmuir_equals_r_walk_away_from_the_point(
    grass: Path, heights_m: np.ndarray, neighbours: Neighbours, flag: str
) -> None:
    surface = Surface(GRID, np.full(GRID.shape, 0.72), pace="langmuir", elevation_m=heights_m)
    away = travel_time(surface, np.array([START]), neighbours=neighbours, direction="from")
    walked = read(grass, f"walk{flag}")
    np.testing.assert_allclose(away.cost, walked, rtol=1e-12)
    assert residual(surface, away) == 0.0
    back = travel_time(surface, np.array([START]), neighbours=neighbours, direction="to")
    ratio = back.cost.reshape(-1)[walked.reshape(-1) > 0] / walked[walked > 0]
    assert np.quantile(ratio, 0.9) > 1.2  # people come up to the point: the direction matters
