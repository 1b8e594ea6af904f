"""Irregular Terrain Model (Longley-Rice), 20 MHz to 20 GHz: loss of a path over a profile, or over terrain of a kind.

Written from G. A. Hufford, A. G. Longley and W. A. Kissick, "A guide to the use of the ITS Irregular Terrain Model in
the area prediction mode" (NTIA TR-82-100, 1982) and G. A. Hufford, "The ITS Irregular Terrain Model, version 1.2.2: the
algorithm"; limits, warnings and modes of variability are those of NTIA's present definition (version 1.3). Equation
numbers stand beside the formulas, in ``itm_core.py``.

``itm_profile`` (point to point) and ``itm_area`` (area mode), each for quantiles of time, location and situation or
for confidence and reliability. Warnings come with the result and are never raised; inputs out of range are.
"""

from __future__ import annotations

import cmath
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from math import inf, isfinite, log, sqrt
from typing import Literal, NoReturn

import numpy as np
from numpy.typing import ArrayLike, NDArray

from phusong.coverage.radio import itm_core as core
from phusong.coverage.radio import itm_geometry as geometry
from phusong.layers.errors import Fault, InputError
from phusong.layers.messages import Lang, Text, say


class Climate(IntEnum):
    """Radio climates of TR-82-100; the numbers are NTIA's."""

    EQUATORIAL = 1
    CONTINENTAL_SUBTROPICAL = 2
    MARITIME_SUBTROPICAL = 3
    DESERT = 4
    CONTINENTAL_TEMPERATE = 5
    MARITIME_TEMPERATE_OVER_LAND = 6
    MARITIME_TEMPERATE_OVER_SEA = 7


class Siting(IntEnum):
    """Care with which a terminal's place was chosen, for the area mode."""

    RANDOM = 0
    CAREFUL = 1
    VERY_CAREFUL = 2


class Variability(IntEnum):
    """What the quantiles are quantiles of (TR-82-100 section 5.1); the numbers are the units of NTIA's ``mdvar``."""

    SINGLE_MESSAGE = core.SINGLE_MESSAGE
    """Time, location and situation together make the confidence; only the situation's quantile counts."""
    ACCIDENTAL = core.ACCIDENTAL
    """Time makes the reliability, location and situation the confidence."""
    MOBILE = core.MOBILE
    """Time and location make the reliability, the situation the confidence."""
    BROADCAST = core.BROADCAST
    """At least this share of time in at least this share of locations; the situation is the confidence."""


class Propagation(IntEnum):
    """By which mechanism the wave arrives."""

    LINE_OF_SIGHT = core.LINE_OF_SIGHT
    DIFFRACTION = core.DIFFRACTION
    TROPOSCATTER = core.TROPOSCATTER


class ItmWarning(IntFlag):
    """What makes a result less certain: the flags of NTIA's definition, bit by bit, and one of this program's own."""

    TX_HEIGHT = 0x0001
    """Transmitter outside 1 to 1,000 m."""
    RX_HEIGHT = 0x0002
    FREQUENCY = 0x0004
    """Outside 40 MHz to 10 GHz."""
    PATH_LONG = core.PATH_LONG
    """Over 1,000 km."""
    PATH_TOO_LONG = core.PATH_TOO_LONG
    """Over 2,000 km."""
    PATH_SHORT = core.PATH_SHORT
    """Less than five times the difference of the effective heights."""
    PATH_TOO_SHORT = core.PATH_TOO_SHORT
    """Under 1 km."""
    TX_HORIZON_ANGLE = core.TX_HORIZON_ANGLE
    """Horizon more than 0.2 rad off the horizontal."""
    RX_HORIZON_ANGLE = core.RX_HORIZON_ANGLE
    TX_HORIZON_NEAR = core.TX_HORIZON_NEAR
    """Horizon nearer than a tenth of the smooth Earth's."""
    RX_HORIZON_NEAR = core.RX_HORIZON_NEAR
    TX_HORIZON_FAR = core.TX_HORIZON_FAR
    """Horizon farther than three times the smooth Earth's."""
    RX_HORIZON_FAR = core.RX_HORIZON_FAR
    EXTREME_QUANTILE = core.EXTREME_QUANTILE
    """A quantile beyond 3.1 standard deviations (under 0.1 % or over 99.9 %)."""
    LOW_REFRACTIVITY = core.LOW_REFRACTIVITY
    """Surface refractivity from 150 to 250 N-units (high mountains)."""
    SMOOTH_EARTH = core.SMOOTH_EARTH
    """The rounded Earth's diffraction is not defined for this ground and frequency; a bound stands in for it."""

    def say(self, lang: Lang) -> list[str]:
        """One sentence a warning."""
        return [say(f"itm.warning.{flag.name}", lang) for flag in self]


