"""What the commands of the command line share: the command tree they hang on, and how they speak."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from phusong.layers.errors import Fault
from phusong.layers.messages import Lang, say

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)

Directory = Annotated[Path, typer.Argument(metavar="DIR")]


@dataclass
class Front:
    """How this call speaks: language, and whether it shows more than results and errors."""

    lang: Lang
    quiet: bool = False

    def __post_init__(self) -> None:
        self.out = Console(highlight=False, soft_wrap=False, width=None if sys.stdout.isatty() else 120)
        self.err = Console(stderr=True, highlight=False, soft_wrap=True)

    def say(self, code: str, **params: Any) -> None:
        """Print a message unless quiet."""
        if not self.quiet:
            self.out.print(escape(say(code, self.lang, **params)), soft_wrap=True)

    def faults(self, faults: Sequence[Fault], *, most: int = 20) -> None:
        """Print faults on the error stream, one a line."""
        for fault in faults[:most]:
            self.err.print("  " + escape(fault.say(self.lang)))
        if len(faults) > most:
            self.err.print("  " + escape(say("cli.more_faults", self.lang, count=len(faults) - most)))

    @contextmanager
    def progress(self) -> Iterator[Callable[[str, float], None]]:
        """A bar a step while a run is at work; nothing when quiet."""
        if self.quiet:
            yield lambda step, share: None
            return
        columns = (TextColumn("{task.description:<34}"), BarColumn(30), TextColumn("{task.percentage:>3.0f} %"))
        with Progress(*columns, TimeElapsedColumn(), console=self.out) as bars:
            tasks: dict[str, TaskID] = {}

            def show(step: str, share: float) -> None:
                if step not in tasks:
                    tasks[step] = bars.add_task(escape(say(f"step.{step}", self.lang)), total=1.0)
                bars.update(tasks[step], completed=share)

            yield show
