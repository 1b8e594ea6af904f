"""The door for rasters: Cloud Optimized GeoTIFF in and out, and the warp onto a study's grid. Voids are NaN inside."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from pyproj import CRS
from rasterio._err import CPLE_BaseError
from rasterio.enums import Resampling
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.warp import reproject, transform_bounds
from rasterio.windows import Window

from phusong.layers.errors import CrsError, InputError, MissingError
from phusong.layers.grid import MAX_CELLS, Grid, Raster
from phusong.layers.places.projection import gdal_operation
from phusong.layers.writers.aside import written_aside

Warp = Literal["nearest", "bilinear", "average", "sum", "mode"]
Colour = tuple[int, int, int, int]
MAX_READ = 16 * MAX_CELLS  # of a finer source, 1.6 GB
LARGEST_BLOCK_BYTES = 2**29
"""A file is unpacked by blocks; a small file of one huge block would fill the memory."""
TIFF_MARKS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
HGT_NAME = re.compile(r"([NS])(\d{2})([EW])(\d{3})", re.IGNORECASE)
HGT_BYTES = {2 * 1201**2: 3.0, 2 * 3601**2: 1.0}
"""Size of an SRTM tile of one degree by its cells, seconds of arc: 16-bit heights, edges shared with its neighbours."""
_HEAD_LINE = 200  # bytes
_HEAD_WORDS = {
    *(b"ncols", b"nrows", b"xllcorner", b"xllcenter", b"yllcorner", b"yllcenter"),
    *(b"cellsize", b"dx", b"dy", b"nodata_value"),
}
_OF_NUMBERS = b"0123456789.,+-eE \t\r\nnaNA"  # of "nan" too


def crs_text(crs: Any) -> str:
    """``EPSG:<code>`` where the CRS has an authority code, else its WKT; equal CRSs give equal text."""
    known = CRS.from_user_input(crs)
    authority = known.to_authority(min_confidence=70)
    return ":".join(authority) if authority else known.to_wkt()


def read_raster(path: str | Path, *, band: int | None = None) -> Raster:
    """One band of a north-up raster with square cells in a metric CRS, as float32 with voids NaN, and its tags.

    ``band`` counts from 1; without it the only band is meant. MissingError if there is no such file; CrsError without a
    metric CRS; InputError if it cannot be read as a raster, has several bands or too many cells, or its cells are
    rotated or not square.
    """
    with opened(path) as source:
        if band is None:
            refuse_several(source, path)
        grid = _grid_of(source, path)
        return Raster(grid, values_of(source, band or 1, path), tags_of(source))


def read_bands(path: str | Path) -> dict[str, Raster]:
    """All bands of a file written by ``write_cog``, by band description (``band_1`` ... where there is none)."""
    with opened(path) as source:
        names = [text or f"band_{i}" for i, text in enumerate(source.descriptions, start=1)]
    return {name: read_raster(path, band=i) for i, name in enumerate(names, start=1)}


def raster_bounds(path: str | Path, *, crs: str) -> tuple[float, float, float, float]:
    """(left, bottom, right, top) of a raster, rotated or not, in ``crs``, metres; infinite where it cannot be shown.

    Raises as ``read_raster``.
    """
    with opened(path) as source:
        if source.crs is None:
            raise CrsError("read.raster_no_crs", file=Path(path).name)
        return box_of(source.transform, source.shape, source.crs, crs=crs, file=Path(path).name)


def box_of(
    transform: Affine, shape: tuple[int, int], source: Any, *, crs: Any, file: str
) -> tuple[float, float, float, float]:
    """(left, bottom, right, top) in ``crs`` of rows and columns in the CRS ``source``, rotated or not; may be infinite.

    CrsError where there is no way from one CRS to the other.
    """
    rows, cols = shape
    xs, ys = zip(*(transform @ at for at in ((0, 0), (cols, 0), (0, rows), (cols, rows))), strict=True)
    try:
        left, bottom, right, top = transform_bounds(source, crs, min(xs), min(ys), max(xs), max(ys))
    except (CPLE_BaseError, RasterioError) as error:  # such as a local one, or one of the Moon
        raise CrsError("read.broken_crs", file=file) from error
    return left, bottom, right, top


def pinned_warp(source: Any, target: str) -> dict[str, str]:
    """What GDAL's warper is told so that it goes between VN-2000 and WGS 84 as the rest of the project does."""
    pinned = gdal_operation(source.to_wkt(), target)
    return {"COORDINATE_OPERATION": pinned} if pinned else {}


