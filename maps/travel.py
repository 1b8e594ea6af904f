"""Travel time to services on the map: a picture of classes a service, and its points."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from phusong.layers.grid import Raster
from phusong.layers.messages import LANGS
from phusong.maps.images import Frame, frame_of, palette_png_uri, warp
from phusong.maps.view import MapTravel

BOUNDS_MIN = (15, 30, 60, 120, 240)
"""Upper bounds of the drawn classes, minutes; one more class lies beyond, and one is where no point is reached."""
# Near is dark blue, far is pale, very far orange; not reached is grey: the pairs stay apart for colour-blind eyes.
TRAVEL_COLOURS: tuple[tuple[int, int, int, int], ...] = (
    (0, 0, 0, 0),
    (8, 55, 120, 205),
    (40, 120, 190, 200),
    (107, 174, 222, 195),
    (198, 219, 239, 190),
    (253, 208, 130, 190),
    (217, 95, 14, 190),
    (82, 82, 82, 190),
)
LONGEST_PX = 1000
NOT_REACHED = len(TRAVEL_COLOURS) - 1


def travel_classes(minutes: NDArray[np.float32]) -> NDArray[np.uint8]:
    """0 no data (NaN), 1 to 6 by ``BOUNDS_MIN`` (a bound belongs to the nearer class), 7 not reached (negative)."""
    classes = np.searchsorted(np.array(BOUNDS_MIN, dtype=np.float32), minutes, side="left") + 1
    classes[minutes < 0] = NOT_REACHED
    classes[np.isnan(minutes)] = 0
    return classes.astype(np.uint8)


def picture_classes(minutes: Raster, frame: Frame) -> NDArray[np.uint8]:
    """``travel_classes`` of each pixel's nearest cell, shape of ``frame``; 0 outside the raster."""
    classes = warp(travel_classes(minutes.values).astype(np.float32), minutes, frame, smooth=False)
    return np.nan_to_num(classes, nan=0.0).astype(np.uint8)


def travel_picture(travel: MapTravel) -> dict[str, Any]:
    """A service's picture as the page embeds it, with its names and what it rests on."""
    frame = frame_of(travel.minutes, longest_px=LONGEST_PX)
    classes = picture_classes(travel.minutes, frame)
    return {
        "id": travel.service,
        "label": {lang: travel.label[lang] for lang in LANGS},
        "told": {lang: travel.told[lang] for lang in LANGS},
        "url": palette_png_uri(classes, TRAVEL_COLOURS),
        "bounds": frame.corners,
        "bounds_min": list(BOUNDS_MIN),
        "unreached": bool((classes == NOT_REACHED).any()),
        "colours": [f"rgba({r},{g},{b},{a / 255:.2f})" for r, g, b, a in TRAVEL_COLOURS[1:]],
    }
