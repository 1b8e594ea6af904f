"""What ``[progress]`` of a study asks for, judged against its layers before a run."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import numpy as np
import pandas as pd

from phusong.coverage.area_indicators import Areas
from phusong.coverage.forecast import OVER
from phusong.coverage.indicators import INDICATORS, find
from phusong.coverage.progress import broadband_dated_areas, saturation_of
from phusong.coverage.rules.reading import nearest
from phusong.coverage.shortfall import FORMS
from phusong.coverage.targets import figure_areas
from phusong.layers.errors import Fault, MissingError
from phusong.layers.study import Study


def check_progress(study: Study, layers: Mapping[str, pd.DataFrame]) -> list[Fault]:
    """Faults of the settings, each at its line: a target year that is over, a saturation of no indicator, values above
    it; published shares below 0; and notes on published figures that no row of the results will show."""
    outlook, on = study.settings.progress, study.settings.units_valid_on
    faults: list[Fault] = []

    def refuse(code: str, key: str, **params: object) -> None:
        column = f"progress.{key}"
        row = study.line_of(column)
        faults.append(Fault(code, file="study.toml", row=row, column=column, fatal=True, params=dict(params)))

    if outlook.target_year is not None and date(outlook.target_year, 12, 31) < on:
        refuse("error.progress.year_over", "target_year", found=outlook.target_year, on=on.isoformat())
    for indicator in outlook.saturation:
        if not _of_the_province(indicator):
            known = tuple(one.id for one in INDICATORS if one.level == "province" and one.id in FORMS)
            refuse("error.progress.no_indicator", f"saturation.{indicator}", nearest=nearest(indicator, known))
    published, units = layers.get("published_figures"), layers.get("units")
    values = [] if units is None or not len(units) else _computed(layers, units, on)
    if published is not None and len(published):
        faults += _strange(published)
        districts = set() if units is None else set(units["district"].dropna().astype("str").str.strip())
        for place, (area, row) in enumerate(zip(figure_areas(published), published.to_dict("records"), strict=True), 1):
            if area and area not in districts:
                params = {"found": area, "nearest": nearest(area, tuple(sorted(districts))) or "-"}
                faults.append(Fault("note.figure_of_no_district", layer="published_figures", row=place, params=params))
            if row["value"] < 0 and not np.isnan(saturation_of(str(row["indicator"]), outlook.saturation)):
                faults.append(_below(place, {"found": f"{row['value']:g}", "indicator": str(row["indicator"])}))
            if pd.Timestamp(row["as_of"]) <= pd.Timestamp(on):
                values.append((str(row["indicator"]), area, row["as_of"], float(row["value"])))
    worst: dict[str, tuple[str, pd.Timestamp, float]] = {}
    for indicator, area, day, value in values:
        if (
            value > OVER * saturation_of(indicator, outlook.saturation)
            and value > worst.get(indicator, ("", day, 0.0))[2]
        ):
            worst[indicator] = (area, day, value)
    for indicator, (area, day, value) in worst.items():
        params = {"value": f"{value:g}", "day": pd.Timestamp(day).date().isoformat(), "area": area or "-"}
        params["saturation"] = f"{saturation_of(indicator, outlook.saturation):g}"
        refuse("error.progress.above", f"saturation.{indicator}", **params)
    return faults


def _below(row: int, params: dict[str, object]) -> Fault:
    """The fault of a published share below 0."""
    return Fault("error.progress.below", layer="published_figures", row=row, column="value", fatal=True, params=params)


def _strange(published: pd.DataFrame) -> list[Fault]:
    """A note on each indicator of the published figures that the province has none of."""
    known = tuple(one.id for one in INDICATORS if one.level == "province")
    first = published.reset_index(drop=True).drop_duplicates("indicator")
    return [
        Fault(
            "note.figure_of_no_indicator",
            layer="published_figures",
            row=int(place) + 1,
            column="indicator",
            params={"found": name, "nearest": nearest(name, known)},
        )
        for place, name in zip(first.index, first["indicator"].astype("str"), strict=True)
        if not _of_the_province(name)
    ]


def _of_the_province(indicator: str) -> bool:
    try:
        find(indicator, level="province")
    except MissingError:
        return False
    return True


def _computed(
    layers: Mapping[str, pd.DataFrame], units: pd.DataFrame, on: date
) -> list[tuple[str, str, pd.Timestamp, float]]:
    """(indicator, area, day, value) of broadband at every date, of the province and its districts."""
    found = [
        broadband_dated_areas(layers.get("broadband"), units, areas=areas, programme=units["programme"], on=on)
        for areas in (Areas.whole(len(units)), Areas.named(units["district"]))
    ]
    return [
        (str(row["indicator"]), str(row["area"]), row["as_of"], float(row["value"]))
        for table in found
        for row in table.to_dict("records")
    ]
