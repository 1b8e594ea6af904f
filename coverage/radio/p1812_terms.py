"""The terms of ITU-R P.1812-7 but for diffraction, as compiled functions of plain numbers.

Equation numbers are those of Annex 1 as the official step logs cite them. Distances in km, heights in m, angles in
mrad, frequencies in GHz, losses in dB, times in percent: the units of the Recommendation's formulas.

``loss_over_rays`` applies them to every sample of rays; it stands here and not in a file of its own because numba's
cache watches only the file of the function it compiles.
"""

# ruff: noqa: PLR0917  (numba takes plain positional arguments)
from __future__ import annotations

from math import atan, exp, log, log10, sqrt, tanh

import numpy as np
from numba import njit
from numpy.typing import NDArray

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I16 = NDArray[np.int16]
I64 = NDArray[np.int64]

SEA, COAST, INLAND = 1, 3, 4  # radio-climatic zones B, A1 and A2 (3.3), numbered as in the ITU-R profiles
SHADOW_DB = 2.5  # eta, eq. (60)
TABLE_KM = 0.05  # steps of what depends on the distance alone
FAR_DB = 20.0  # a mechanism this much weaker adds 2e-4 dB by eq. (63)


@njit(error_model="numpy", cache=True, nogil=True)
def sections(d_km: F64, zones: I64) -> tuple[float, float, float]:
    """Longest land (inland or coast) and longest inland stretch, dtm and dlm (3.6), and all sea, in km.

    A point speaks for the path up to halfway to its neighbours.
    """
    n = len(d_km)
    longest_land = longest_inland = sea = 0.0
    land = inland = 0.0
    for i in range(n):
        length = 0.5 * (d_km[min(i + 1, n - 1)] - d_km[max(i - 1, 0)])
        if zones[i] == SEA:
            sea += length
            land = 0.0
        else:
            land += length
        inland = inland + length if zones[i] == INLAND else 0.0
        longest_land = max(longest_land, land)
        longest_inland = max(longest_inland, inland)
    return longest_land, longest_inland, sea


@njit(error_model="numpy", cache=True, nogil=True)
def inland_tau(inland_km: float) -> float:
    """tau, eq. (3)."""
    return 1.0 - exp(-4.12e-4 * inland_km**2.41)


@njit(error_model="numpy", cache=True, nogil=True)
def duct_incidence_pct(latitude_deg: float, land_km: float, inland_km: float) -> float:
    """beta0: percent of time with a lapse over 100 N-units/km in the lowest 100 m, eqs. (2) to (5).

    ``land_km``, ``inland_km``: the longest stretches of ``sections``; ``latitude_deg`` of the path's centre.
    """
    tau = inland_tau(inland_km)
    mu1 = (10.0 ** (-land_km / (16.0 - 6.6 * tau)) + 10.0 ** (-5.0 * (0.496 + 0.354 * tau))) ** 0.2
    mu1 = min(mu1, 1.0)
    latitude = abs(latitude_deg)
    if latitude > 70.0:
        return float(4.17 * mu1 * mu1**0.3)
    return float(10.0 ** (-0.015 * latitude + 1.67) * mu1 * mu1 ** (-0.935 + 0.0176 * latitude))


@njit(error_model="numpy", cache=True, nogil=True)
def horizons(
    d_km: F64, h_m: F64, tx_m: float, rx_m: float, earth_km: float, surface_tx_m: float, surface_rx_m: float
) -> tuple[bool, float, float, float, float, float, float, float, float]:
    """Horizons, effective heights and roughness over the bare terrain: Attachment 1 to Annex 1, eqs. (76) to (93).

    ``surface_tx_m``, ``surface_rx_m``: hst and hsr of the least-squares line. Returns: line of sight; dlt, dlr (km);
    theta_t, theta_r, theta (mrad); hte, hre, hm (m). With line of sight both horizons are the point that reaches
    deepest into the Fresnel zones.
    """
    last = len(d_km) - 1
    path = d_km[last]
    half = 0.5 / earth_km
    slope_t = -np.inf
    slope_r = -np.inf
    deepest = -np.inf
    at_t = at_r = at_los = 1
    for i in range(1, last):
        rest = path - d_km[i]
        slope = (h_m[i] - tx_m) * 1e-3 / d_km[i] - half * d_km[i]
        if slope > slope_t:
            slope_t = slope
            at_t = i
            slope_r = -np.inf  # the receiver's horizon lies there or beyond, also where points tie
        slope = (h_m[i] - rx_m) * 1e-3 / rest - half * rest
        if slope >= slope_r:
            slope_r = slope
            at_r = i
        over = h_m[i] + 1e3 * half * d_km[i] * rest - (tx_m * rest + rx_m * d_km[i]) / path
        nu = over / sqrt(d_km[i] * rest)
        if nu >= deepest:
            deepest = nu
            at_los = i
    straight_t = (rx_m - tx_m) * 1e-3 / path - half * path
    clear = slope_t <= straight_t
    if clear:
        slope_t = straight_t
        slope_r = (tx_m - rx_m) * 1e-3 / path - half * path
        at_t = at_r = at_los
    theta_t = 1e3 * atan(slope_t)
    theta_r = 1e3 * atan(slope_r)
    theta = 1e3 * path / earth_km + theta_t + theta_r  # eq. (82)
    low_t = min(surface_tx_m, h_m[0])  # eqs. (90a), (90b)
    low_r = min(surface_rx_m, h_m[last])
    slope = (low_r - low_t) / path  # eq. (91)
    roughness = -np.inf
    for i in range(at_t, at_r + 1):
        roughness = max(roughness, h_m[i] - (low_t + slope * d_km[i]))  # eq. (93)
    return (
        clear,
        d_km[at_t],
        path - d_km[at_r],
        theta_t,
        theta_r,
        theta,
        tx_m - low_t,  # eqs. (92a), (92b)
        rx_m - low_r,
        roughness,
    )


