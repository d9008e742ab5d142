"""The command line: thin, one file per group of commands."""

from leaktrace.cli.app import main

__all__ = ["main"]
