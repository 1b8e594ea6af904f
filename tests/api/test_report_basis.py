"""What the provincial report says of its figures: which thresholds are official, whose figures they are, from when."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import docx
import numpy as np
import pandas as pd
import pytest

from phusong.api.lists import Tables
from phusong.api.provincial import RENDERERS, report_of
from phusong.api.provincial.facts import Facts, standings
from phusong.layers.messages import LANGS, Lang, say
from phusong.layers.study import Study
from phusong.layers.writers.lists import NO_DATA
from phusong.maps.report.document import Bullets, Document, Paragraph, Table
from phusong.maps.report.layout import running_head

HEADS: dict[Lang, str] = {"en": "Alternatives", "vi": "Số phương án"}
Changed = dict[str, pd.DataFrame | None]


@pytest.fixture
def told(study_dir: Path) -> Callable[..., Document]:
    """The report of the study of the API's tests, some of its tables exchanged."""

    def make(changed: Changed | None = None, lang: Lang = "en") -> Document:
        study = Study(study_dir)
        return report_of(Facts(study, replace(Tables.of(study), changed=changed or {}), lang))

    return make


def named(document: Document, name: str) -> Table:
    caption = say(f"province_report.table.{name}", document.lang)
    return next(one for one in document.blocks if isinstance(one, Table) and one.caption == caption)


def bullets(document: Document) -> list[str]:
    return [item for block in document.blocks if isinstance(block, Bullets) for item in block.items]


def frame(study_dir: Path, stem: str) -> pd.DataFrame:
    found = Tables.of(Study(study_dir)).frame(stem)
    assert found is not None
    return found


def reasons_of(study_dir: Path, *rows: tuple[str, str, str]) -> pd.DataFrame:
    """Reasons of communes: code, standing, why the threshold was changed."""
    one = frame(study_dir, "reasons").iloc[[0]].assign(level="unit")
    made = [one.assign(code=code, standing=standing, override_reason=why) for code, standing, why in rows]
    return pd.concat(made, ignore_index=True)


# which thresholds are official


@pytest.mark.parametrize(
    ("rows", "counts"),
    [
        ([("19400", "official", ""), ("19400", "assumption", ""), ("19402", "assumption", "")], (1, 0, 1)),
        ([("19400", "unverified", ""), ("19400", "assumption", ""), ("19402", "official", "")], (1, 1, 0)),
        ([("19400", "official", "less in the hills"), ("19402", "unverified", "")], (0, 1, 1)),
    ],
)
def test_the_summary_says_how_official_the_failed_thresholds_are(
    told: Callable[..., Document], study_dir: Path, rows: list[tuple[str, str, str]], counts: tuple[int, int, int]
) -> None:
    text = bullets(told({"reasons": reasons_of(study_dir, *rows)}))[0]
    official, unverified, assumption = counts
    assert f"Of these {official} fail a threshold that is official" in text
    assert f"{unverified} at most one that is official but was not checked" in text
    assert f"{assumption} only planning assumptions" in text


def test_reasons_of_communes_that_are_not_on_the_list_are_not_counted(
    told: Callable[..., Document], study_dir: Path
) -> None:
    reasons = reasons_of(study_dir, ("19400", "official", ""), ("99999", "official", ""))
    assert "Of these 1 fail a threshold that is official" in bullets(told({"reasons": reasons}))[0]


def test_a_changed_threshold_is_not_official() -> None:
    rows = pd.DataFrame({"standing": ["official", "official"], "override_reason": ["", "plan of the province"]})
    assert list(standings(rows)) == ["official", "changed"]
    assert list(standings(rows[["standing"]])) == ["official", "official"]


