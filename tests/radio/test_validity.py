"""What a run with a site-general model has to admit about its sectors."""

from __future__ import annotations

import pandas as pd
import pytest

from phusong.coverage.radio.site_general import MODELS
from phusong.coverage.radio.validity import VALIDITY_COLUMNS, validity_summary
from phusong.layers.errors import InputError
from phusong.layers.messages import LANGS

SECTORS = pd.DataFrame(
    {
        "technology": ["2G", "2G", "4G", "4G", "5G"],
        "band_mhz": [900.0, 900.0, 1800.0, 1800.0, 3500.0],
        "height_m": [36.0, 36.0, 36.0, 25.0, 36.0],
    }
)
RANGE = {"max_range_m": 20_000.0, "terminal_height_m": 1.5, "lang": "en"}


def rows(model: str, **given: float | str) -> dict[tuple[float, float, str, str], float]:
    table = validity_summary(model, SECTORS, **(RANGE | given))
    assert tuple(table.columns) == VALIDITY_COLUMNS
    columns = (table[name] for name in ("band_mhz", "height_m", "line_of_sight", "limit"))
    return dict(zip(zip(*columns, strict=True), table["share_pct"], strict=True))


def test_okumura_hata_by_hand() -> None:
    """150 to 1,500 MHz, 1 to 20 km (of 20 km the first is outside: 5 %), 30 to 200 m."""
    assert rows("okumura_hata") == pytest.approx(
        {
            (900.0, 36.0, "", "DISTANCE"): 5.0,
            (1800.0, 25.0, "", "FREQUENCY"): 100.0,
            (1800.0, 25.0, "", "BASE_HEIGHT"): 100.0,
            (1800.0, 25.0, "", "DISTANCE"): 5.0,
            (1800.0, 36.0, "", "FREQUENCY"): 100.0,
            (1800.0, 36.0, "", "DISTANCE"): 5.0,
            (3500.0, 36.0, "", "FREQUENCY"): 100.0,
            (3500.0, 36.0, "", "DISTANCE"): 5.0,
        }
    )


def test_in_sight_and_not_have_limits_of_their_own() -> None:
    """TR 38.901: RMa 10 km in sight, 5 km otherwise; UMa a mast of 25 m."""
    rma = rows("rma")
    assert rma[3500.0, 36.0, "yes", "DISTANCE"] == pytest.approx(50.0, abs=0.1)
    assert rma[3500.0, 36.0, "no", "DISTANCE"] == pytest.approx(75.0, abs=0.1)
    assert {limit for *_, limit in rma} == {"DISTANCE"}
    heights = {(height, limit) for _, height, _, limit in rows("uma", max_range_m=4_000.0)}
    assert heights == {(36.0, "BASE_HEIGHT"), (36.0, "DISTANCE"), (25.0, "DISTANCE")}


def test_a_technologys_own_end_and_the_terminal_count() -> None:
    far = rows("okumura_hata", max_range_m=100_000.0)
    assert far[900.0, 36.0, "", "DISTANCE"] == pytest.approx(100.0 * 16.0 / 35.0)  # GSM ends at 35 km
    assert far[1800.0, 36.0, "", "DISTANCE"] == pytest.approx(81.0)
    assert rows("okumura_hata", terminal_height_m=15.0)[900.0, 36.0, "", "TERMINAL_HEIGHT"] == 100.0
    assert rows("okumura_hata", max_range_m=500.0)[900.0, 36.0, "", "DISTANCE"] == 100.0


def test_free_space_holds_everywhere() -> None:
    for max_range_m in (20_000.0, 300.0):
        assert rows("free_space", max_range_m=max_range_m) == {}


def test_sectors_of_a_kind_are_counted_and_each_row_is_said() -> None:
    for model in MODELS:
        for lang in LANGS:
            table = validity_summary(model, SECTORS, **(RANGE | {"lang": lang}))
            assert table["note"].str.len().min() > 20 or table.empty
    table = validity_summary("okumura_hata", SECTORS, **RANGE)
    assert table["sectors"].tolist()[0] == 2
    assert table["note"][0] == "5.0 % of the range is not at a distance that the model holds for (1 to 20 km)"
    assert validity_summary("rma", SECTORS[:0], **RANGE).empty


def test_a_large_citys_gap_is_told() -> None:
    one = pd.DataFrame({"technology": ["2G"], "band_mhz": [300.0], "height_m": [36.0]})
    for environment, told in (("large_city", True), ("urban", False)):
        table = validity_summary("okumura_hata", one, environment=environment, **RANGE)
        assert ("FREQUENCY" in set(table["limit"])) == told
        if told:
            note = "300 MHz is not a frequency that the model holds for (400 to 1,500 MHz)"
            assert table.loc[table["limit"] == "FREQUENCY", "note"].tolist() == [note]


def test_numbers_are_written_as_the_language_writes_them() -> None:
    (note, *_) = validity_summary("okumura_hata", SECTORS[3:4], **(RANGE | {"lang": "vi"}))["note"]
    assert note == "1.800 MHz nằm ngoài dải tần số mà mô hình áp dụng được (150 đến 1.500 MHz)"
    (note,) = validity_summary("okumura_hata", SECTORS[:1], **(RANGE | {"lang": "vi"}))["note"]
    assert note.startswith("5,0 % tầm phủ")


def test_a_model_of_the_path_is_no_site_general_one() -> None:
    with pytest.raises(InputError, match="p1812"):
        validity_summary("p1812", SECTORS, **RANGE)
