"""One piece of sharing or summing: ``python one_sum.py PROGRAM FOLDER-FILES.. ANSWER.npy``, a process of its own.

Prints JSON: CPU seconds of the work; of the start (imports, compiling or reading what is compiled); the most memory
until the work was done, MB.
"""

# ruff: noqa: PLC0415  (each program imports its own, as part of its start)
from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator

import numpy as np
from one_travel import most_memory_mb

CATCHMENTS = ("phusong", "PySAL access")
ZONAL = ("phusong", "rasterstats", "rasterstats, raster in memory")
LIMITS, WEIGHTS = (10.0, 20.0, 30.0), (1.0, 0.68, 0.22)
Work = Callable[[], np.ndarray]


def catchment(program: str, table: str) -> Work:
    """E2SFCA of the pairs of ``table`` (npz: demand, supply, cost, people, size)."""
    given = dict(np.load(table))
    people, size = given["people"], given["size"]
    if program == "phusong":
        from phusong.coverage.access.catchment import Pairs, Step, two_step

        def share(demand: np.ndarray, supply: np.ndarray, cost: np.ndarray) -> np.ndarray:
            pairs = Pairs(demand, supply, cost, len(people), len(size))
            return two_step(pairs, demand=people, supply=size, decay=Step(LIMITS, WEIGHTS)).access

        share(given["demand"][:1], given["supply"][:1], given["cost"][:1])
        return lambda: share(given["demand"], given["supply"], given["cost"])
    import pandas as pd
    from access import fca
    from access.weights import step_fn

    pairs = pd.DataFrame({"origin": given["demand"], "dest": given["supply"], "cost": given["cost"]})
    demand = pd.DataFrame({"demand": people}, index=pd.Index(range(len(people)), name="geoid"))
    supply = pd.DataFrame({"supply": size}, index=pd.Index(range(len(size)), name="geoid"))
    weigh = step_fn(dict(zip(LIMITS, WEIGHTS, strict=True)))

    def theirs() -> np.ndarray:
        found = fca.two_stage_fca(
            demand, supply, pairs, max_cost=LIMITS[-1], demand_index=True, supply_index=True, demand_name="demand",
            supply_name="supply", weight_fn=weigh,
        )  # fmt: skip
        return found.reindex(range(len(people))).to_numpy()

    return theirs


def zonal(program: str, raster: str, polygons: str) -> Work:
    """Sums of a GeoTIFF over polygons (npz: coordinates and offsets of one ring each)."""
    import rasterio
    import shapely

    given = np.load(polygons)
    shapes = shapely.from_ragged_array(shapely.GeometryType.POLYGON, given["at"], (given["ring"], given["polygon"]))
    if program == "phusong":
        from phusong.layers.cell_shares import Frame, raster_sums

        raster_sums(shapes[:1], [(0, np.zeros((1, 1), dtype=np.float32))], Frame(0.0, 1.0, 1.0, 1.0, (1, 1)))

        def ours() -> np.ndarray:
            with rasterio.Env(GDAL_CACHEMAX=32), rasterio.open(raster) as source:
                rows, cols = source.shape
                frame = Frame(source.bounds.left, source.bounds.top, source.res[0], source.res[1], source.shape)

                def strips() -> Iterator[tuple[int, np.ndarray]]:
                    for row in range(0, rows, 256):
                        yield row, source.read(1, window=((row, min(row + 256, rows)), (0, cols)))

                return raster_sums(shapes, strips(), frame).total

        return ours
    from rasterstats import zonal_stats

    if program == "rasterstats":
        return lambda: np.array([one["sum"] for one in zonal_stats(list(shapes), raster, stats=["sum"], nodata=-1)])
    with rasterio.open(raster) as source:
        values, affine = source.read(1), source.transform

    def held() -> np.ndarray:
        found = zonal_stats(list(shapes), values, affine=affine, stats=["sum"], nodata=-1)
        return np.array([one["sum"] for one in found])

    return held


def main() -> None:
    what, program, *files, answer = sys.argv[1:]
    begin = time.process_time()
    work = catchment(program, *files) if what == "catchment" else zonal(program, *files)
    start_s = time.process_time() - begin
    begin = time.process_time()
    found = work()
    cpu_s = time.process_time() - begin
    np.save(answer, found.astype(np.float64))
    print(json.dumps({"cpu_s": cpu_s, "start_s": start_s, "memory_mb": most_memory_mb()}))


if __name__ == "__main__":
    main()