@pytest.mark.parametrize("lang", LANGS)
def test_rules_are_told_with_level_dates_and_standing(
    told: Callable[..., Document], study_dir: Path, lang: Lang
) -> None:
    rule = {
        "indicator": "people_covered_any_pct",
        "comparison": ">=",
        "threshold": 95.0,
        "unit": "%",
        "weight": 1.0,
        "source": "a",
        f"source_{lang}": "ours",
        "document": "",
        "article": "",
    }
    rules = pd.DataFrame(
        [
            {**rule, "level": "unit", "applies_to": "all", "standing": "official", "override_reason": "x"},
            {**rule, "level": "unit", "applies_to": "not island", "standing": "official", "override_reason": ""},
            {**rule, "level": "province", "applies_to": "all", "standing": "unverified", "override_reason": ""},
        ]
    ).assign(
        id=["a", "b", "c"],
        valid_from=pd.to_datetime(["2007-01-01", None, "2007-01-01"]),
        valid_to=pd.to_datetime(["2015-12-31", "2015-12-31", None]),
    )
    table = named(told({"rules": rules}, lang), "rules")
    unit, island = say("list.level.unit", lang), say("map.word.island", lang)
    whom = [one.title for one in table.columns].index(say("province_report.column.for_whom", lang))
    assert [row[whom] for row in table.rows] == [
        unit,
        f"{unit}: {say('province_report.not_class', lang, name=island)}",
        say("province_report.level.province", lang),
    ]
    force = [one.title for one in table.columns].index(say("province_report.column.in_force", lang))
    first, last = ("01/01/2007", "31/12/2015") if lang == "vi" else ("2007-01-01", "2015-12-31")
    assert [row[force] for row in table.rows] == [
        f"{first} – {last}",
        say("province_report.until", lang, day=last),
        say("province_report.since", lang, day=first),
    ]
    standing = [one.title for one in table.columns].index(say("list.column.standing", lang))
    assert [row[standing] for row in table.rows] == [
        say(f"list.standing.{one}", lang) for one in ("changed", "official", "unverified")
    ]
    assert [row[-1] for row in table.rows] == ["ours"] * 3


def test_targets_say_their_dates_and_which_are_unsure(told: Callable[..., Document], study_dir: Path) -> None:
    targets = frame(study_dir, "targets")
    asked = (targets["level"] == "province") & targets["target"].notna()
    targets.loc[asked, "standing"] = "unverified"
    targets["met_published"] = np.where(asked, "yes", "")
    targets["published_as_of"] = pd.Timestamp("2012-12-21")
    note = named(told({"targets": targets}), "targets").note
    assert "Published figures as of 2012-12-21, computed figures as of 2012-12-31." in note
    assert "reads otherwise by the published figure" in note
    assert f"({say('list.standing.unverified', 'en')})" in note


# classes


def test_what_nobody_recorded_or_computed_is_no_data(told: Callable[..., Document]) -> None:
    table = named(told(), "classes")
    by_class = {row[0]: row[2:] for row in table.rows}
    words = {name: say(f"map.word.{name}", "en") for name in ("mountainous", "land_border", "remote", "programme")}
    assert by_class[words["mountainous"]] == ("1", "0", "1", "1", "0")
    assert by_class[words["land_border"]] == (NO_DATA, "1", "1", NO_DATA, "0")
    assert by_class[words["remote"]] == (NO_DATA, NO_DATA, NO_DATA, NO_DATA, "1")
    assert by_class[words["programme"]] == ("1", NO_DATA, "1", NO_DATA, "0")
    assert say("list.note.no_data", "en", sign=NO_DATA) in table.note


def test_a_class_that_nobody_has_is_told_as_such(told: Callable[..., Document], study_dir: Path) -> None:
    classes = frame(study_dir, "classes").iloc[[0]].assign(official=False, computed=False, used=False)
    [row] = named(told({"classes": classes}), "classes").rows
    assert row[2:] == ("0", "0", "0", "0", "0")


# ranking, plan, pace, communes


