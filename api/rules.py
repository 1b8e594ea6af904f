"""The rule packs of a study: those that ship and its own (``packs/NAME.toml``), and the rules in force from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from phusong.coverage.rules.choose import RuleSet, choose_rules
from phusong.coverage.rules.pack import Pack, load_pack, pack_names, parse_pack
from phusong.coverage.rules.reading import nearest
from phusong.layers.errors import Fault, SettingsError
from phusong.layers.messages import Lang
from phusong.layers.store import content_hash
from phusong.layers.study import Study


def rules_of(study: Study, *, packs: Sequence[str] | None = None, lang: Lang | None = None) -> RuleSet:
    """The rules a study is judged by on its date, or would be by other ``packs``.

    Of its thresholds and weights those of rules that none of the other packs has are left aside. SettingsError with all
    faults together, each with file, line and key, if the packs, overrides or weights cannot be used. ``lang``: of
    sources that a pack gives in both languages; the study's if not given.
    """
    settings = study.settings
    asked = settings.rules
    names = asked.packs if packs is None else tuple(packs)
    found = read_packs(study, names, setting="rules.packs" if packs is None else "", lang=lang)
    known = {rule.id for pack in found for rule in pack.rules}
    mine = packs is None
    try:
        return choose_rules(
            found,
            on=settings.units_valid_on,
            services=[name for name, on in settings.services.model_dump().items() if on],
            overrides=[one for one in asked.overrides if mine or one.rule in known],
            weights={rule: weight for rule, weight in asked.index_weights.items() if mine or rule in known},
            lang=lang or settings.language,
        )
    except SettingsError as error:
        raise SettingsError(error.code, faults=tuple(_at_setting(fault, study) for fault in error.faults)) from error


def check_rules(study: Study) -> tuple[RuleSet | None, dict[str, Pack], list[Fault]]:
    """The rules a study is judged by, None where they cannot be used; the own packs its settings name that can be
    read; and what is wrong with packs and with the settings that choose and change rules, all of it fatal."""
    faults: list[Fault] = []
    rules: RuleSet | None = None
    try:
        rules = rules_of(study)
    except SettingsError as error:
        faults += error.faults
    good: dict[str, Pack] = {}
    for name in _own_names(study):
        try:
            good |= {pack.name: pack for pack in read_packs(study, (name,))}
        except SettingsError as error:
            faults += [fault for fault in error.faults if fault not in faults]
    return rules, good, faults


def own_packs_of(study: Study) -> dict[str, Pack]:
    """The study's own packs that its settings name, by name; SettingsError with the faults of all."""
    return {pack.name: pack for pack in read_packs(study, _own_names(study))}


def _own_names(study: Study) -> tuple[str, ...]:
    """The own packs that the settings name for rules or classes, in their order."""
    own = own_packs(study)
    asked = (*study.settings.rules.packs, *study.settings.classes.packs)
    return tuple(name for name in dict.fromkeys(asked) if name in own)


def read_packs(study: Study, names: Sequence[str], *, setting: str = "", lang: Lang | None = None) -> tuple[Pack, ...]:
    """Packs by name: the study's own file of that name, else the shipped one; SettingsError with the faults of all.

    ``setting``: dotted name of the setting that names them, for faults.
    """
    own, spoken = own_packs(study), lang or study.settings.language
    found: list[Pack] = []
    faults: list[Fault] = []
    for number, name in enumerate(names):
        column = f"{setting}.{number}" if setting else ""
        if name in own and name in pack_names():
            faults.append(Fault("rules.pack_name_taken", file=f"packs/{name}.toml", params={"name": name}, fatal=True))
        elif name in own:
            try:
                found.append(own_pack(study, name, lang=spoken))
            except SettingsError as error:
                faults += error.faults
        elif name in pack_names():
            found.append(load_pack(name, spoken))
        else:
            params = {"name": name, "nearest": nearest(name, (*own, *pack_names()))}
            faults.append(_at_setting(Fault("error.rules.no_pack", column=column, params=params, fatal=True), study))
    if faults:
        raise SettingsError("error.rules.settings", faults=tuple(faults))
    return tuple(found)


def own_packs(study: Study) -> tuple[str, ...]:
    """Names of the study's own packs, used or not, sorted."""
    return tuple(sorted(path.stem for path in study.packs_dir.glob("*.toml") if path.is_file()))


def own_pack(study: Study, name: str, *, lang: Lang) -> Pack:
    """One of the study's own packs; SettingsError if it cannot be used or calls itself by another name."""
    file = f"{study.packs_dir.name}/{name}.toml"
    pack = parse_pack((study.packs_dir / f"{name}.toml").read_bytes(), file=file, lang=lang)
    if pack.name != name:
        params = {"found": pack.name, "expected": name}
        fault = Fault("rules.pack_name_other", file=file, column="name", fatal=True, params=params)
        raise SettingsError("error.rules.faulty", faults=(fault,), file=file)
    return pack


def packs_hash(study: Study) -> str:
    """Content hash of the study's own packs, "" where it has none: results depend on it."""
    files = [(name, content_hash(study.packs_dir / f"{name}.toml")) for name in own_packs(study)]
    return content_hash(repr(files).encode()) if files else ""


def _at_setting(fault: Fault, study: Study) -> Fault:
    """A fault of a setting with its file and line; one of a pack's file as it is."""
    if fault.file or not fault.column:
        return fault
    return replace(fault, file="study.toml", row=study.line_of(fault.column))