@njit(error_model="numpy", cache=True, nogil=True)
def inverse_normal(share: float) -> float:
    """I(x), inverse of the complementary cumulative normal distribution, by Attachment 2's approximation.

    Positive below 0.5, negative above; x counts as within 1e-6 and 1 - 1e-6.
    """
    share = min(max(share, 1e-6), 1.0 - 1e-6)
    t = sqrt(-2.0 * log(min(share, 1.0 - share)))
    correction = ((0.010328 * t + 0.802853) * t + 2.515516698) / (((0.001308 * t + 0.189269) * t + 1.432788) * t + 1.0)
    return t - correction if share <= 0.5 else correction - t


@njit(error_model="numpy", cache=True, nogil=True)
def time_share(time_pct: float, duct_pct: float) -> float:
    """Fi, eq. (40): 0 at 50 % of time, 1 at beta0 and below."""
    if time_pct <= duct_pct:
        return 1.0
    return inverse_normal(0.01 * time_pct) / inverse_normal(0.01 * duct_pct)


@njit(error_model="numpy", cache=True, nogil=True)
def line_of_sight_db(
    f_ghz: float, path_km: float, rise_m: float, horizons_km: float, time_pct: float, duct_pct: float
) -> tuple[float, float, float]:
    """Lbfs, Lb0p and Lb0b, eqs. (8) to (11): free space, and with multipath and focusing for p and for beta0."""
    free = 92.4 + 20.0 * log10(f_ghz) + 10.0 * log10(path_km * path_km + 1e-6 * rise_m * rise_m)
    gain = 2.6 * (1.0 - exp(-0.1 * horizons_km))
    return free, free + gain * log10(time_pct / 50.0), free + gain * log10(duct_pct / 50.0)


@njit(error_model="numpy", cache=True, nogil=True)
def troposcatter_db(f_ghz: float, path_km: float, theta_mrad: float, n0: float, time_pct: float) -> float:
    """Lbs, eqs. (44), (45), in the form of P.1812-6; P.1812-7's own was withdrawn in its favour by the ITU."""
    frequency = 25.0 * log10(f_ghz) - 2.5 * log10(0.5 * f_ghz) ** 2
    time = 10.125 * float(log10(50.0 / time_pct) ** 0.7)
    return 190.1 + frequency + 20.0 * log10(path_km) + 0.573 * theta_mrad - 0.15 * n0 - time


@njit(error_model="numpy", cache=True, nogil=True)
def shielding_db(f_ghz: float, horizon_km: float, theta_mrad: float) -> float:
    """Ast or Asr, eq. (48): what hides a terminal from a duct behind a horizon above 0.1 mrad a km."""
    over = theta_mrad - 0.1 * horizon_km
    if over <= 0.0:
        return 0.0
    return 20.0 * log10(1.0 + 0.361 * over * sqrt(f_ghz * horizon_km)) + 0.264 * over * float(f_ghz ** (1.0 / 3.0))


@njit(error_model="numpy", cache=True, nogil=True)
def coupling_db(coast_km: float, horizon_km: float, antenna_m: float, sea_share: float) -> float:
    """Act or Acr, eq. (49): gain (negative) of a terminal near the coast of a path over the sea."""
    if sea_share < 0.75 or coast_km > 5.0 or coast_km > horizon_km:
        return 0.0
    return -3.0 * exp(-0.25 * coast_km * coast_km) * (1.0 + tanh(0.07 * (50.0 - antenna_m)))