def ranked(root: Path, *, hanging: tuple[int, ...]) -> Study:
    """A study whose ranking holds 45 communes, those at some ranks hanging on the weights."""
    ranks = list(range(1, 46))
    pd.DataFrame(
        {
            "code": [f"{19400 + n:05d}" for n in ranks],
            "valid_on": pd.Timestamp("2012-12-31"),
            "rank": ranks,
            "rank_low": ranks,
            "rank_high": [n + 5 for n in ranks],
            "in_first_pct": [50.0] * 45,
            "depends": ["yes" if n in hanging else "no" for n in ranks],
            "depends_on": ["weights" if n in hanging else "" for n in ranks],
            "name": [f"Xã {n}" for n in ranks],
            "district": "Hướng Hóa",
        }
    ).to_parquet(root / "results" / "ranking.parquet")
    moves = {"draws": 1000, "first_n_depends": len(hanging), "mean_places": 1.25, "most_places": 31}
    about = {
        "aggregation": "arithmetic",
        "normalisation": "shortfall",
        "choices": {"weights": moves},
        "components": [],
        "correlated": [],
        "counts": {"first_n_depends": len(hanging), "first_n_sure": 19, "ranked": 45, "units": 45},
        "draws": 1000,
        "first_n": 20,
        "left_out": [],
        "seed": 2012,
        "threshold_shift_pct": 10.0,
        "weight_spread_pct": 50.0,
    }
    (root / "results" / "ranking.json").write_text(json.dumps(about), encoding="utf-8")
    return Study(root)


@pytest.mark.parametrize("lang", LANGS)
def test_every_commune_that_hangs_on_a_choice_is_named(fresh: Callable[..., Path], lang: Lang) -> None:
    """Also those that stand below the first: they may come in."""
    study = ranked(fresh(), hanging=(4, 41))
    document = report_of(Facts(study, Tables.of(study), lang))
    assert [row[0] for row in named(document, "ranking").rows] == ["4", "41"]
    assert all(say("ranking.choice.weights", lang) in row for row in named(document, "ranking").rows)
    counts = {"count": "2", "all": "45", "first": "20"}
    assert say("province_report.depends", lang, chapter=9, **counts) in bullets(document)
    moved = next(
        one for one in document.blocks if isinstance(one, Table) and one.columns[1].title.startswith(HEADS[lang])
    )
    assert moved.rows[0][1] in ("1,000", "1.000")


def test_where_nothing_moves_the_first_the_report_says_so(fresh: Callable[..., Path]) -> None:
    study = ranked(fresh(), hanging=())
    document = report_of(Facts(study, Tables.of(study), "en"))
    texts = [one.text for one in document.blocks if isinstance(one, Paragraph)]
    assert any(text.startswith("No commune enters or leaves the first 20 ") for text in texts)
    assert not [
        one for one in document.blocks if isinstance(one, Table) and one.caption.startswith("Communes whose place")
    ]


def test_the_list_of_sites_is_held_to_its_budget_and_bound(
    fresh: Callable[..., Path], told: Callable[..., Document]
) -> None:
    study = Study(fresh())
    answer = {
        "bound_people": 1000.0,
        "people_new": 912.0,
        "cost_vnd": 2.66e9,
        "budget_vnd": 30e9,
        "gap_pct": 8.8,
        "counts": {"people_without_signal": 1500.0, "people_out_of_reach": 20.0},
    }
    (study.root / "results" / "plan_answer.json").write_text(json.dumps(answer), encoding="utf-8")
    note = named(report_of(Facts(study, Tables.of(study), "en")), "investment").note
    assert "VND 2.66 bn of VND 30.00 bn; 912 of 1,500 people without signal" in note
    assert "1,000 people; the list is at most 8.8 % below it" in note
    assert "20 people are out of reach" in note


def pace_row(study_dir: Path, **own: Any) -> pd.DataFrame:
    return frame(study_dir, "pace").iloc[[0]].assign(area="", method="straight", basis="computed", **own)


def test_published_paces_say_so_and_those_without_target_are_counted(
    told: Callable[..., Document], study_dir: Path
) -> None:
    pace = pd.concat(
        [
            pace_row(study_dir, target=np.nan, indicator="fttx_per_100"),
            pace_row(study_dir, target=50.0, comparison=">=", indicator="telephones_per_100"),
            pace_row(study_dir, target=np.nan, indicator="bts_in_operation").assign(basis="published"),
        ],
        ignore_index=True,
    )
    table = named(told({"pace": pace}), "progress")
    assert len(table.rows) == 2
    assert say("province_report.paces_left", "en", count="1") in table.note
    value = [one.title for one in table.columns].index(say("province_report.column.last_value", "en"))
    assert [row[value].endswith(" (published)") for row in table.rows] == [False, True]
    alone = named(told({"pace": pace.iloc[[0]]}), "progress")
    assert len(alone.rows) == 1
    assert "list of progress" not in alone.note


