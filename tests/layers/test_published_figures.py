"""Published figures of several dates and districts: one value an indicator, area and day."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd

from phusong.layers.checks.validate import Checked, validate
from phusong.layers.merge import keys_of
from phusong.layers.readers import read_any
from phusong.layers.schema import LAYERS

FIGURES = LAYERS["published_figures"]


def checked(folder: Path, rows: str) -> Checked:
    path = folder / "figures.csv"
    path.write_text("indicator,district,value,as_of\n" + rows, encoding="utf-8")
    return validate(
        read_any(path, wanted="published_figures"), FIGURES, crs="EPSG:9212", defaults={"as_of": date(2012, 12, 31)}
    )


def test_two_figures_of_one_area_and_day_are_refused_those_of_others_are_not(tmp_path: Path) -> None:
    good = checked(tmp_path, "a,,1,2012-12-31\na,,2,2011-12-31\na,Gio Linh,3,2012-12-31\na,Cam Lộ,3,2012-12-31\n")
    assert not [fault for fault in good.faults if fault.code == "fault.duplicate_key"]
    assert len(good.frame) == 4
    for twice in ("a,,1,2012-12-31\na,,2,2012-12-31\n", "a,Gio Linh,1,2012-12-31\na,Gio Linh,2,2012-12-31\n"):
        (fault,) = [one for one in checked(tmp_path, twice).faults if one.code == "fault.duplicate_key"]
        assert (fault.row, fault.params["first_row"]) == (3, 2)
        assert "nan" not in fault.say("en").lower()
        assert "none" not in fault.say("en").lower()


def test_a_figure_without_a_district_is_the_same_one_when_it_comes_again(tmp_path: Path) -> None:
    frame = checked(tmp_path, "a,,1,2012-12-31\na,Gio Linh,3,2012-12-31\n").frame
    again = frame.assign(district=pd.Series([None, "Gio Linh"], dtype="object"))
    assert keys_of(frame, FIGURES).isin(keys_of(again, FIGURES)).all()