@dataclass(frozen=True)
class Conditions:
    """What a path's loss depends on besides its geometry.

    The ground's constants default to TR-82-100's average ground.
    """

    frequency_mhz: float
    polarisation: Literal["horizontal", "vertical"]
    climate: Climate
    refractivity: float
    """N0, minimum monthly mean surface refractivity reduced to sea level, N-units; 250 to 400."""
    permittivity: float = 15.0
    """Relative, of the ground."""
    conductivity_s_per_m: float = 0.005
    """Of the ground."""
    variability: Variability = Variability.MOBILE
    location_varies: bool = True
    """No: NTIA's ``mdvar`` + 10, for a path of two known places."""
    situation_varies: bool = True
    """No: NTIA's ``mdvar`` + 20, for interference; a small rest remains."""


@dataclass(frozen=True)
class TimeLocationSituation:
    """The loss is not exceeded in these percentages (0 to 100, exclusive) of time, locations and situations."""

    time_pct: float = 50.0
    location_pct: float = 50.0
    situation_pct: float = 50.0


@dataclass(frozen=True)
class ConfidenceReliability:
    """The loss is not exceeded with this reliability and confidence, 0 to 100, exclusive (half of locations)."""

    confidence_pct: float = 50.0
    reliability_pct: float = 50.0


Quantiles = TimeLocationSituation | ConfidenceReliability


@dataclass(frozen=True)
class ItmResult:
    """Loss of one path and what it was made of; pairs are (transmitter, receiver)."""

    loss_db: float
    """Basic transmission loss at the asked quantiles."""
    free_space_db: float
    """32.45 + 20 log10(f d), MHz and km, the model's own constant."""
    reference_attenuation_db: float
    """A_ref, over free space, before climate and quantiles."""
    median_deviation_db: float
    """V_med, by which the climate's median lies below the reference."""
    propagation: Propagation
    distance_m: float
    horizon_distance_m: tuple[float, float]
    """Of a path in line of sight: those the terrain's irregularity makes likely."""
    horizon_angle_rad: tuple[float, float]
    effective_height_m: tuple[float, float]
    terrain_irregularity_m: float
    """delta h, interdecile range of the terrain about its trend."""
    surface_refractivity: float
    """Ns, N-units."""
    effective_earth_radius_m: float
    warnings: ItmWarning


def itm_profile(
    heights_m: ArrayLike,
    *,
    step_m: float,
    tx_height_m: float,
    rx_height_m: float,
    conditions: Conditions,
    quantiles: Quantiles,
) -> ItmResult:
    """Loss over a terrain profile (point to point mode).

    ``heights_m``: ground above sea level every ``step_m`` metres from transmitter to receiver, both ends included (at
    least two). ``tx_height_m``, ``rx_height_m``: antennas above ground. InputError: a value out of range, a void in the
    profile, or ground so high or low that its refractivity leaves 150 to 400 N-units.
    """
    heights = np.ascontiguousarray(heights_m, dtype=np.float64)
    faults = input_faults(tx_height_m, rx_height_m, conditions, quantiles)
    if heights.ndim != 1 or len(heights) < 2:
        faults.append(Fault("itm.fault.points", params={"count": heights.size}))
    elif not np.isfinite(heights).all():
        faults.append(Fault("itm.fault.void", params={"count": int((~np.isfinite(heights)).sum())}))
    faults += _range_fault("step", step_m, 0.0, inf, exclusive=True)
    row = given_row(tx_height_m, rx_height_m, conditions, quantiles, faults)
    given = float(tx_height_m), float(rx_height_m), float(conditions.refractivity)
    geometry.profile_path(heights, float(step_m), *given, row[: core.PATH_SIZE])
    flags = core.path_loss(row, CLIMATES[conditions.climate], 10.0)
    if flags == core.REFUSED:
        refuse(row[core.REFRACTIVITY])
    return _result(row, flags)