def warp_to(path: str | Path, grid: Grid, *, resampling: Warp = "bilinear") -> Raster:
    """A raster of one band in any CRS, resampled onto ``grid``: float32, NaN where the source is void or absent.

    ``bilinear`` for heights, ``sum`` for counts in a cell (totals are kept), ``mode`` for classes: the one that most of
    the source's known cells within a cell have. Bilinear takes only the valid neighbours of a cell whose centre lies in
    a valid cell of the source. Errors as ``read_raster``, but the source may have any CRS and any cells.
    """
    with opened(path) as source:
        if source.crs is None:
            raise CrsError("read.raster_no_crs", file=Path(path).name)
        refuse_several(source, path)
        out = np.full(grid.shape, np.nan, dtype=np.float32)
        window = window_of(source, grid)
        if window.width < 1 or window.height < 1:
            return Raster(grid, out, tags_of(source))
        if window.width * window.height > MAX_READ:
            raise InputError("read.raster_too_large", file=Path(path).name)
        reproject(
            values_of(source, 1, path, window=window),
            out,
            src_transform=source.transform @ Affine.translation(window.col_off, window.row_off),
            src_crs=source.crs,
            src_nodata=np.nan,
            dst_transform=grid.transform,
            dst_crs=rasterio.crs.CRS.from_user_input(grid.crs),
            dst_nodata=np.nan,
            resampling=Resampling[resampling],
            **pinned_warp(source.crs, grid.crs),
        )
        return Raster(grid, out, tags_of(source))


def write_cog(
    subject: Raster | Mapping[str, NDArray[Any]],
    path: str | Path,
    *,
    grid: Grid | None = None,
    nodata: float | None = None,
    tags: Mapping[str, str] | None = None,
    colormap: Mapping[int, Colour] | None = None,
) -> Path:
    """A raster, or arrays by band name on ``grid``, as one COG with overviews; same input, same bytes.

    Bands share one dtype. ``nodata`` is NaN for floats unless given; whole numbers have none unless given. ``tags`` are
    added to the raster's own. ``colormap`` (value -> RGBA) needs uint8. The file is written aside and renamed.
    """
    if isinstance(subject, Raster):
        grid, bands, own = subject.grid, {"": subject.values}, subject.tags
    else:
        bands, own = dict(subject), {}
    if grid is None or not bands:
        raise ValueError("write_cog needs at least one band and the grid it is on")
    arrays = {name: np.asarray(values) for name, values in bands.items()}
    dtype = np.result_type(*arrays.values())
    if any(values.shape != grid.shape for values in arrays.values()):
        raise ValueError(f"a band does not fit the grid {grid.shape}")
    floating = np.issubdtype(dtype, np.floating)
    if nodata is None and floating:
        nodata = float("nan")
    profile: dict[str, Any] = {
        "driver": "COG",
        "height": grid.shape[0],
        "width": grid.shape[1],
        "count": len(arrays),
        "dtype": dtype.name,
        "crs": rasterio.crs.CRS.from_user_input(grid.crs),
        "transform": grid.transform,
        "nodata": nodata,
        "compress": "DEFLATE",
        "predictor": "STANDARD" if dtype.itemsize == 1 else "YES",
        "overview_resampling": "AVERAGE" if floating else "NEAREST",
    }
    with written_aside(path) as aside, rasterio.open(aside, "w", **profile) as target:
        for i, (name, values) in enumerate(arrays.items(), start=1):
            target.write(values.astype(dtype, copy=False), i)
            if name:
                target.set_band_description(i, name)
            if colormap is not None:
                target.write_colormap(i, dict(colormap))
        target.update_tags(**{**own, **dict(tags or {})})
    return Path(path)


def opened(path: str | Path) -> Any:
    """A GeoTIFF, SRTM tile (.hgt) or ASCII grid opened by the driver its first bytes call for, and by no other.

    None of these makes GDAL read another source. MissingError if there is no such file, InputError if it is none of
    them or cannot be read.
    """
    path = Path(path)
    if not path.is_file():
        raise MissingError("read.file_missing", file=path.name)
    driver = _driver(path)
    if driver is None:
        raise InputError("read.raster_unreadable", file=path.name)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            source = rasterio.open(path, driver=driver)
    except RasterioError as error:
        raise InputError("read.raster_unreadable", file=path.name) from error
    flat = not source.transform.determinant or not np.isfinite(source.transform).all()
    if flat or source.transform.is_identity:  # such as a scan
        source.close()
        raise InputError("read.raster_no_place", file=path.name)
    blocks = (
        rows * cols * np.dtype(dtype).itemsize
        for (rows, cols), dtype in zip(source.block_shapes, source.dtypes, strict=True)
    )
    if max(blocks, default=0) > LARGEST_BLOCK_BYTES:
        source.close()
        raise InputError("read.raster_too_large", file=path.name)
    return source


