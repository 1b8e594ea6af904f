"""Compiled attenuation of the Irregular Terrain Model (Longley-Rice); ``itm.py`` gives it its manual.

[A x.y] is an equation of G. A. Hufford, "The ITS Irregular Terrain Model, version 1.2.2: the algorithm" (NTIA/ITS);
[V] L. E. Vogler, "Calculation of groundwave attenuation in the far diffraction region" (1964), whose constants
NTIA's present definition of the model uses for the rounded Earth.

Everything known of one path stands in one row of numbers, ``p``, whose columns are named below: each step reads and
fills some. Terminal 1 transmits, 2 receives; metres, radians, MHz, dB. Attenuation is over free space. All of it
stands in this one file because numba's cache watches only the file of the function it compiles; the geometry of a path
comes from ``itm_geometry.py``.
"""

# ruff: noqa: PLR0917  (numba takes plain positional arguments)
from __future__ import annotations

from math import cos, exp, inf, log, log10, pi, sin, sqrt

import numpy as np
from numba import njit
from numpy import cbrt
from numpy.typing import NDArray

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

# the row of a path; the path itself, its columns as in itm_geometry.py:
DISTANCE, REFRACTIVITY, CURVATURE, IRREGULARITY = range(4)
THETA_1, THETA_2, HORIZON_1, HORIZON_2, EFFECTIVE_1, EFFECTIVE_2 = range(4, 10)
PATH_SIZE = 10
# given before the model runs:
FREQUENCY, IMPEDANCE_RE, IMPEDANCE_IM, HEIGHT_1, HEIGHT_2 = range(10, 15)
VARIABILITY, LOCATION_VARIES, SITUATION_VARIES, Z_TIME, Z_LOCATION, Z_SITUATION = range(15, 21)
# constants of all paths of one frequency, ground and climate:
WAVE_NUMBER, ROOT_F, LOG_F, IMPEDANCE, HORIZON_RANGE, FACTOR_MINUS, FACTOR_PLUS = range(21, 28)
# constants of the path:
SMOOTH, HORIZONS, THETA_E, UNIT, ENDS_X, ENDS_GAIN, HEIGHT_RATIO, CLUTTER = range(28, 36)
DIFFRACTION_START, DIFFRACTION_SLOPE = 36, 37
# results:
REFERENCE, MODE, FREE_SPACE, MEDIAN_DEVIATION, LOSS = range(38, 43)
ROW_SIZE = 43

WAVE_NUMBER_MHZ_M = 47.7  # f0 of [A 1.1]: k = f / f0
REFERENCE_RADIUS_M = 4.0 / 3.0 * 6_370_000.0  # [V eq. (2)]
MIN_REFRACTIVITY, MAX_REFRACTIVITY = 150.0, 400.0

LINE_OF_SIGHT, DIFFRACTION, TROPOSCATTER = 1, 2, 3
SINGLE_MESSAGE, ACCIDENTAL, MOBILE, BROADCAST = 0, 1, 2, 3

# warnings a path can raise: the bits are NTIA's, but for the last, which is this program's own
PATH_LONG, PATH_TOO_LONG, PATH_SHORT, PATH_TOO_SHORT = 0x0008, 0x0010, 0x0020, 0x0040
TX_HORIZON_ANGLE, RX_HORIZON_ANGLE = 0x0080, 0x0100
TX_HORIZON_NEAR, RX_HORIZON_NEAR, TX_HORIZON_FAR, RX_HORIZON_FAR = 0x0200, 0x0400, 0x0800, 0x1000
EXTREME_QUANTILE, LOW_REFRACTIVITY, SMOOTH_EARTH = 0x2000, 0x4000, 0x8000

REFUSED = 0x10000  # stands for the flags of a path whose surface refractivity lies outside the two limits

# a row of climate coefficients: three curves (c1, c2, x1, x2, x3), two frequency gains (b1, b2, b3), C_D and z_D
CURVE_MEDIAN, CURVE_MINUS, CURVE_PLUS, GAIN_MINUS, GAIN_PLUS, DUCT_FACTOR, DUCT_DEVIATE = 0, 5, 10, 15, 18, 21, 22


@njit(error_model="numpy", cache=True, nogil=True)
def roughness_m(distance_m: float, irregularity_m: float) -> float:
    """delta h(s) of a path of this length, [A 3.9]."""
    return irregularity_m * (1.0 - 0.8 * exp(-distance_m / 50e3))


