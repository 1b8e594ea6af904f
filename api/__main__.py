"""``python -m phusong.api`` is the command line."""

from phusong.api.cli import main

main()