def itm_area(
    distance_m: float,
    *,
    terrain_irregularity_m: float,
    tx_height_m: float,
    rx_height_m: float,
    tx_siting: Siting,
    rx_siting: Siting,
    conditions: Conditions,
    quantiles: Quantiles,
) -> ItmResult:
    """Loss at a distance over terrain of a given irregularity delta h (area mode).

    Plains have a delta h of about 30 m, hills 90 m, mountains 200 m, rugged mountains 500 m (TR-82-100 table 1).
    InputError: a value out of range.
    """
    faults = input_faults(tx_height_m, rx_height_m, conditions, quantiles)
    faults += _range_fault("distance", distance_m, 0.0, inf, exclusive=True)
    faults += _range_fault("irregularity", terrain_irregularity_m, 0.0, inf)
    faults += _word_fault("tx_siting", tx_siting, Siting) + _word_fault("rx_siting", rx_siting, Siting)
    row = given_row(tx_height_m, rx_height_m, conditions, quantiles, faults)
    row[core.DISTANCE] = distance_m
    row[core.IRREGULARITY] = terrain_irregularity_m
    given = float(tx_height_m), float(rx_height_m), float(conditions.refractivity)
    geometry.area_path(int(tx_siting), int(rx_siting), *given, row[: core.PATH_SIZE])
    return _result(row, core.path_loss(row, CLIMATES[conditions.climate], 0.0))


def input_faults(tx_height_m: float, rx_height_m: float, conditions: Conditions, quantiles: Quantiles) -> list[Fault]:
    """What is out of NTIA's limits among the inputs that both modes share."""
    faults = _range_fault("tx_height", tx_height_m, 0.5, 3000.0) + _range_fault("rx_height", rx_height_m, 0.5, 3000.0)
    faults += _range_fault("frequency", conditions.frequency_mhz, 20.0, 20_000.0)
    faults += _range_fault("refractivity", conditions.refractivity, 250.0, 400.0)
    faults += _word_fault("climate", conditions.climate, Climate)
    faults += _word_fault("variability", conditions.variability, Variability)
    for name, value in vars(quantiles).items():
        faults += _range_fault(name.removesuffix("_pct"), value, 0.0, 100.0, exclusive=True)
    if conditions.polarisation not in ("horizontal", "vertical"):
        params = {"name": Text("itm.name.polarisation"), "found": conditions.polarisation}
        faults.append(Fault("itm.fault.word", params=params | {"known": "horizontal, vertical"}))
    ground = _range_fault("permittivity", conditions.permittivity, 1.0, inf)
    ground += _range_fault("conductivity", conditions.conductivity_s_per_m, 0.0, inf, exclusive=True)
    if not ground and not faults:
        impedance = _impedance(conditions)
        if impedance.real <= abs(impedance.imag):
            ground.append(Fault("itm.fault.ground"))
    return faults + ground


def refuse(refractivity: float) -> NoReturn:
    """InputError: the ground's surface refractivity is beyond the model."""
    raise InputError(
        "itm.error.refractivity",
        found=f"{refractivity:.0f}",
        low=f"{core.MIN_REFRACTIVITY:g}",
        high=f"{core.MAX_REFRACTIVITY:g}",
    )


