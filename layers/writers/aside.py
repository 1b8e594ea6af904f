"""Writing aside, then renaming: a reader sees the old file or the new one, never half of one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def written_aside(path: str | Path) -> Iterator[Path]:
    """A path beside ``path`` to write to; on success it takes the place of ``path``, on failure it is removed.

    The folder is made if it is not there. The name keeps the suffix, which some drivers go by. OSError if nothing can
    be written there, whatever the driver would say.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.stem}.writing{path.suffix}")
    aside.touch()
    aside.unlink()
    try:
        yield aside
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)