@njit(error_model="numpy", cache=True, nogil=True)
def height_spread_m(rough_m: float) -> float:
    """sigma_h(s) from delta h(s), [A 3.10]."""
    return 0.78 * rough_m * exp(-0.5 * sqrt(sqrt(rough_m)))


@njit(error_model="numpy", cache=True, nogil=True)
def knife_edge_db(nu_squared: float) -> float:
    """Fn(nu), the Fresnel integral of a knife edge, [A 6.1]."""
    if nu_squared < 5.76:
        return 6.02 + 9.11 * sqrt(nu_squared) - 1.27 * nu_squared
    return 12.953 + 10.0 * log10(nu_squared)


@njit(error_model="numpy", cache=True, nogil=True)
def arc(distance_m: float, radius_m: float, root_f: float, ground: float) -> tuple[float, float]:
    """Normalised length x and ground parameter K of an arc, [A 4.16]-[A 4.18], [V eqs. (2), (6a)].

    ``root_f``: cube root of the frequency in MHz; ``ground``: |Zg|.
    """
    stretch = cbrt(REFERENCE_RADIUS_M / radius_m)
    k = 0.017778 * stretch / (root_f * ground)
    return (1.607 - k) * stretch * stretch * root_f * distance_m * 1e-3, k


@njit(error_model="numpy", cache=True, nogil=True)
def height_gain_db(x: float, k: float) -> float:
    """F(x, K), height gain over a smooth Earth, [A 6.3]-[A 6.7]."""
    if x < 200.0:
        w = -log(k)
        if k >= 1e-5 and x * w * w * w <= 5495.0:
            return 2.5e-5 * x * x / k - 8.686 * w - 15.0
        return 17.372 * log(x) - 117.0 if x > 1.0 else -117.0
    far_db = 0.05751 * x - 4.343 * log(x)
    if x >= 2000.0:
        return far_db
    w = 0.0134 * x * exp(-0.005 * x)
    return (1.0 - w) * far_db + w * (17.372 * log(x) - 117.0)


@njit(error_model="numpy", cache=True, nogil=True)
def diffraction_db(s_m: float, p: F64) -> tuple[float, bool]:
    """Diffraction attenuation at the distance s, [A 4.9]-[A 4.20]; and whether the rounded Earth's term is defined.

    A weighted mean of two knife edges at the horizons and of a rounded Earth of three radii; the weight of [A 4.9] is
    that of NTIA's present definition, 25.1 / (25.1 + sqrt(Q)).
    """
    k = p[WAVE_NUMBER]
    theta = p[THETA_E] + s_m * p[CURVATURE]  # [A 4.12]
    between_m = s_m - p[HORIZONS]
    nu_part = k * theta * theta * between_m / (4.0 * pi)  # [A 4.13]
    edges_db = knife_edge_db(nu_part * p[HORIZON_1] / (between_m + p[HORIZON_1])) + knife_edge_db(
        nu_part * p[HORIZON_2] / (between_m + p[HORIZON_2])
    )  # [A 4.14]
    x, _ = arc(between_m, between_m / theta, p[ROOT_F], p[IMPEDANCE])  # [A 4.15]: the radius is between / theta
    x += p[ENDS_X]
    defined = x > 0.0
    if not defined:
        x = 1.0
    rounded_db = 0.05751 * x - 10.0 * log10(x) - p[ENDS_GAIN] - 20.0  # [A 4.20]
    rough = min(roughness_m(s_m, p[IRREGULARITY]) * k, 6283.2)
    q = (p[HEIGHT_RATIO] + (p[THETA_E] / p[CURVATURE] + p[HORIZONS]) / s_m) * rough
    weight = 25.1 / (25.1 + sqrt(q))
    return weight * rounded_db + (1.0 - weight) * edges_db + p[CLUTTER], defined  # [A 4.11]