@njit(error_model="numpy", cache=True, nogil=True)
def duct_frequency_db(f_ghz: float) -> float:
    """The part of Af, eq. (47), that hangs on the frequency alone; Alf is eq. (47a)."""
    long_wave = 45.375 - 137.0 * f_ghz + 92.5 * f_ghz * f_ghz if f_ghz < 0.5 else 0.0
    return 102.45 + 20.0 * log10(f_ghz) + long_wave


@njit(error_model="numpy", cache=True, nogil=True)
def duct_variable_db(path_km: float, log_beta: float, time_pct: float) -> float:
    """A(p), eqs. (53), (53a): the rarer the ducts (log10 of beta in %), the greater the loss."""
    gamma = (
        1.076
        / (2.0058 - log_beta) ** 1.012
        * exp(-(9.51 - 4.8 * log_beta + 0.198 * log_beta * log_beta) * 1e-6 * path_km**1.13)
    )
    log_ratio = log10(time_pct) - log_beta
    return float(-12.0 + (1.2 + 3.7e-3 * path_km) * log_ratio + 12.0 * 10.0 ** (gamma * log_ratio))


@njit(error_model="numpy", cache=True, nogil=True)
def ducting_db(
    f_ghz: float,
    path_km: float,
    tx_m: float,
    rx_m: float,
    horizon_tx_km: float,
    horizon_rx_km: float,
    theta_t_mrad: float,
    theta_r_mrad: float,
    effective_tx_m: float,
    effective_rx_m: float,
    roughness_m: float,
    inland_km: float,
    sea_share: float,
    coast_tx_km: float,
    coast_rx_km: float,
    earth_km: float,
    duct_pct: float,
    time_pct: float,
) -> float:
    """Lba: loss by ducting and layer reflection, 4.5 eqs. (46) to (56)."""
    fixed = (  # eq. (47)
        duct_frequency_db(f_ghz)
        + 20.0 * log10(horizon_tx_km + horizon_rx_km)
        + shielding_db(f_ghz, horizon_tx_km, theta_t_mrad)
        + shielding_db(f_ghz, horizon_rx_km, theta_r_mrad)
        + coupling_db(coast_tx_km, horizon_tx_km, tx_m, sea_share)
        + coupling_db(coast_rx_km, horizon_rx_km, rx_m, sea_share)
    )
    angle = (  # eqs. (52), (52a)
        1e3 * path_km / earth_km + min(theta_t_mrad, 0.1 * horizon_tx_km) + min(theta_r_mrad, 0.1 * horizon_rx_km)
    )
    alpha = max(-0.6 - 3.5e-9 * path_km**3.1 * inland_tau(inland_km), -3.4)  # eq. (55a)
    geometry = (500.0 / earth_km * path_km * path_km / (sqrt(effective_tx_m) + sqrt(effective_rx_m)) ** 2) ** alpha
    middle_km = min(path_km - horizon_tx_km - horizon_rx_km, 40.0)  # eq. (56a)
    rough = exp(-4.6e-5 * (roughness_m - 10.0) * (43.0 + 6.0 * middle_km)) if roughness_m > 10.0 else 1.0  # eq. (56)
    beta = duct_pct * min(geometry, 1.0) * rough  # eqs. (54), (55)
    log_beta = log10(beta)
    variable = duct_variable_db(path_km, log_beta, time_pct)
    return float(fixed + 5e-5 * earth_km * f_ghz ** (1.0 / 3.0) * angle + variable)  # eqs. (46), (50), (51)


@njit(error_model="numpy", cache=True, nogil=True)
def angle_share(theta_mrad: float) -> float:
    """Fj, eq. (57): 1 for low angular distances, 0 beyond 0.3 mrad."""
    return 1.0 - 0.5 * (1.0 + tanh(2.4 * (theta_mrad - 0.3) / 0.3))


@njit(error_model="numpy", cache=True, nogil=True)
def distance_share(path_km: float) -> float:
    """Fk, eq. (58): 1 for short paths, 0 far beyond 20 km."""
    return 1.0 - 0.5 * (1.0 + tanh(1.5 * (path_km - 20.0) / 20.0))


