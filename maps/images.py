"""Rasters as pictures in web Mercator (EPSG:3857), so that Leaflet lays them where they belong, and as data URIs."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from PIL import Image
from pyproj import Transformer
from rasterio.enums import Resampling
from rasterio.features import rasterize
from rasterio.warp import reproject
from shapely.geometry.base import BaseGeometry

from phusong.layers.grid import Raster

MERCATOR = "EPSG:3857"
PAPER_RGB = (238, 241, 243)
SEA_RGB = (216, 229, 237)
NO_ELEVATION_RGB = (225, 225, 225)
MARGIN_BOUNDS_DB = (0.0, 10.0, 20.0, 30.0)
"""Lower bounds of the drawn classes of signal: by how much the level exceeds what its server must bring."""
# Pale heights (m, R, G, B): the ground must not compete with the theme drawn over it.
_TINTS = np.array(
    [
        (0, 229, 236, 221),
        (50, 235, 239, 224),
        (200, 241, 239, 224),
        (500, 237, 229, 211),
        (1000, 226, 213, 194),
        (1700, 238, 232, 226),
        (3000, 250, 250, 250),
    ],
    dtype=np.float64,
)


@dataclass(frozen=True)
class Frame:
    """A picture's place: web Mercator bounds (left, bottom, right, top) in its metres, and shape (rows, cols)."""

    bounds: tuple[float, float, float, float]
    shape: tuple[int, int]

    @property
    def transform(self) -> Affine:
        """Affine from (col, row) to web Mercator."""
        left, bottom, right, top = self.bounds
        return Affine((right - left) / self.shape[1], 0, left, 0, -(top - bottom) / self.shape[0], top)

    @property
    def corners(self) -> list[list[float]]:
        """[[south, west], [north, east]] in degrees, as Leaflet takes them."""
        left, bottom, right, top = self.bounds
        lon, lat = Transformer.from_crs(MERCATOR, "EPSG:4326", always_xy=True).transform([left, right], [bottom, top])
        return [[round(lat[0], 7), round(lon[0], 7)], [round(lat[1], 7), round(lon[1], 7)]]


def frame_of(raster: Raster, *, longest_px: int) -> Frame:
    """The web Mercator frame that holds a raster, about as fine as its cells but at most ``longest_px`` on a side."""
    left, bottom, right, top = raster.grid.bounds
    to_web = Transformer.from_crs(raster.grid.crs, MERCATOR, always_xy=True)
    box = to_web.transform_bounds(left, bottom, right, top, densify_pts=21)
    longest_cells = max(raster.grid.shape)
    pixels = min(longest_px, math.ceil(longest_cells * 1.05))
    size = max(box[2] - box[0], box[3] - box[1]) / pixels
    shape = (max(1, round((box[3] - box[1]) / size)), max(1, round((box[2] - box[0]) / size)))
    return Frame(box, shape)


def warp(values: NDArray[np.float32], raster: Raster, frame: Frame, *, smooth: bool) -> NDArray[np.float32]:
    """``values`` on the raster's grid, shape (rows, cols), laid into ``frame``; bilinear if ``smooth``, else nearest.

    NaN stays NaN, outside the grid is NaN.
    """
    out = np.full(frame.shape, np.nan, dtype=np.float32)
    reproject(
        np.ascontiguousarray(values, dtype=np.float32),
        out,
        src_transform=raster.grid.transform,
        src_crs=raster.grid.crs,
        src_nodata=np.nan,
        dst_transform=frame.transform,
        dst_crs=MERCATOR,
        dst_nodata=np.nan,
        init_dest_nodata=True,
        resampling=Resampling.bilinear if smooth else Resampling.nearest,
    )
    return out