@njit(error_model="numpy", cache=True, nogil=True)
def diffraction_line(p: F64, low_antenna_m2: float) -> int:
    """Fills the path's constants and the diffraction line through two far distances, [A 4.2]-[A 4.8]; flags.

    ``low_antenna_m2``: C of [A 4.9], 10 where the profile is known, else 0.
    """
    smooth_1_m, smooth_2_m = sqrt(2.0 * p[EFFECTIVE_1] / p[CURVATURE]), sqrt(2.0 * p[EFFECTIVE_2] / p[CURVATURE])
    p[SMOOTH] = smooth_1_m + smooth_2_m  # [A 3.5], [A 3.6]
    p[HORIZONS] = p[HORIZON_1] + p[HORIZON_2]  # [A 3.7]
    p[THETA_E] = max(p[THETA_1] + p[THETA_2], -p[HORIZONS] * p[CURVATURE])  # [A 3.8]
    x_1, k_1 = arc(p[HORIZON_1], 0.5 * p[HORIZON_1] * p[HORIZON_1] / p[EFFECTIVE_1], p[ROOT_F], p[IMPEDANCE])
    x_2, k_2 = arc(p[HORIZON_2], 0.5 * p[HORIZON_2] * p[HORIZON_2] / p[EFFECTIVE_2], p[ROOT_F], p[IMPEDANCE])
    p[ENDS_X] = x_1 + x_2
    p[ENDS_GAIN] = height_gain_db(x_1, k_1) + height_gain_db(x_2, k_2)
    heights_m2 = p[HEIGHT_1] * p[HEIGHT_2]
    p[HEIGHT_RATIO] = sqrt((p[EFFECTIVE_1] * p[EFFECTIVE_2] + low_antenna_m2) / (heights_m2 + low_antenna_m2))
    spread_m = height_spread_m(roughness_m(p[SMOOTH], p[IRREGULARITY]))
    p[CLUTTER] = min(15.0, 5.0 * log10(1.0 + 1e-5 * heights_m2 * p[FREQUENCY] * spread_m))  # [A 4.10]
    unit_m = p[UNIT] = 1.0 / (cbrt(p[CURVATURE]) ** 2 * p[ROOT_F])  # (a^2 / f)^(1/3), for lengths near the horizons
    d_3 = max(p[SMOOTH], p[HORIZONS] + 5.0 * unit_m)  # [A 4.3]
    d_4 = d_3 + 10.0 * unit_m  # [A 4.4]
    a_3, defined_3 = diffraction_db(d_3, p)
    a_4, defined_4 = diffraction_db(d_4, p)
    p[DIFFRACTION_SLOPE] = (a_4 - a_3) / (d_4 - d_3)
    p[DIFFRACTION_START] = a_3 - p[DIFFRACTION_SLOPE] * d_3
    flags = 0 if defined_3 and defined_4 else SMOOTH_EARTH
    if abs(p[THETA_1]) > 0.2:
        flags |= TX_HORIZON_ANGLE
    if abs(p[THETA_2]) > 0.2:
        flags |= RX_HORIZON_ANGLE
    if p[HORIZON_1] < 0.1 * smooth_1_m:
        flags |= TX_HORIZON_NEAR
    if p[HORIZON_2] < 0.1 * smooth_2_m:
        flags |= RX_HORIZON_NEAR
    if p[HORIZON_1] > 3.0 * smooth_1_m:
        flags |= TX_HORIZON_FAR
    if p[HORIZON_2] > 3.0 * smooth_2_m:
        flags |= RX_HORIZON_FAR
    return flags


@njit(error_model="numpy", cache=True, nogil=True)
def line_of_sight_db(s_m: float, p: F64) -> float:
    """Line-of-sight attenuation at the distance s, [A 4.43]-[A 4.51]: two rays and the extended diffraction line."""
    k = p[WAVE_NUMBER]
    re, im = p[IMPEDANCE_RE], p[IMPEDANCE_IM]
    sum_m = p[EFFECTIVE_1] + p[EFFECTIVE_2]
    sin_psi = sum_m / sqrt(s_m * s_m + sum_m * sum_m)  # [A 4.46]
    fade = exp(-min(10.0, k * height_spread_m(roughness_m(s_m, p[IRREGULARITY])) * sin_psi))
    divisor = (sin_psi + re) * (sin_psi + re) + im * im
    real = fade * (sin_psi * sin_psi - re * re - im * im) / divisor  # [A 4.47], (sin psi - Z) / (sin psi + Z)
    imag = -fade * 2.0 * sin_psi * im / divisor
    power = real * real + imag * imag
    if power < 0.25 or power < sin_psi:  # [A 4.48]
        lift = sqrt(sin_psi / power)
        real *= lift
        imag *= lift
    phase = 2.0 * k * p[EFFECTIVE_1] * p[EFFECTIVE_2] / s_m  # [A 4.49]
    if phase > 0.5 * pi:
        phase = pi - 0.25 * pi * pi / phase  # [A 4.50]
    real += cos(phase)
    imag -= sin(phase)
    two_rays_db = -10.0 * log10(real * real + imag * imag)  # [A 4.51]
    line_db = p[DIFFRACTION_START] + p[DIFFRACTION_SLOPE] * s_m  # [A 4.45]
    weight = 1.0 / (1.0 + p[FREQUENCY] * p[IRREGULARITY] / max(10e3, p[SMOOTH]))  # [A 4.43]
    return float(weight * two_rays_db + (1.0 - weight) * line_db)  # [A 4.44]


