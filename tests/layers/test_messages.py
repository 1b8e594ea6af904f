"""Every user-facing string exists in both languages, with the same parameters."""

import ast
import string
from pathlib import Path

import pytest

from phusong.layers.errors import Fault, InputError
from phusong.layers.messages import LANGS, Text, catalogue, default_lang, has, say
from phusong.layers.study import setting_codes


def parameters(text: str) -> set[str]:
    return {name.split(".")[0].split("[")[0] for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_each_entry_has_both_languages_and_the_same_parameters() -> None:
    for code, texts in catalogue().items():
        assert set(texts) == set(LANGS), code
        assert parameters(texts["en"]) == parameters(texts["vi"]), code
        assert all(text.strip() for text in texts.values()), code


ERRORS = {"InputError", "MissingError", "CrsError", "ComputeError", "SettingsError"}


@pytest.fixture(scope="module")
def calls() -> list[tuple[str, str, ast.Call]]:
    """Where a message is said by its code: the place, the code and the call. Codes stand there as whole strings."""
    root, found = Path(__file__).parents[2], []
    for room in ("api", "coverage", "layers", "maps"):
        for path in (root / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
                    name, code = getattr(node.func, "id", ""), node.args[0].value
                    if name in {"say", "Text", "Fault", *ERRORS} and isinstance(code, str):
                        found.append((f"{path}:{node.lineno}", code, node))
    return found


def test_every_code_written_in_the_rooms_is_in_the_catalogue(calls: list[tuple[str, str, ast.Call]]) -> None:
    assert [(place, code) for place, code, _ in calls if not has(code)] == []
    assert len(calls) > 500


def given(call: ast.Call) -> set[str] | None:
    """The names of the parameters that a call gives its message; None where they are not written there."""
    written = {keyword.arg: keyword.value for keyword in call.keywords}
    if getattr(call.func, "id", "") in {"say", *ERRORS}:
        return None if None in written else {str(name) for name in written}
    params = written.get("params", call.args[1] if getattr(call.func, "id", "") == "Text" and call.args[1:] else None)
    if params is None:
        return set()
    keys = params.keys if isinstance(params, ast.Dict) else [None]
    return {str(key.value) for key in keys if isinstance(key, ast.Constant)} if None not in keys else None


def test_every_message_is_given_its_parameters(calls: list[tuple[str, str, ast.Call]]) -> None:
    """Where the parameters stand beside the code; else a rare refusal would end in a KeyError."""
    known = [(place, code, names) for place, code, call in calls if (names := given(call)) is not None and has(code)]
    assert [one for one in known if not parameters(catalogue()[one[1]]["en"]) <= one[2]] == []
    assert len(known) > 300


def test_every_setting_is_explained() -> None:
    assert [code for code in setting_codes() if not has(f"setting.about.{code}")] == []


def test_a_fault_says_its_place_in_either_language() -> None:
    fault = Fault(
        "setting.unknown", file="a.xlsx", layer="units", sheet="S1", row=3, column="x", params={"nearest": "y"}
    )
    assert fault.say("en").startswith("a.xlsx, layer units, sheet S1, row 3, column x: ")
    assert fault.say("vi").startswith("a.xlsx, lớp units, trang tính S1, dòng 3, cột x: ")


def test_an_error_lists_its_faults_and_is_a_builtin_error() -> None:
    error = InputError("error.settings", faults=(Fault("setting.missing", column="name"),), file="study.toml")
    assert isinstance(error, ValueError)
    assert str(error).splitlines() == ["study.toml cannot be used:", "  column name: this setting must be there"]


def test_a_text_inside_a_text_is_said_in_the_same_language() -> None:
    params = {"found": 1, "expected": Text("setting.expected.number")}
    assert say("setting.invalid", "vi", **params) == "thấy 1; cần một số"


@pytest.mark.parametrize(
    ("name", "value", "lang"),
    [("LANG", "vi_VN.UTF-8", "vi"), ("LANG", "C", "en"), ("LC_MESSAGES", "vi_VN", "vi"), ("PHUSONG_LANG", "vi", "vi")],
)
def test_language_of_the_environment(monkeypatch: pytest.MonkeyPatch, name: str, value: str, lang: str) -> None:
    for other in ("PHUSONG_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setenv(name, value)
    assert default_lang() == lang
