"""ITU-R P.1812-7: basic transmission loss of one path for a share of time and of locations, 30 MHz to 6 GHz.

The loss not exceeded for p percent of the average year and pL percent of places, from line of sight, diffraction,
troposcatter and ducting over a terrain profile with clutter. Equation numbers as the official step logs cite them.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log10, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from phusong.coverage.radio import p1812_terms as terms
from phusong.coverage.radio.atmosphere import effective_earth_factor
from phusong.coverage.radio.delta_bullington import DeltaBullington, check_profile, diffraction_over, smooth_surface
from phusong.coverage.radio.diffraction import EARTH_RADIUS_M
from phusong.coverage.radio.p1812_terms import COAST, INLAND, SEA
from phusong.layers.errors import Fault, InputError

__all__ = ["COAST", "INLAND", "SEA", "PathLoss", "location_sigma_db", "p1812"]

LIGHT_M_PER_S = 2.998e8  # as the official logs take it
DUCT_EARTH_FACTOR = 3.0  # k for the time beta0, eq. (7b)
AREA_WIDTH_M = 100.0  # of the square that a prediction speaks for

LIMITS = {  # validity of the Recommendation, 1 and Table 1; DN and N0 wider than any place on its maps
    "frequency_mhz": (30.0, 6000.0),
    "distance_km": (0.25, 3000.0),
    "tx_height_m": (1.0, 3000.0),
    "rx_height_m": (1.0, 3000.0),
    "time_pct": (1.0, 50.0),
    "locations_pct": (1.0, 99.0),
    "latitude_deg": (-80.0, 80.0),
    "delta_n": (0.0, 150.0),
    "n0": (200.0, 500.0),
}


@dataclass(frozen=True)
class PathLoss:
    """The loss of one path and everything on the way to it, with the Recommendation's symbols and equations."""

    loss_db: float
    """Lb: loss not exceeded for p % of time and pL % of locations, eq. (69)"""
    field_dbuv_m: float
    """Ep: field strength for 1 kW of effective radiated power, eq. (70)"""

    path_km: float
    """d"""
    line_of_sight: bool
    """no terrain over the straight ray at the median Earth radius, clutter left out"""
    tx_m: float
    """hts: transmitting antenna above mean sea level"""
    rx_m: float
    """hrs"""
    sea_share: float
    """omega: part of the path over sea"""
    land_km: float
    """dtm: longest stretch of land (3.6)"""
    inland_km: float
    """dlm: longest inland stretch (3.6)"""
    duct_incidence_pct: float
    """beta0, eq. (5)"""
    earth_km: float
    """ae: median effective Earth radius, eq. (7a)"""

    horizon_tx_km: float
    """dlt: distance of the transmitter's horizon, eq. (78)"""
    horizon_rx_km: float
    """dlr, eq. (81a)"""
    horizon_tx_mrad: float
    """theta_t: elevation of the transmitter's horizon, eqs. (76) to (78)"""
    horizon_rx_mrad: float
    """theta_r, eqs. (79) to (81)"""
    angular_distance_mrad: float
    """theta, eq. (82)"""
    surface_tx_m: float
    """hst: least-squares line through the terrain, at the transmitter, eq. (85)"""
    surface_rx_m: float
    """hsr, eq. (86)"""
    effective_tx_m: float
    """hte: height over the lowered line, for ducting, eq. (92a)"""
    effective_rx_m: float
    """hre, eq. (92b)"""
    roughness_m: float
    """hm: most the terrain rises over that line between the horizons, eq. (93)"""

    time_share: float
    """Fi, eq. (40)"""
    angle_share: float
    """Fj, eq. (57)"""
    distance_share: float
    """Fk, eq. (58)"""
    free_space_db: float
    """Lbfs, eq. (8)"""
    clear_p_db: float
    """Lb0p: line of sight for p % of time, eq. (10)"""
    clear_beta_db: float
    """Lb0b: the same for beta0 %, eq. (11)"""
    diffraction_50: DeltaBullington
    """Ld50 and its parts: the median Earth radius, eq. (39)"""
    diffraction_beta: DeltaBullington
    """Ldb and its parts: three times the Earth's radius, for beta0 % of time"""
    diffraction_p_db: float
    """Ldp, eq. (41)"""
    with_diffraction_50_db: float
    """Lbd50, eq. (42)"""
    with_diffraction_p_db: float
    """Lbd, eq. (43)"""
    least_clear_db: float
    """Lminb0p, eq. (59)"""
    ducting_db: float
    """Lba, eq. (46)"""
    least_duct_db: float
    """Lminbap, eq. (60)"""
    enhanced_db: float
    """Lbda, eq. (61)"""
    modified_db: float
    """Lbam, eq. (62)"""
    troposcatter_db: float
    """Lbs, eq. (44)"""
    half_locations_db: float
    """Lbc: for p % of time and 50 % of locations, eq. (63)"""
    location_sigma_db: float
    """sigma_loc: standard deviation over locations, with the building's indoors"""


