"""Decides what tests of the edge are handed."""

from __future__ import annotations

from pathlib import Path

import pytest
from edge.demo_files import Book, written


@pytest.fixture
def book(tmp_path: Path) -> Book:
    """The demo's book as files."""
    return written(tmp_path)