def _range_fault(name: str, value: float, low: float, high: float, *, exclusive: bool = False) -> list[Fault]:
    inside = low < value < high if exclusive else low <= value <= high
    if inside and isfinite(value):
        return []
    words = {(False, False): "range", (False, True): "between", (True, False): "least", (True, True): "over"}
    code = f"itm.fault.{words[high == inf, exclusive]}"
    params = {"name": Text(f"itm.name.{name}"), "found": f"{value:g}", "low": f"{low:g}", "high": f"{high:g}"}
    return [Fault(code, params=params)]


def _word_fault(name: str, value: int, words: type[IntEnum]) -> list[Fault]:
    if value in [word.value for word in words]:
        return []
    known = ", ".join(f"{word.value} {word.name}" for word in words)
    return [Fault("itm.fault.word", params={"name": Text(f"itm.name.{name}"), "found": str(value), "known": known})]


def _impedance(conditions: Conditions) -> complex:
    """Surface transfer impedance Zg, algorithm eqs. (1.4), (1.5)."""
    ground = complex(conditions.permittivity, 18_000.0 * conditions.conductivity_s_per_m / conditions.frequency_mhz)
    horizontal = cmath.sqrt(ground - 1.0)
    return horizontal / ground if conditions.polarisation == "vertical" else horizontal


def normal_deviate(percent: float) -> float:
    """The deviate that a normal variable exceeds with this probability: Abramowitz and Stegun 26.2.23, as the model."""
    share = percent / 100.0
    t = sqrt(-2.0 * log(min(share, 1.0 - share)))
    upper = t - (2.515516 + t * (0.802853 + t * 0.010328)) / (1.0 + t * (1.432788 + t * (0.189269 + t * 0.001308)))
    return upper if share <= 0.5 else -upper


def given_row(
    tx_height_m: float, rx_height_m: float, conditions: Conditions, quantiles: Quantiles, faults: list[Fault]
) -> NDArray[np.float64]:
    """The row the compiled model works on, filled with what is given; InputError if there are faults."""
    if faults:
        raise InputError("itm.error.inputs", faults=tuple(faults))
    if isinstance(quantiles, ConfidenceReliability):  # as NTIA: reliability for time, confidence for situation
        time_pct, location_pct, situation_pct = quantiles.reliability_pct, 50.0, quantiles.confidence_pct
    else:
        time_pct, location_pct, situation_pct = quantiles.time_pct, quantiles.location_pct, quantiles.situation_pct
    impedance = _impedance(conditions)
    row = np.full(core.ROW_SIZE, np.nan)
    row[core.HEIGHT_1], row[core.HEIGHT_2] = tx_height_m, rx_height_m
    row[core.FREQUENCY] = conditions.frequency_mhz
    row[core.IMPEDANCE_RE], row[core.IMPEDANCE_IM] = impedance.real, impedance.imag
    row[core.VARIABILITY] = conditions.variability
    row[core.LOCATION_VARIES], row[core.SITUATION_VARIES] = conditions.location_varies, conditions.situation_varies
    row[core.Z_TIME], row[core.Z_LOCATION] = normal_deviate(time_pct), normal_deviate(location_pct)
    row[core.Z_SITUATION] = normal_deviate(situation_pct)
    return row


def input_warnings(tx_height_m: float, rx_height_m: float, frequency_mhz: float) -> ItmWarning:
    """The warnings that what is given raises on any path."""
    warnings = ItmWarning(0)
    if not 1.0 <= tx_height_m <= 1000.0:
        warnings |= ItmWarning.TX_HEIGHT
    if not 1.0 <= rx_height_m <= 1000.0:
        warnings |= ItmWarning.RX_HEIGHT
    if not 40.0 <= frequency_mhz <= 10_000.0:
        warnings |= ItmWarning.FREQUENCY
    return warnings