@njit(error_model="numpy", cache=True, nogil=True)
def line_of_sight_curve(p: F64) -> tuple[float, float, float]:
    """A_el, K1 and K2 of the curve A_el + K1 s + K2 ln s that holds within line of sight, [A 4.28]-[A 4.42]."""
    slope, start_db = p[DIFFRACTION_SLOPE], p[DIFFRACTION_START]
    d_2 = p[SMOOTH]
    a_2 = start_db + slope * d_2
    d_0 = 0.04 * p[FREQUENCY] * p[EFFECTIVE_1] * p[EFFECTIVE_2]  # [A 4.38]
    if start_db >= 0.0:
        d_0 = min(d_0, 0.5 * p[HORIZONS])  # [A 4.28]
        d_1 = d_0 + 0.25 * (p[HORIZONS] - d_0)  # [A 4.29]
    else:
        d_1 = max(-start_db / slope, 0.25 * p[HORIZONS])  # [A 4.39]
    a_1 = line_of_sight_db(d_1, p)  # [A 4.31]
    per_m = per_log = 0.0
    bent = False
    if d_0 < d_1:
        a_0 = line_of_sight_db(d_0, p)  # [A 4.30]
        log_2 = log(d_2 / d_0)
        rise = (d_2 - d_0) * (a_1 - a_0) - (d_1 - d_0) * (a_2 - a_0)
        per_log = max(0.0, rise / ((d_2 - d_0) * log(d_1 / d_0) - (d_1 - d_0) * log_2))  # [A 4.32]
        bent = start_db > 0.0 or per_log > 0.0
        if bent:
            per_m = (a_2 - a_0 - per_log * log_2) / (d_2 - d_0)  # [A 4.33]
            if per_m < 0.0:
                per_m = 0.0  # [A 4.36]
                per_log = max(a_2 - a_0, 0.0) / log_2  # [A 4.35]
                if per_log == 0.0:
                    per_m = slope  # [A 4.37]
    if not bent:
        per_log = 0.0  # [A 4.41]
        per_m = max(a_2 - a_1, 0.0) / (d_2 - d_1)  # [A 4.40]
        if per_m == 0.0:
            per_m = slope
    return a_2 - per_m * d_2 - per_log * log(d_2), per_m, per_log  # [A 4.42]


@njit(error_model="numpy", cache=True, nogil=True)
def gain_curve_db(j: int, r: float) -> float:
    """H01(r, j) of the frequency gain, j = 1 to 5, [A 6.13]."""
    a = (25.0, 80.0, 177.0, 395.0, 705.0)[j - 1]
    b = (24.0, 45.0, 68.0, 80.0, 105.0)[j - 1]
    inverse = 1.0 / (r * r)
    return 10.0 * log10(1.0 + (a * inverse + b) * inverse)


