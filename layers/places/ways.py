"""The ways two columns of coordinates can be read: in which form, which of them is the easting, in which CRS.

Nothing is decided here: ``ways`` lists what is possible, ``coordinates`` weighs it against where the rows should lie.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS
from pyproj.aoi import AreaOfInterest
from pyproj.database import query_crs_info
from pyproj.enums import PJType

from phusong.layers.places.dms import EAST, NORTH, Cells
from phusong.layers.places.projection import VN2000, WGS84, Bounds, moved_bounds

Numbers = NDArray[np.float64]

DEGREE_FORMS = (
    "degrees", "degrees_comma", "dotted", "packed", "packed_minutes", "pointed", "no_point", "no_minus",
)  # fmt: skip
"""Forms of degrees, the commonest first. ``packed``: DDMMSS.s; ``packed_minutes``: DDMM.m; ``pointed``: DD.MMSS;
``no_point``: the decimal point was lost; ``no_minus``: the sign was. Marked degrees pass in the first three."""

METRE_FORMS = ("metres", "metres_comma", "km", "km_comma", "zoned", "no_point")
"""Forms of metres. ``zoned``: the zone's number is glued before the easting (48582123)."""

PLAIN = frozenset({"degrees", "metres"})
_LEAST_PACKED = 10_000.0
_ZONE_M = 1e6
_IN_ZONE_M = (1e5, 9e5)  # eastings up to 4 degrees from the meridian
_MOST_DEGREES = 180.0


@dataclass(frozen=True)
class Way:
    """How two columns are read: ``swapped`` if the first of them is the northing (latitude)."""

    crs: str
    swapped: bool
    east: str
    north: str

    @property
    def form(self) -> str:
        """The form, or both where the columns differ (east/north)."""
        return self.east if self.east == self.north else f"{self.east}/{self.north}"

    @property
    def plain(self) -> bool:
        """Whether nothing is read otherwise than it stands there."""
        return not self.swapped and {self.east, self.north} <= PLAIN

    def read(self, first: Cells, second: Cells, *, box: Bounds) -> tuple[Numbers, Numbers]:
        """(x, y) of each row in the way's CRS, NaN where a row cannot be read so; ``box``: where it should lie."""
        east, north = (second, first) if self.swapped else (first, second)
        x = values(east, self.east, role=EAST, low=box[0], high=box[2], crs=self.crs)
        y = values(north, self.north, role=NORTH, low=box[1], high=box[3], crs=self.crs)
        south = north.letter_n & east.vietnamese  # beside Đ or T the letter N is Nam
        return x, np.where(south, -y, y)


def is_degrees(crs: str) -> bool:
    """Whether the CRS counts in degrees."""
    return bool(_known(crs).is_geographic)


def crs_name(crs: str) -> str:
    """The CRS by code and name, as the database has it."""
    name = _known(crs).name
    return f"{crs} ({name})" if crs.startswith("EPSG:") else name


@lru_cache(maxsize=16)
def candidates(box: Bounds) -> tuple[str, ...]:
    """The CRSs a file of this place may be in: WGS 84, VN-2000 and all its zones where it is used, WGS 84 UTM.

    ``box`` in degrees (lon, lat). Codes and names are the database's: 18 zones TM-3 and UTM 48N, 49N of VN-2000.
    """
    left, bottom, right, top = box
    found = [WGS84]
    area = CRS.from_user_input(VN2000).area_of_use
    if area is not None and area.west <= right and area.east >= left and area.south <= top and area.north >= bottom:
        found += [VN2000, *vn2000_zones()]
        left, right = min(left, area.west), max(right, area.east)  # a twin on WGS 84 for each UTM zone of VN-2000
    bases = ([32600] if top > 0 else []) + ([32700] if bottom < 0 else [])
    zones = range(utm_zone(left - 3), utm_zone(right + 3) + 1)
    return (*found, *(f"EPSG:{base + zone}" for base in bases for zone in zones))


@lru_cache(maxsize=1)
def vn2000_zones() -> tuple[str, ...]:
    """Every projected CRS of VN-2000 in PROJ's database, by code."""
    area = CRS.from_user_input(VN2000).area_of_use
    within = AreaOfInterest(*area.bounds) if area is not None else None
    found = query_crs_info(auth_name="EPSG", pj_types=PJType.PROJECTED_CRS, area_of_interest=within)
    codes = {int(info.code) for info in found if info.name.startswith("VN-2000")}
    return tuple(f"EPSG:{code}" for code in sorted(codes))


def utm_zone(lon_deg: float) -> int:
    """The UTM zone of a longitude, 1 to 60."""
    return int(np.clip(np.floor((lon_deg + 180) / 6) + 1, 1, 60))


@lru_cache(maxsize=512)
def box_in(crs: str, box: Bounds) -> Bounds:
    """A box of WGS 84 degrees as bounds in ``crs``; infinite where it cannot be shown there."""
    if crs == WGS84:
        return box
    return moved_bounds(box, WGS84, crs)


def ways(first: Cells, second: Cells, *, crs: str, box: Bounds, least: float) -> Iterator[tuple[Way, Numbers, Numbers]]:
    """Every way in one CRS that brings at least the share ``least`` of the filled rows into ``box`` (in ``crs``).

    The columns' order as it stands comes first, then the commonest forms.
    """
    filled = ~(first.blank & second.blank)
    forms = DEGREE_FORMS if is_degrees(crs) else METRE_FORMS
    for swapped in (False, True):
        east, north = (second, first) if swapped else (first, second)
        fitting: list[list[str]] = []
        for cells, role, low, high in ((east, EAST, box[0], box[2]), (north, NORTH, box[1], box[3])):
            inside = {}
            for form in forms:
                read = values(cells, form, role=role, low=low, high=high, crs=crs)
                if form == "pointed" and not _all_pointed(cells, read):
                    continue
                inside[form] = float(((read >= low) & (read <= high))[filled].mean()) if filled.any() else 0.0
            fitting.append([form for form, share in inside.items() if share > 0 and share >= least])
        for e in fitting[0]:
            for n in fitting[1]:
                if (e == "pointed") != (n == "pointed"):
                    continue
                way = Way(crs, swapped, e, n)
                yield way, *way.read(first, second, box=box)