def shade(elevation_m: NDArray[np.float32], *, cell_m: float, exaggeration: float = 2.0) -> NDArray[np.float32]:
    """Light on the terrain, 0 (dark) to 1 (bright), flat ground 0.5 to 0.75; shape (rows, cols), NaN where unknown.

    Lambert's cosine of the light's angle on the surface (Horn 1981, "Hill shading and the reflectance map"), light
    from the north-west at 45 degrees for two thirds, from the west and the north for the rest, so that ridges along
    the light show too.
    """
    filled = np.where(np.isnan(elevation_m), 0.0, elevation_m) * exaggeration
    south, east = np.gradient(filled, cell_m)
    length = np.sqrt(1.0 + south**2 + east**2)
    total = np.zeros(elevation_m.shape)
    for azimuth_deg, altitude_deg, weight in ((315, 45, 0.66), (270, 45, 0.17), (0, 45, 0.17)):
        az, alt = math.radians(azimuth_deg), math.radians(altitude_deg)
        light_east, light_south, light_up = math.sin(az) * math.cos(alt), -math.cos(az) * math.cos(alt), math.sin(alt)
        total += weight * np.clip((light_up - east * light_east - south * light_south) / length, 0, 1)
    total[np.isnan(elevation_m)] = np.nan
    return total.astype(np.float32)


def terrain_rgb(
    elevation: Raster, frame: Frame, *, inside: Sequence[BaseGeometry] = (), veil: float = 0.55
) -> NDArray[np.uint8]:
    """Colour relief with shade in ``frame``, shape (rows, cols, 3); outside the web Mercator polygons ``inside`` paler.

    Outside them ground at or below sea level is drawn as water, and the picture fades into the paper at its edge;
    ground of unknown height is grey.
    """
    light = warp(shade(elevation.values, cell_m=elevation.grid.cell_m), elevation, frame, smooth=True)
    height = warp(elevation.values, elevation, frame, smooth=True)
    unknown = np.isnan(height)
    known_height = np.where(unknown, 0.0, height)
    tint = np.stack([np.interp(known_height, _TINTS[:, 0], _TINTS[:, i]) for i in (1, 2, 3)], axis=-1)
    flat = math.sin(math.radians(45))
    factor = 1.0 + 0.62 * (np.where(np.isnan(light), flat, light) - flat)
    rgb = np.clip(tint * factor[..., None], 0, 255)
    rgb[unknown] = NO_ELEVATION_RGB
    if len(inside):
        within = rasterize(inside, out_shape=frame.shape, transform=frame.transform, dtype="uint8") == 1
        rgb[~within & (unknown | (known_height <= 0.5))] = SEA_RGB
        rgb[~within] += (np.array([250.0, 250.0, 250.0]) - rgb[~within]) * veil
        fade = (1.0 - _from_edge(frame.shape))[..., None]
        rgb = np.where(within[..., None], rgb, rgb + (np.array(PAPER_RGB, dtype=np.float64) - rgb) * fade)
    return rgb.round().astype(np.uint8)


def _from_edge(shape: tuple[int, int]) -> NDArray[np.float64]:
    """0 on the edge of a picture to 1 from a twentieth of its sides inwards, ``shape``."""
    down, across = (np.clip(np.minimum(np.arange(n), np.arange(n)[::-1]) / max(1.0, n / 20), 0, 1) for n in shape)
    return np.minimum.outer(down, across)


def margin_classes(margin_db: NDArray[np.float32]) -> NDArray[np.uint8]:
    """0 no data (NaN), 1 not covered, 2 to 5 from each of ``MARGIN_BOUNDS_DB`` up, in the shape of the margins."""
    classes = np.searchsorted(np.array(MARGIN_BOUNDS_DB, dtype=np.float32), margin_db, side="right") + 1
    classes[np.isnan(margin_db)] = 0
    return classes.astype(np.uint8)


def coverage_classes(margin: Raster, frame: Frame) -> NDArray[np.uint8]:
    """``margin_classes`` of each pixel's nearest cell, shape of ``frame``; 0 outside the raster."""
    classes = warp(margin_classes(margin.values).astype(np.float32), margin, frame, smooth=False)
    return np.nan_to_num(classes, nan=0.0).astype(np.uint8)


def jpeg_uri(rgb: NDArray[np.uint8], *, quality: int = 82) -> str:
    """A data URI of a colour picture, shape (rows, cols, 3)."""
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "JPEG", quality=quality, optimize=True, subsampling=0)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def palette_png_uri(classes: NDArray[np.uint8], colours: Sequence[tuple[int, int, int, int]]) -> str:
    """A data URI of a picture of classes, shape (rows, cols), class i in colour i (R, G, B, alpha 0-255)."""
    picture = Image.fromarray(classes).convert("P")
    picture.putpalette([channel for colour in colours for channel in colour[:3]])
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True, transparency=bytes(colour[3] for colour in colours))
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
