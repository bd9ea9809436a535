"""The command line: commands, tables, JSON."""

from .main import main

__all__ = ["main"]
