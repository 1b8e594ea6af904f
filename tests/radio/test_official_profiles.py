"""Bullington losses of every official P.1812 profile, actual and smooth, against the published step logs."""

from __future__ import annotations

import numpy as np
import pytest

from phusong.coverage.radio.diffraction import bullington_loss_db


def test_bullington_equals_the_log(step_log) -> None:
    d_m, value = step_log.d_m, step_log.value
    # the logs hold the losses of the last pass, for the Earth radius of the share beta0 of time (k = 3), and take the
    # speed of light as 0.2998 m GHz
    common = {"earth_radius_m": 3.0 * 6_371_000.0, "wavelength_m": 0.2998 / value["f (GHz)", ""]}
    actual = bullington_loss_db(
        d_m,
        step_log.h_m + step_log.clutter_m,
        tx_m=value["htc (m)", "Table 5"],
        rx_m=value["hrc (m)", "Table 5"],
        **common,
    )
    smooth = bullington_loss_db(
        d_m,
        np.zeros_like(d_m),
        tx_m=value["htc (m)", "Eq (37a)"],
        rx_m=value["hrc (m)", "Eq (37b)"],
        **common,
    )
    assert actual == pytest.approx(value["Lbulla (dB)", "Eq (21)"], abs=1e-6)
    assert smooth == pytest.approx(value["Lbulls (dB)", "Eq (21)"], abs=1e-6)