@njit(error_model="numpy", cache=True, nogil=True)
def frequency_gain_db(s_m: float, p: F64) -> float:
    """H0, frequency gain of troposcatter at the distance s, [A 4.61]-[A 4.67], [A 6.10]-[A 6.14]; inf: not defined."""
    theta = p[THETA_1] + p[THETA_2] + s_m * p[CURVATURE]  # [A 4.61]
    double_k_theta = 2.0 * p[WAVE_NUMBER] * theta
    r_1, r_2 = double_k_theta * p[EFFECTIVE_1], double_k_theta * p[EFFECTIVE_2]  # [A 4.62]
    if r_1 < 0.2 and r_2 < 0.2:
        return inf
    lead_m = abs(p[HORIZON_1] - p[HORIZON_2])
    ratio = p[EFFECTIVE_2] / p[EFFECTIVE_1]
    if p[HORIZON_1] < p[HORIZON_2]:
        ratio = 1.0 / ratio
    s = (s_m - lead_m) / (s_m + lead_m)  # [A 4.65]
    q = min(max(0.1, ratio / s), 10.0)
    s = max(0.1, s)
    crossing_m = 0.25 * (s_m - lead_m) * (s_m + lead_m) * theta / s_m  # [A 4.66]
    humid = (5.67e-6 * p[REFRACTIVITY] - 2.32e-3) * p[REFRACTIVITY] + 0.031
    eta = crossing_m / 1.7556e3 * (1.0 + humid * exp(-(min(1.7, crossing_m / 8.0e3) ** 6)))  # [A 4.67]
    below = min(int(max(eta, 1.0)), 4)  # [A 6.12]: between the curves of the whole numbers about eta
    share = min(max(eta, 1.0), 5.0) - below
    gain_db = 0.5 * (1.0 - share) * (gain_curve_db(below, r_1) + gain_curve_db(below, r_2))
    gain_db += 0.5 * share * (gain_curve_db(below + 1, r_1) + gain_curve_db(below + 1, r_2))
    gain_db += min(gain_db, 6.0 * (0.6 - log10(max(eta, 1.0))) * log10(s) * log10(q))  # [A 6.10], [A 6.11]
    gain_db = max(gain_db, 0.0)
    if eta < 1.0:  # [A 6.14]
        both = (1.0 + sqrt(2.0) / r_1) * (1.0 + sqrt(2.0) / r_2)
        at_0_db = 10.0 * log10(both * both * (r_1 + r_2) / (r_1 + r_2 + sqrt(8.0)))
        gain_db = eta * gain_db + (1.0 - eta) * at_0_db
    return float(gain_db)


@njit(error_model="numpy", cache=True, nogil=True)
def scatter_db(s_m: float, p: F64, gain_db: float) -> float:
    """Troposcatter attenuation at the distance s, [A 4.60], [A 4.63], [A 6.8], [A 6.9]."""
    theta = p[THETA_E] + s_m * p[CURVATURE]
    product_m = theta * s_m
    if product_m <= 10e3:
        base_db = 133.4 + 0.332e-3 * product_m - 10.0 * log10(product_m)
    elif product_m <= 70e3:
        base_db = 104.6 + 0.212e-3 * product_m - 2.5 * log10(product_m)
    else:
        base_db = 71.8 + 0.157e-3 * product_m + 5.0 * log10(product_m)
    bent_db = 0.1 * (p[REFRACTIVITY] - 301.0) * exp(-product_m / 40e3)
    return float(base_db - bent_db + 10.0 * log10(p[FREQUENCY] * theta * theta * theta * theta) + gain_db)


@njit(error_model="numpy", cache=True, nogil=True)
def nearest_scatter_m(p: F64) -> float:
    """The distance from which the scatter line can hold at the earliest, beside [A 4.58]."""
    return float(max(p[SMOOTH], p[HORIZONS] + 1.088 * p[UNIT] * p[LOG_F]))


@njit(error_model="numpy", cache=True, nogil=True)
def scatter_line(p: F64) -> tuple[float, float, float]:
    """Start and slope of the scatter line, and the distance from which it holds, [A 4.52]-[A 4.59]."""
    slope, start_db = p[DIFFRACTION_SLOPE], p[DIFFRACTION_START]
    d_5 = p[HORIZONS] + 200e3
    d_6 = p[HORIZONS] + 400e3
    gain_5_db = frequency_gain_db(d_5, p)
    gain_6_db = frequency_gain_db(d_6, p)
    if 15.0 < gain_6_db < inf or (15.0 < gain_5_db < inf and gain_6_db < inf):
        gain_5_db = gain_6_db  # beyond 15 dB the gain at d6 stands for both
    a_5 = scatter_db(d_5, p, gain_5_db)
    if not a_5 < 1000.0:
        return start_db, slope, 10e6  # no scatter to speak of, [A 4.56]
    scatter_slope = (scatter_db(d_6, p, gain_6_db) - a_5) / 200e3  # [A 4.57]
    change_m = max(nearest_scatter_m(p), (a_5 - start_db - scatter_slope * d_5) / (slope - scatter_slope))  # [A 4.58]
    return (slope - scatter_slope) * change_m + start_db, scatter_slope, change_m  # [A 4.59]