def p1812(
    d_km: ArrayLike,
    h_m: ArrayLike,
    *,
    frequency_mhz: float,
    tx_height_m: float,
    rx_height_m: float,
    vertical: bool,
    latitude_deg: float,
    delta_n: float,
    n0: float,
    time_pct: float = 50.0,
    locations_pct: float = 50.0,
    clutter_m: ArrayLike | None = None,
    zones: ArrayLike | None = None,
    tx_coast_km: float | None = None,
    rx_coast_km: float | None = None,
    sigma_db: float | None = None,
    area_width_m: float = AREA_WIDTH_M,
    entry_db: float = 0.0,
    entry_sigma_db: float = 0.0,
) -> PathLoss:
    """Basic transmission loss of a path by ITU-R P.1812-7 Annex 1.

    ``d_km`` (n,): distances from the transmitter, rising, both ends included, n >= 3. ``h_m`` (n,): ground in m above
    mean sea level. ``clutter_m`` (n,): representative clutter height; it stands on every point but the two ends, so the
    clutter about a terminal is what the points next to it carry (the last one's own counts for the spread over
    locations alone). ``zones`` (n,): SEA, COAST or INLAND, inland
    throughout if not given. ``*_height_m``: antennas above ground. ``vertical``: polarisation, else horizontal.
    ``latitude_deg``: of the path's centre. ``delta_n``: lapse of refractivity through the lowest kilometre, N-units/km,
    positive; ``n0``: refractivity at sea level, N-units. ``time_pct``: the loss is not exceeded for that part of the
    average year; ``locations_pct``: nor at that part of places in a square ``area_width_m`` wide.
    ``*_coast_km``: land between a terminal and the sea along the path, from ``zones`` if not given.
    ``sigma_db``: spread over locations, by ``location_sigma_db`` if not given and 0 for a receiver at sea.
    ``entry_db``, ``entry_sigma_db``: median and spread of the building entry loss for a receiver indoors.

    InputError, all faults together, where a value lies outside the Recommendation's validity (``LIMITS``); ValueError
    for a spread, entry loss, width or distance to the coast below 0.
    """
    d_m, h, clutter = check_profile(np.asarray(d_km, dtype=np.float64) * 1e3, h_m, clutter_m)
    d = d_m / 1e3
    named = np.full(len(d), INLAND) if zones is None else np.asarray(zones)
    if named.shape != d.shape or not set(named.tolist()) <= {SEA, COAST, INLAND}:
        raise InputError("propagation.error.zones")
    zone = named.astype(np.int64)
    path_km = float(d[-1])
    check_limits(
        frequency_mhz=frequency_mhz,
        distance_km=path_km,
        tx_height_m=tx_height_m,
        rx_height_m=rx_height_m,
        time_pct=time_pct,
        locations_pct=locations_pct,
        latitude_deg=latitude_deg,
        delta_n=delta_n,
        n0=n0,
    )
    stated = (sigma_db, area_width_m, entry_db, entry_sigma_db, tx_coast_km, rx_coast_km)
    if not all(value is None or value >= 0.0 for value in stated):
        raise ValueError("spreads, entry loss, width of the area and distances to the coast are numbers from 0 up")
    f_ghz = 1e-3 * frequency_mhz
    tx_m, rx_m = float(h[0]) + tx_height_m, float(h[-1]) + rx_height_m
    earth_km = 1e-3 * EARTH_RADIUS_M * effective_earth_factor(delta_n)  # eqs. (6), (7a)
    land_km, inland_km, sea_km = terms.sections(d, zone)
    sea_share = sea_km / path_km
    duct_pct = terms.duct_incidence_pct(latitude_deg, land_km, inland_km)
    surface = smooth_surface(d_m, h, tx_m, rx_m)
    sight, dlt, dlr, theta_t, theta_r, theta, hte, hre, roughness = terms.horizons(
        d, h, tx_m, rx_m, earth_km, surface[0], surface[1]
    )
    free, clear_p, clear_beta = terms.line_of_sight_db(f_ghz, path_km, tx_m - rx_m, dlt + dlr, time_pct, duct_pct)
    diffraction_50, diffraction_beta = (
        diffraction_over(
            d_m,
            h + clutter,
            tx_m=tx_m,
            rx_m=rx_m,
            smooth_tx_m=surface[2],
            smooth_rx_m=surface[3],
            earth_radius_m=radius_m,
            frequency_mhz=frequency_mhz,
            wavelength_m=LIGHT_M_PER_S / (frequency_mhz * 1e6),
            vertical=vertical,
            sea_share=sea_share,
        )
        for radius_m in (1e3 * earth_km, DUCT_EARTH_FACTOR * EARTH_RADIUS_M)
    )
    fi = terms.time_share(time_pct, duct_pct)
    diffraction_p = diffraction_50.loss_db + fi * (diffraction_beta.loss_db - diffraction_50.loss_db)  # eq. (41)
    ducting = terms.ducting_db(
        f_ghz,
        path_km,
        tx_m,
        rx_m,
        dlt,
        dlr,
        theta_t,
        theta_r,
        hte,
        hre,
        roughness,
        inland_km,
        sea_share,
        _coast_km(d, zone) if tx_coast_km is None else tx_coast_km,
        _coast_km(path_km - d[::-1], zone[::-1]) if rx_coast_km is None else rx_coast_km,
        earth_km,
        duct_pct,
        time_pct,
    )
    scatter = terms.troposcatter_db(f_ghz, path_km, theta, n0, time_pct)
    least_clear, least_duct, enhanced, modified, half_locations = terms.combine(
        path_km,
        theta,
        sea_share,
        time_pct,
        duct_pct,
        free,
        clear_p,
        clear_beta,
        diffraction_50.loss_db,
        diffraction_p,
        ducting,
        scatter,
    )
    if sigma_db is None:
        sigma_db = location_sigma_db(
            frequency_mhz, rx_height_m=rx_height_m, clutter_m=float(clutter[-1]), area_width_m=area_width_m
        )
        if zone[-1] == SEA:
            sigma_db = 0.0
    spread = sqrt(sigma_db**2 + entry_sigma_db**2)  # eqs. (68a), (68b)
    loss = max(clear_p, half_locations + entry_db - terms.inverse_normal(0.01 * locations_pct) * spread)  # eq. (69)
    return PathLoss(
        loss_db=loss,
        field_dbuv_m=199.36 + 20.0 * log10(f_ghz) - loss,  # eq. (70)
        path_km=path_km,
        line_of_sight=sight,
        tx_m=tx_m,
        rx_m=rx_m,
        sea_share=sea_share,
        land_km=land_km,
        inland_km=inland_km,
        duct_incidence_pct=duct_pct,
        earth_km=earth_km,
        horizon_tx_km=dlt,
        horizon_rx_km=dlr,
        horizon_tx_mrad=theta_t,
        horizon_rx_mrad=theta_r,
        angular_distance_mrad=theta,
        surface_tx_m=surface[0],
        surface_rx_m=surface[1],
        effective_tx_m=hte,
        effective_rx_m=hre,
        roughness_m=roughness,
        time_share=fi,
        angle_share=terms.angle_share(theta),
        distance_share=terms.distance_share(path_km),
        free_space_db=free,
        clear_p_db=clear_p,
        clear_beta_db=clear_beta,
        diffraction_50=diffraction_50,
        diffraction_beta=diffraction_beta,
        diffraction_p_db=diffraction_p,
        with_diffraction_50_db=free + diffraction_50.loss_db,
        with_diffraction_p_db=clear_p + diffraction_p,
        least_clear_db=least_clear,
        ducting_db=ducting,
        least_duct_db=least_duct,
        enhanced_db=enhanced,
        modified_db=modified,
        troposcatter_db=scatter,
        half_locations_db=half_locations,
        location_sigma_db=spread,
    )