def _result(row: NDArray[np.float64], flags: int) -> ItmResult:
    always = input_warnings(row[core.HEIGHT_1], row[core.HEIGHT_2], row[core.FREQUENCY])
    return ItmResult(
        loss_db=float(row[core.LOSS]),
        free_space_db=float(row[core.FREE_SPACE]),
        reference_attenuation_db=float(row[core.REFERENCE]),
        median_deviation_db=float(row[core.MEDIAN_DEVIATION]),
        propagation=Propagation(int(row[core.MODE])),
        distance_m=float(row[core.DISTANCE]),
        horizon_distance_m=(float(row[core.HORIZON_1]), float(row[core.HORIZON_2])),
        horizon_angle_rad=(float(row[core.THETA_1]), float(row[core.THETA_2])),
        effective_height_m=(float(row[core.EFFECTIVE_1]), float(row[core.EFFECTIVE_2])),
        terrain_irregularity_m=float(row[core.IRREGULARITY]),
        surface_refractivity=float(row[core.REFRACTIVITY]),
        effective_earth_radius_m=1.0 / float(row[core.CURVATURE]),
        warnings=ItmWarning(flags) | always,
    )


CLIMATES: dict[int, NDArray[np.float64]] = {
    climate: np.array(row, dtype=np.float64)
    for climate, row in {
        Climate.EQUATORIAL: (
            -9.67, 12.7, 144.9e3, 190.3e3, 133.8e3,
            2.13, 159.5, 762.2e3, 123.6e3, 94.5e3,
            2.11, 102.3, 636.9e3, 134.8e3, 95.6e3,
            1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.224, 1.282,
        ),
        Climate.CONTINENTAL_SUBTROPICAL: (
            -0.62, 9.19, 228.9e3, 205.2e3, 143.6e3,
            2.66, 7.67, 100.4e3, 172.5e3, 136.4e3,
            6.87, 15.53, 138.7e3, 143.7e3, 98.6e3,
            1.0, 0.0, 0.0, 0.93, 0.31, 2.00, 0.801, 2.161,
        ),
        Climate.MARITIME_SUBTROPICAL: (
            1.26, 15.5, 262.6e3, 185.2e3, 99.8e3,
            6.11, 6.65, 138.2e3, 242.2e3, 178.6e3,
            10.08, 9.60, 165.3e3, 225.7e3, 129.7e3,
            1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.380, 1.282,
        ),
        Climate.DESERT: (
            -9.21, 9.05, 84.1e3, 101.1e3, 98.6e3,
            1.98, 13.11, 139.1e3, 132.7e3, 193.5e3,
            3.68, 159.3, 464.4e3, 93.1e3, 94.2e3,
            1.0, 0.0, 0.0, 0.93, 0.19, 1.79, 1.000, 20.0,
        ),
        Climate.CONTINENTAL_TEMPERATE: (
            -0.62, 9.19, 228.9e3, 205.2e3, 143.6e3,
            2.68, 7.16, 93.7e3, 186.8e3, 133.5e3,
            4.75, 8.12, 93.2e3, 135.9e3, 113.4e3,
            0.92, 0.25, 1.77, 0.93, 0.31, 2.00, 1.224, 1.282,
        ),
        Climate.MARITIME_TEMPERATE_OVER_LAND: (
            -0.39, 2.86, 141.7e3, 315.9e3, 167.4e3,
            6.86, 10.38, 187.8e3, 169.6e3, 108.9e3,
            8.58, 13.97, 216.0e3, 152.0e3, 122.7e3,
            1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.518, 1.282,
        ),
        Climate.MARITIME_TEMPERATE_OVER_SEA: (
            3.15, 857.9, 2222.0e3, 164.8e3, 116.3e3,
            8.51, 169.8, 609.8e3, 119.9e3, 106.6e3,
            8.43, 8.19, 136.2e3, 188.5e3, 122.9e3,
            1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.518, 1.282,
        ),
    }.items()
}  # fmt: skip
"""A line a curve (median, sigma T-, sigma T+), then g-, g+, C_D and z_D; the algorithm's section 5 and its program."""