@njit(error_model="numpy", cache=True, nogil=True)
def combine(
    path_km: float,
    theta_mrad: float,
    sea_share: float,
    time_pct: float,
    duct_pct: float,
    free_db: float,
    clear_p_db: float,
    clear_beta_db: float,
    diffraction_50_db: float,
    diffraction_p_db: float,
    ducting: float,
    troposcatter: float,
) -> tuple[float, float, float, float, float]:
    """4.6, eqs. (59) to (63): Lminb0p, Lminbap, Lbda, Lbam and Lbc from the losses of the single mechanisms."""
    with_50 = free_db + diffraction_50_db  # eq. (42)
    with_p = clear_p_db + diffraction_p_db  # eq. (43)
    land_part = (1.0 - sea_share) * diffraction_p_db
    if time_pct < duct_pct:
        least_clear = clear_p_db + land_part
    else:
        least_clear = with_50 + (clear_beta_db + land_part - with_50) * time_share(time_pct, duct_pct)  # eq. (59)
    high, low = max(ducting, clear_p_db), min(ducting, clear_p_db)
    least_duct = high + SHADOW_DB * log(1.0 + exp((low - high) / SHADOW_DB))  # eq. (60)
    enhanced = with_p
    if least_duct <= with_p:
        enhanced = least_duct + (with_p - least_duct) * distance_share(path_km)  # eq. (61)
    modified = enhanced + (least_clear - enhanced) * angle_share(theta_mrad)  # eq. (62)
    high, low = max(troposcatter, modified), min(troposcatter, modified)
    return least_clear, least_duct, enhanced, modified, low - 5.0 * log10(1.0 + 10.0 ** (-0.2 * (high - low)))


@njit(error_model="numpy", cache=True, nogil=True)
def highest_over(h_m: F32, first_km: float, step_km: float, first: int, last: int, low_m: float, slope: float) -> float:
    """hm, eq. (93), over the samples ``first`` to ``last`` of a ray; at least 0.

    ``low_m``, ``slope``: the smooth surface, m at the transmitter and m a km.
    """
    highest = 0.0
    for i in range(first, last + 1):
        highest = max(highest, h_m[i] - (low_m + slope * (first_km + step_km * i)))
    return highest


