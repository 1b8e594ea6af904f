"""What a study's settings say of classes, as the coverage room takes it."""

from __future__ import annotations

from collections.abc import Mapping

from phusong.api.rules import own_packs
from phusong.coverage.access.services import services
from phusong.coverage.classes import CENTRES, default_tests
from phusong.coverage.rules.class_tests import ClassTest
from phusong.coverage.rules.pack import Pack, load_pack, pack_names
from phusong.coverage.rules.reading import nearest
from phusong.layers.errors import Fault
from phusong.layers.study import Settings, Study


def class_tests_of(settings: Settings, own: Mapping[str, Pack] | None = None) -> tuple[ClassTest, ...]:
    """The tests of a study: of its packs in their order, the first of each class and level, and that of remoteness.

    ``own``: the study's own packs by name. SettingsError if there is no pack of a name.
    """
    found: dict[tuple[str, str], ClassTest] = {}
    for name in settings.classes.packs:
        pack = (own or {}).get(name) or load_pack(name, settings.language)
        for test in pack.classes:
            found.setdefault((test.of, test.level), test)
    return default_tests(found.values(), remote_min=settings.classes.remote_min)


def centres_of(settings: Settings) -> tuple[str, ...]:
    """The services that may be the centre of which a place is remote, the study's own first."""
    return (settings.classes.remote_service, *CENTRES)


def check_classes(study: Study, own: Mapping[str, Pack] | None = None) -> list[Fault]:
    """Fatal faults of the ``[classes]`` settings: a pack that is not there or tests no class, a centre that is no
    service people travel to; each with its line. ``own``: the study's packs that can be read; of the others
    ``api.rules.check_rules`` tells what is wrong."""
    asked = study.settings.classes
    faults = []

    def refuse(code: str, setting: str, **params: object) -> None:
        row = study.line_of(setting)
        faults.append(Fault(code, file="study.toml", row=row, column=setting, fatal=True, params=params))

    known = tuple(dict.fromkeys((*(own or {}), *pack_names())))
    unread = set(own_packs(study)) - set(own or {})
    for name in asked.packs:
        if name in unread:
            continue
        if name not in known:
            refuse("error.rules.no_pack", "classes.packs", name=name, nearest=nearest(name, known))
        elif not ((own or {}).get(name) or load_pack(name)).classes:
            refuse("classes.no_tests", "classes.packs", name=name)
    timed = tuple(one.id for one in services() if one.timed)
    if asked.remote_service not in timed:
        refuse(
            "classes.remote_service",
            "classes.remote_service",
            found=asked.remote_service,
            nearest=nearest(asked.remote_service, timed),
        )
    return faults