@njit(error_model="numpy", cache=True, nogil=True)
def reference_attenuation(p: F64, low_antenna_m2: float) -> int:
    """Fills the reference attenuation [A 4.1] and its mode; returns flags, their bits as NTIA sets them.

    Line of sight up to the smooth Earth's horizons, then the diffraction line or, far out, the scatter line.
    """
    path_m = p[DISTANCE]
    flags = diffraction_line(p, low_antenna_m2)
    if path_m < p[SMOOTH]:
        p[MODE] = LINE_OF_SIGHT
        start_db, per_m, per_log = line_of_sight_curve(p)
        attenuation_db = start_db + per_m * path_m + per_log * log(path_m)
    else:
        start_db = per_m = 0.0
        change_m = nearest_scatter_m(p)
        if path_m > change_m:
            start_db, per_m, change_m = scatter_line(p)
        if path_m > change_m:
            p[MODE] = TROPOSCATTER
            attenuation_db = start_db + per_m * path_m
        else:
            p[MODE] = DIFFRACTION
            attenuation_db = p[DIFFRACTION_START] + p[DIFFRACTION_SLOPE] * path_m
    p[REFERENCE] = max(attenuation_db, 0.0)
    if path_m > 1000e3:
        flags |= PATH_LONG
    if path_m > 2000e3:
        flags |= PATH_TOO_LONG
    if path_m < abs(p[EFFECTIVE_1] - p[EFFECTIVE_2]) / 0.2:
        flags |= PATH_SHORT
    if path_m < 1e3:
        flags |= PATH_TOO_SHORT
    if p[REFRACTIVITY] < 250.0:
        flags |= LOW_REFRACTIVITY
    return flags


@njit(error_model="numpy", cache=True, nogil=True)
def curve_db(climate: F64, first: int, distance_m: float) -> float:
    """One of the climate's empirical curves over the effective distance, [A 5.5], [A 5.7]."""
    c_1, c_2, x_1, x_2, x_3 = (
        climate[first],
        climate[first + 1],
        climate[first + 2],
        climate[first + 3],
        climate[first + 4],
    )
    bump = (distance_m - x_2) / x_3
    reach = distance_m * distance_m / (x_1 * x_1)
    return float((c_1 + c_2 / (1.0 + bump * bump)) * reach / (1.0 + reach))


@njit(error_model="numpy", cache=True, nogil=True)
def frequency_factor(climate: F64, first: int, k: float) -> float:
    """g(k) by which the time variability of a climate depends on frequency, beside [A 5.7]."""
    bend = climate[first + 2] * log(0.133 * k)
    return float(climate[first] + climate[first + 1] / (1.0 + bend * bend))


@njit(error_model="numpy", cache=True, nogil=True)
def prepare(p: F64, climate: F64) -> None:
    """Fills what all paths of one frequency, ground and climate share."""
    k = p[WAVE_NUMBER] = p[FREQUENCY] / WAVE_NUMBER_MHZ_M
    p[ROOT_F], p[LOG_F] = cbrt(p[FREQUENCY]), log(p[FREQUENCY])
    p[IMPEDANCE] = sqrt(p[IMPEDANCE_RE] * p[IMPEDANCE_RE] + p[IMPEDANCE_IM] * p[IMPEDANCE_IM])
    p[HORIZON_RANGE] = cbrt(575.7e12 / k)  # of [A 5.3]
    p[FACTOR_MINUS] = frequency_factor(climate, GAIN_MINUS, k)
    p[FACTOR_PLUS] = frequency_factor(climate, GAIN_PLUS, k)