@njit(error_model="numpy", cache=True, nogil=True)
def loss_over_rays(
    ground: F32,
    start: I64,
    count: I64,
    first_m: F64,
    step_m: F64,
    tx_m: float,
    tx_ground_m: float,
    terminal_m: float,
    diffraction_50: F32,
    diffraction_beta: F32,
    tx_horizon: I16,
    rx_horizon: I16,
    f_ghz: float,
    earth_km: float,
    latitude_deg: float,
    n0: float,
    time_pct: float,
    places_db: float,
    loss_db: F32,
) -> None:
    """Lb for ``time_pct`` of the average year at every sample of the rays, inland all the way.

    Arrays (rays, longest): ``ground`` m above sea level; ``diffraction_50`` and ``diffraction_beta``: Ld50 and Ldb, dB;
    ``tx_horizon``, ``rx_horizon``: the samples that are the horizons over the bare terrain at the median Earth radius
    ``earth_km``, in line of sight both the one that reaches deepest into the Fresnel zones, -1 without a sample between
    the ends. Sample j of ray i lies at ``first_m[i] + j * step_m[i]``; asked for are ``start[i]`` to ``count[i] - 1``.
    ``tx_m``, ``tx_ground_m``: antenna and ground above sea level; ``terminal_m``: receiver above its ground.
    ``places_db``: added to the loss at half of the places, eq. (69). ``loss_db``: written.

    The least-squares line, eqs. (83) to (86), grows along the ray by two running sums. Without a sample between the
    ends the loss is that of line of sight, eq. (10). What cannot count is not computed, which changes the loss by less
    than 0.001 dB: ducting whose least loss (no roughness, the most frequent ducts; A(p) grows as they become rarer)
    reaches that of diffraction drops out of eq. (61), troposcatter ``FAR_DB`` above the rest out of eq. (63).
    """
    rays = ground.shape[0]
    farthest_km = 0.0
    for i in range(rays):
        farthest_km = max(farthest_km, 1e-3 * (first_m[i] + count[i] * step_m[i]))
    steps = int(farthest_km / TABLE_KM) + 2
    table = np.empty((steps, 3))  # beta0, Fi, A(p) at its least
    for k in range(steps):
        km = k * TABLE_KM
        duct_pct = duct_incidence_pct(latitude_deg, km, km)
        table[k, 0] = duct_pct
        table[k, 1] = time_share(time_pct, duct_pct)
        table[k, 2] = duct_variable_db(km, log10(duct_pct), time_pct)
    half = 0.5 / earth_km
    cube_root = f_ghz ** (1.0 / 3.0)
    least_duct_fixed_db = duct_frequency_db(f_ghz)
    scatter_fixed_db = troposcatter_db(f_ghz, 1.0, 0.0, n0, time_pct)
    free_fixed_db = 92.4 + 20.0 * log10(f_ghz)
    median = time_pct >= 50.0
    for i in range(rays):
        h_m = ground[i]
        first_km, step_km = 1e-3 * first_m[i], 1e-3 * step_m[i]
        area = moment = 0.0
        last_km, last_m = 0.0, tx_ground_m
        for j in range(count[i]):
            here_m = float(h_m[j])
            path = first_km + step_km * j
            area += (path - last_km) * (here_m + last_m)  # eq. (83)
            moment += (path - last_km) * (here_m * (2.0 * path + last_km) + last_m * (path + 2.0 * last_km))  # (84)
            last_km, last_m = path, here_m
            if j < start[i]:
                continue
            rx_m = here_m + terminal_m
            rise_km = 1e-3 * (rx_m - tx_m)
            free = free_fixed_db + 10.0 * log10(path * path + rise_km * rise_km)  # eq. (8)
            diffraction = float(diffraction_50[i, j])
            at_t, at_r = int(tx_horizon[i, j]), int(rx_horizon[i, j])
            if at_t < 0:
                clear_p = line_of_sight_db(f_ghz, path, 1e3 * rise_km, path, time_pct, 50.0)[1]
                loss_db[i, j] = clear_p + max(places_db, 0.0)
                continue
            dlt, dlr = first_km + step_km * at_t, step_km * (j - at_r)
            slope_t = 1e-3 * (h_m[at_t] - tx_m) / dlt - half * dlt
            slope_r = 1e-3 * (h_m[at_r] - rx_m) / dlr - half * dlr
            straight = rise_km / path
            if slope_t <= straight - half * path:  # line of sight
                slope_t, slope_r = straight - half * path, -straight - half * path
            theta_t, theta_r = 1e3 * atan(slope_t), 1e3 * atan(slope_r)
            theta = 1e3 * path / earth_km + theta_t + theta_r  # eq. (82)
            spot = path * (1.0 / TABLE_KM)
            k = int(spot)
            spot -= k
            fi = table[k, 1] + spot * (table[k + 1, 1] - table[k, 1])
            duct_pct = table[k, 0] + spot * (table[k + 1, 0] - table[k, 0])
            clear_p = clear_beta = free
            if not median:
                free, clear_p, clear_beta = line_of_sight_db(f_ghz, path, 1e3 * rise_km, dlt + dlr, time_pct, duct_pct)
            diffraction_p = diffraction + fi * (float(diffraction_beta[i, j]) - diffraction)  # eq. (41)
            with_p = clear_p + diffraction_p
            over_t, over_r = theta_t - 0.1 * dlt, theta_r - 0.1 * dlr
            least_duct = (
                least_duct_fixed_db
                + 20.0 * log10(dlt + dlr)
                + 0.264 * cube_root * (max(over_t, 0.0) + max(over_r, 0.0))
                + 5e-5 * earth_km * cube_root * (theta - max(over_t, 0.0) - max(over_r, 0.0))
                + table[k, 2]
                + spot * (table[k + 1, 2] - table[k, 2])
            )
            ducting = np.inf
            if least_duct < with_p:
                low_t = min((2.0 * area * path - moment) / (path * path), tx_ground_m)  # eqs. (85), (90a)
                low_r = min((moment - area * path) / (path * path), here_m)  # eqs. (86), (90b)
                slope = (low_r - low_t) / path
                ducting = ducting_db(
                    f_ghz,
                    path,
                    tx_m,
                    rx_m,
                    dlt,
                    dlr,
                    theta_t,
                    theta_r,
                    tx_m - low_t,
                    rx_m - low_r,
                    highest_over(h_m, first_km, step_km, at_t, at_r, low_t, slope),
                    path,
                    0.0,
                    np.inf,
                    np.inf,
                    earth_km,
                    duct_pct,
                    time_pct,
                )
            scatter = scatter_fixed_db + 20.0 * log10(path) + 0.573 * theta
            loss = with_p
            if not median or ducting < with_p or scatter < with_p + FAR_DB:
                loss = combine(
                    path,
                    theta,
                    0.0,
                    time_pct,
                    duct_pct,
                    free,
                    clear_p,
                    clear_beta,
                    diffraction,
                    diffraction_p,
                    ducting,
                    scatter,
                )[4]
            loss_db[i, j] = max(loss + places_db, clear_p)  # eq. (69)