def location_sigma_db(
    frequency_mhz: float, *, rx_height_m: float, clutter_m: float, area_width_m: float = AREA_WIDTH_M
) -> float:
    """Standard deviation over the places of a square, outdoors, P.1812-7 4.7: (0.024 f_GHz + 0.52) w^0.28 u(h).

    ``area_width_m``: its width w. u(h) is 1 for a receiver under the clutter and falls to 0 from there to 10 m above.
    """
    u = min(max(1.0 - (rx_height_m - clutter_m) / 10.0, 0.0), 1.0)
    return float((0.024e-3 * frequency_mhz + 0.52) * area_width_m**0.28 * u)


def _coast_km(d_km: NDArray[np.float64], zone: NDArray[np.int64]) -> float:
    """From the first point to where the sea begins (half-way between two points); infinite without sea."""
    at_sea = np.flatnonzero(zone == SEA)
    if len(at_sea) == 0:
        return float("inf")
    first = int(at_sea[0])
    return 0.0 if first == 0 else float(0.5 * (d_km[first - 1] + d_km[first]))


def check_limits(**values: float) -> None:
    """InputError with every value that lies outside the Recommendation's validity, ``LIMITS``."""
    faults = tuple(
        Fault(f"propagation.limit.{name}", params={"value": f"{value:.10g}", "low": f"{low:g}", "high": f"{high:g}"})
        for name, value in values.items()
        for low, high in (LIMITS[name],)
        if not low <= value <= high
    )
    if faults:
        raise InputError("propagation.error.p1812", faults=faults)