@njit(error_model="numpy", cache=True, nogil=True)
def vary(p: F64, climate: F64) -> int:
    """Fills free-space loss, the median's deviation and the loss at the asked quantiles, [A 5.1]-[A 5.11]; flags."""
    limit_m = sqrt(2.0 * 9000e3) * (sqrt(p[EFFECTIVE_1]) + sqrt(p[EFFECTIVE_2])) + p[HORIZON_RANGE]
    path_m = p[DISTANCE]  # beside it the effective distance, [A 5.3], [A 5.4]
    effective_m = 130e3 * path_m / limit_m if path_m < limit_m else 130e3 + path_m - limit_m
    p[MEDIAN_DEVIATION] = curve_db(climate, CURVE_MEDIAN, effective_m)

    kind = int(p[VARIABILITY])
    z_s = p[Z_SITUATION]
    z_t = z_s if kind == SINGLE_MESSAGE else p[Z_TIME]
    z_l = z_t if kind == MOBILE else p[Z_LOCATION] if kind == BROADCAST else z_s
    flags = EXTREME_QUANTILE if max(abs(z_t), abs(z_l), abs(z_s)) > 3.10 else 0

    if z_t < 0.0:
        sigma_t = curve_db(climate, CURVE_MINUS, effective_m) * p[FACTOR_MINUS]
    else:
        sigma_t = curve_db(climate, CURVE_PLUS, effective_m) * p[FACTOR_PLUS]
        if z_t > climate[DUCT_DEVIATE]:  # [A 5.6], [A 5.8]: beyond it ducts take part
            ducted = climate[DUCT_FACTOR]
            sigma_t *= ducted + (1.0 - ducted) * climate[DUCT_DEVIATE] / z_t
    sigma_l = sigma_s = 0.0
    if p[LOCATION_VARIES] != 0.0:
        rough = p[WAVE_NUMBER] * roughness_m(path_m, p[IRREGULARITY])
        sigma_l = 10.0 * rough / (rough + 13.0)  # [A 5.9]
    if p[SITUATION_VARIES] != 0.0:
        sigma_s = 5.0 + 3.0 * exp(-effective_m / 100e3)  # [A 5.10]
    y_t, y_l = sigma_t * z_t, sigma_l * z_l
    spread = sigma_s * sigma_s + y_t * y_t / (7.8 + z_s * z_s) + y_l * y_l / (24.0 + z_s * z_s)  # [A 5.11]
    if kind == SINGLE_MESSAGE:
        deviation_db = sqrt(sigma_t * sigma_t + sigma_l * sigma_l + spread) * z_s
    elif kind == ACCIDENTAL:
        deviation_db = y_t + sqrt(sigma_l * sigma_l + spread) * z_s
    elif kind == MOBILE:
        deviation_db = sqrt(sigma_t * sigma_t + sigma_l * sigma_l) * z_t + sqrt(spread) * z_s
    else:
        deviation_db = y_t + y_l + sqrt(spread) * z_s
    over_db = p[REFERENCE] - p[MEDIAN_DEVIATION] - deviation_db  # [A 5.1]
    if over_db < 0.0:
        over_db *= (29.0 - over_db) / (29.0 - 10.0 * over_db)  # [A 5.2]
    p[FREE_SPACE] = 32.45 + 20.0 * log10(p[FREQUENCY] * path_m * 1e-3)
    p[LOSS] = p[FREE_SPACE] + over_db
    return flags


@njit(error_model="numpy", cache=True, nogil=True)
def attenuate(p: F64, climate: F64, low_antenna_m2: float) -> int:
    """Fills the results of a row that holds a path and is prepared; returns flags, or REFUSED."""
    if not MIN_REFRACTIVITY <= p[REFRACTIVITY] <= MAX_REFRACTIVITY:
        return REFUSED
    return reference_attenuation(p, low_antenna_m2) | vary(p, climate)


@njit(error_model="numpy", cache=True, nogil=True)
def path_loss(p: F64, climate: F64, low_antenna_m2: float) -> int:
    """Fills the row of one path from its geometry and conditions; returns flags, or REFUSED."""
    prepare(p, climate)
    return attenuate(p, climate, low_antenna_m2)


@njit(error_model="numpy", cache=True, nogil=True)
def ray_losses(paths: F64, start: I64, count: I64, p: F64, climate: F64, loss_db: F32, seen: I64) -> float:
    """Fills the loss of the paths to the samples start..count - 1 of each ray; returns a refused refractivity, or 0.

    ``paths`` (rays, longest, PATH_SIZE); ``p``: a row with what is given; ``seen`` (REFUSED): adds one at the flags of
    each path.
    """
    prepare(p, climate)
    for r in range(len(count)):
        for j in range(start[r], count[r]):
            for column in range(PATH_SIZE):
                p[column] = paths[r, j, column]
            flags = attenuate(p, climate, 10.0)
            if flags == REFUSED:
                return float(p[REFRACTIVITY])
            seen[flags] += 1
            loss_db[r, j] = p[LOSS]
    return 0.0