def _driver(path: Path) -> str | None:
    if path.suffix.lower() == ".hgt":
        _refuse_odd_hgt(path)
        return "SRTMHGT"
    with path.open("rb") as file:
        head = file.read(64)
    if head.startswith(TIFF_MARKS):
        return "GTiff"
    if head.lstrip()[:5].lower() not in (b"ncols", b"nrows"):
        return None
    _refuse_words(path)
    return "AAIGrid"


def _refuse_words(path: Path) -> None:
    """InputError for an ASCII grid with words among its numbers, which the driver would take for 0."""
    with path.open("rb") as file:
        start = 0
        while b"".join(file.readline(_HEAD_LINE).split()[:1]).lower() in _HEAD_WORDS:
            start = file.tell()
        file.seek(start)
        while chunk := file.read(1 << 20):
            if chunk.translate(None, _OF_NUMBERS):
                raise InputError("read.raster_unreadable", file=path.name)


def _refuse_odd_hgt(path: Path) -> None:
    """An SRTM tile says its place by its name alone and its cells by its size alone."""
    if not HGT_NAME.match(path.name):
        raise InputError("read.hgt_name", file=path.name)
    size = path.stat().st_size
    if size not in HGT_BYTES:
        raise InputError("read.hgt_size", file=path.name, found=size, expected=", ".join(map(str, HGT_BYTES)))


def _grid_of(source: Any, path: str | Path) -> Grid:
    file = Path(path).name
    if source.crs is None:
        raise CrsError("read.raster_no_crs", file=file)
    t = source.transform
    if t.b or t.d or t.a <= 0 or abs(t.a + t.e) > 1e-6 * t.a:
        raise InputError("read.raster_not_square", file=file)
    return Grid(crs_text(source.crs.to_wkt()), t.c, t.f, t.a, (source.height, source.width))


def refuse_several(source: Any, path: str | Path) -> None:
    """InputError for a raster of several bands."""
    if source.count != 1:
        raise InputError("read.raster_bands", file=Path(path).name, count=source.count)


def window_of(source: Any, grid: Grid) -> Window:
    """The part of ``source`` that ``grid`` needs, with room for neighbours of its edge cells; all of a rotated one."""
    whole = Window(0, 0, source.width, source.height)
    t = source.transform
    needed = box_of(grid.transform, grid.shape, grid.crs, crs=source.crs, file=Path(source.name).name)
    if t.b or t.d or not np.isfinite(needed).all():
        return whole
    xs = sorted((x - t.c) / t.a for x in needed[::2])
    ys = sorted((y - t.f) / t.e for y in needed[1::2])
    per_cell = max((xs[1] - xs[0]) / grid.shape[1], (ys[1] - ys[0]) / grid.shape[0])
    room = 4 + 2 * math.ceil(per_cell)
    col0, row0 = max(0, math.floor(xs[0]) - room), max(0, math.floor(ys[0]) - room)
    col1, row1 = min(source.width, math.ceil(xs[1]) + room), min(source.height, math.ceil(ys[1]) + room)
    return Window(col0, row0, max(0, col1 - col0), max(0, row1 - row0))


def values_of(source: Any, band: int, path: str | Path, *, window: Window | None = None) -> NDArray[np.float32]:
    """A band as float32 with voids NaN, its scale and offset applied; InputError for a file cut short."""
    if np.issubdtype(np.dtype(source.dtypes[band - 1]), np.complexfloating):
        raise InputError("read.raster_unreadable", file=Path(path).name)
    try:
        read = source.read(band, masked=True, window=window)
    except RasterioError as error:  # a file cut short
        raise InputError("read.raster_unreadable", file=Path(path).name) from error
    values: NDArray[np.float32] = read.astype(np.float32).filled(np.nan)
    scale, offset = source.scales[band - 1], source.offsets[band - 1]
    if (scale, offset) != (1.0, 0.0):  # such as heights kept as whole decimetres
        values = (values * np.float64(scale) + offset).astype(np.float32)
    return values


def tags_of(source: Any) -> dict[str, str]:
    """What the file says of itself, less what GDAL adds."""
    return {key: text for key, text in source.tags().items() if key not in ("AREA_OR_POINT", "OVR_RESAMPLING_ALG")}
