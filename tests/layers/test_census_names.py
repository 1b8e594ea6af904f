"""The census of 2019 (names only) joined to the communes of 2012: the rate, every miss, and no wrong join."""

import os
from collections import Counter
from pathlib import Path

import pandas as pd
import pyogrio
import pytest

from phusong.layers.vietnamese.names import Gazetteer, matches

DATA = Path(os.environ.get("PHUSONG_DATA", "/nowhere"))
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="PHUSONG_DATA is not set")


@pytest.fixture(scope="module")
def joined() -> pd.DataFrame:
    units = pyogrio.read_dataframe(DATA / "communes_2012_vietnam_raw.gpkg", read_geometry=False)
    census = pd.read_csv(DATA / "census2019_communes_vietnam.csv", dtype={"pop2019": int})
    rows = census.rename(columns={"commune": "unit_name", "district": "district_name", "province": "province_name"})
    found = matches(rows, Gazetteer.of(units.rename(columns={"census_code_old": "code"})))
    return pd.concat([rows, found], axis=1)


def test_the_rate(joined: pd.DataFrame) -> None:
    assert len(joined) == 11165
    assert joined["code"].notna().sum() >= 11_070
    people = joined.loc[joined["code"].notna(), "pop2019"].sum() / joined["pop2019"].sum()
    assert people > 0.99


def test_no_unit_is_taken_twice(joined: pd.DataFrame) -> None:
    assert not joined["code"].dropna().duplicated().any()


def test_every_join_of_the_four_provinces_is_right(joined: pd.DataFrame) -> None:
    """There each commune's people of 2019 are known by its code, which no name was asked for."""
    units = pyogrio.read_dataframe(DATA / "communes_2012_4prov.gpkg", read_geometry=False)
    people = units.set_index(units["census_code_old"].astype(str))["pop_2019"]
    known = joined[joined["code"].isin(people.index)]
    assert len(known) == 463
    assert (known["pop2019"].to_numpy() == people.loc[known["code"]].to_numpy()).all()


def test_every_miss_has_its_reason(joined: pd.DataFrame) -> None:
    misses = joined[joined["code"].isna()]
    assert set(misses["how"]) == {"elsewhere", "nothing"}
    assert misses.loc[misses["how"] == "elsewhere", "near"].str.len().gt(0).all()
    known = misses.set_index(["district_name", "unit_name"])["how"]
    assert known["Thị xã Duyên Hải", "Phường 1"] == "elsewhere"  # the province's only other Phường 1 is Trà Vinh city's
    assert known["Huyện Cồn Cỏ", "Huyện Cồn Cỏ"] == "nothing"
    assert Counter(misses["how"])["nothing"] < 60