def values(cells: Cells, form: str, *, role: int, low: float, high: float, crs: str) -> Numbers:
    """A column as one axis of ``crs`` in one form; NaN where a cell is not written so or says it is the other axis."""
    read = _of_form(cells, form, low=low, high=high)
    if (
        form == "no_point"
        and role == EAST
        and not is_degrees(crs)
        and not (_IN_ZONE_M[0] <= low and high <= _IN_ZONE_M[1])
    ):
        read = np.full(len(read), np.nan)  # near 0 the point may have stood in several places
    zone = cells.zone
    wrong = (cells.role != 0) & (cells.role != role)
    if form == "zoned":
        wrong |= (zone != 0) | ~((read >= _ZONE_M) & (read < 100 * _ZONE_M))
        zone = np.where(wrong, 0, read // _ZONE_M).astype(np.int64)
        read = read % _ZONE_M
    if zone.any():
        wrong |= (zone != 0) & ~np.isin(zone, list(_zone_numbers(crs)))
    return np.where(wrong, np.nan, read)


def _of_form(cells: Cells, form: str, *, low: float, high: float) -> Numbers:
    either = np.where(np.isnan(cells.point), cells.comma, cells.point)
    if form in ("degrees", "no_minus"):
        read = np.where(np.isnan(cells.marked), cells.point, cells.marked)
        return read if form == "degrees" else np.where((read > 0) & (high < 0), -read, np.nan)
    if form == "degrees_comma":
        return np.where(np.isnan(cells.marked), cells.comma, cells.marked)
    if form == "dotted":
        return np.where(np.isnan(cells.dotted), cells.marked, cells.dotted)
    if form in ("packed", "packed_minutes"):
        return _packed(either, seconds=form == "packed")
    if form == "pointed":
        return _pointed(either, cells)
    if form == "no_point":
        return _scaled(cells.digits, low=low, high=high)
    factor = 1000.0 if form.startswith("km") else 1.0
    with np.errstate(over="ignore"):
        return factor * (cells.comma if form.endswith("comma") else cells.point)


def _packed(number: Numbers, *, seconds: bool) -> Numbers:
    """DDMMSS.s, or DDMM.m without seconds; NaN where minutes or seconds reach 60."""
    size = np.abs(number)
    if not seconds:
        degrees, minutes = np.floor(size / 100), size % 100
        good = (size >= 100) & (minutes < 60) & (degrees <= _MOST_DEGREES)
        return np.where(good, np.copysign(degrees + minutes / 60, number), np.nan)
    degrees, minutes, rest = np.floor(size / 10_000), np.floor(size / 100) % 100, size % 100
    good = (size >= _LEAST_PACKED) & (minutes < 60) & (rest < 60) & (degrees <= _MOST_DEGREES)
    return np.where(good, np.copysign(degrees + minutes / 60 + rest / 3600, number), np.nan)


def _pointed(number: Numbers, cells: Cells) -> Numbers:
    """DD.MMSS; NaN where minutes or seconds reach 60."""
    size = np.round(np.minimum(np.abs(number), 2 * _MOST_DEGREES) * 1e8)
    degrees, minutes, seconds = np.floor(size / 1e8), np.floor(size / 1e6) % 100, (size % 1e6) / 1e4
    good = (minutes < 60) & (seconds < 60) & (degrees <= _MOST_DEGREES) & np.isnan(cells.marked)
    return np.where(good, np.copysign(degrees + minutes / 60 + seconds / 3600, number), np.nan)


def _all_pointed(cells: Cells, read: Numbers) -> bool:
    """Whether every cell of a column can be DD.MMSS, and some have seconds; by chance 36 % of cells can."""
    either = np.where(np.isnan(cells.point), cells.comma, cells.point)
    seconds = np.round(np.minimum(np.abs(either), 2 * _MOST_DEGREES) * 1e8) % 1e6 > 0
    return bool((np.isfinite(read) | cells.blank).all() and (seconds & np.isfinite(read)).any())


def _scaled(digits: Numbers, *, low: float, high: float) -> Numbers:
    """Digits with the point put where they fall between ``low`` and ``high``; NaN where none or several places do."""
    found, times = np.full(len(digits), np.nan), np.zeros(len(digits), dtype=np.int64)
    if np.isnan(digits).all():
        return found
    for places in range(1, 13):
        moved = digits / 10.0**places
        fits = (moved >= low) & (moved <= high) & (moved != 0)
        found, times = np.where(fits, moved, found), times + fits
    return np.where(times == 1, found, np.nan)


@lru_cache(maxsize=64)
def _zone_numbers(crs: str) -> frozenset[int]:
    """Numbers that name the CRS's zone: of UTM, of Gauss-Krueger (30 less), and a three-digit one in its name."""
    known = _known(crs)
    conversion = known.coordinate_operation
    if conversion is None or known.is_geographic:
        return frozenset()
    origin = {p.name: p.value for p in conversion.params}.get("Longitude of natural origin")
    if origin is None:
        return frozenset()
    zone = utm_zone(float(origin))
    last = known.name.split()[-1]
    return frozenset({zone, zone - 30} | ({int(last)} if last.isdigit() else set()))


@lru_cache(maxsize=256)
def _known(crs: Any) -> CRS:
    return CRS.from_user_input(crs)