def test_units_that_do_not_count_as_communes_are_told(told: Callable[..., Document], study_dir: Path) -> None:
    targets = frame(study_dir, "targets")
    counted = targets.iloc[[0]].assign(indicator="counted_communes", level="province", computed=11.0, target=np.nan)
    caption = say("province_report.by_district", "en")
    for extra, said in ((counted, True), (counted.assign(computed=12.0), False)):
        document = told({"targets": pd.concat([targets, extra], ignore_index=True)})
        table = next(one for one in document.blocks if isinstance(one, Table) and one.caption == caption)
        assert ("Of the 12 units 11 count" in table.note) is said


# nobody vanishes


def by_district(document: Document) -> Table:
    caption = say("province_report.by_district", document.lang)
    return next(one for one in document.blocks if isinstance(one, Table) and one.caption == caption)


def test_people_that_are_not_known_are_told_beside_the_sum(told: Callable[..., Document]) -> None:
    document = told()
    lead = next(one.text for one in document.blocks if isinstance(one, Paragraph))
    unknown = say("province_report.people_unknown", "en", count="1")
    assert "900 people" in lead
    assert unknown in lead
    assert any(unknown in one for one in bullets(document) if "villages lack signal" in one)
    heading = say("list.column.people_affected", "en")
    assert say("list.note.partial_sum", "en", column=heading, count="1") in by_district(document).note


def test_units_of_no_district_have_a_row_of_their_own(told: Callable[..., Document], study_dir: Path) -> None:
    units, gaps = frame(study_dir, "units"), frame(study_dir, "gaps")
    first = str(gaps["code"].iloc[0])
    units["district"] = units["district"].astype(object).mask(units["code"] == first, None)
    gaps["district"] = gaps["district"].astype(object).mask(gaps["code"] == first, None)
    table = by_district(told({"units": units, "gaps": gaps}))
    *districts, without, total = table.rows
    assert without[:3] == (NO_DATA, "1", "1")
    assert total[1] == "12"
    assert sum(int(row[1]) for row in (*districts, without)) == 12
    assert sum(int(row[2]) for row in (*districts, without)) == int(total[2]) == 2


def test_targets_that_could_not_be_judged_are_counted(told: Callable[..., Document], study_dir: Path) -> None:
    targets = frame(study_dir, "targets")
    asked = targets[(targets["level"] == "province") & targets["target"].notna()].iloc[[0]]
    unknown = asked.assign(met="no_data", computed=np.nan, rule="other")
    sentence = say("province_report.targets_unknown", "en", count="1")
    both = bullets(told({"targets": pd.concat([targets, unknown], ignore_index=True)}))
    assert any("0 of 1 provincial targets are met" in one and sentence in one for one in both)
    alone = bullets(told({"targets": unknown}))
    assert sentence in alone
    assert not any("provincial targets are met" in one for one in alone)


# paper


def test_the_word_for_synthetic_data_stands_beside_a_short_head_and_below_a_long_one() -> None:
    short = Document("Báo cáo", "", "vi", "31/12/2012", True, "", ())
    word = say("map.ui.synthetic", "vi")
    for document, lines in ((short, 1), (replace(short, title="Báo cáo " * 20 + "năm"), 2)):
        head = docx.Document(BytesIO(RENDERERS["docx"](document))).sections[0].header
        assert len(head.paragraphs) == lines
        assert word in head.paragraphs[-1].text
        assert running_head(document) in head.paragraphs[0].text


@pytest.mark.parametrize(("end", "packed"), [("pdf", False), ("docx", False), ("html", True)])
def test_what_is_packed_already_is_not_packed_again(client: Any, end: str, packed: bool) -> None:
    answer = client.get(f"/api/v1/report.{end}", headers={"accept-encoding": "gzip"})
    assert answer.status_code == 200
    assert (answer.headers.get("content-encoding") == "gzip") is packed
