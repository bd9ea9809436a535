"""Decides whether docs/terms.md explains every code that the source can put out, and no other."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TERMS = ROOT / "docs" / "terms.md"
USED = re.compile(r"[\"']([EW]_[A-Z0-9_]*[A-Z0-9])\b")  # as a literal: mentions are in backquotes
LISTED = re.compile(r"^\| `([EW]_[A-Z0-9_]+)` \| (.+) \| (.+) \|$", re.MULTILINE)


def used() -> dict[str, str]:
    """Every code that stands in a literal of the source, with a file that holds it."""
    return {
        code: str(path.relative_to(ROOT))
        for folder in ("cpp", "python")
        for path in sorted((ROOT / folder).rglob("*"))
        if path.suffix in (".py", ".cpp", ".hpp", ".inc")
        for code in USED.findall(path.read_text("utf-8"))
    }


def listed() -> list[str]:
    return [code for code, _, _ in LISTED.findall(TERMS.read_text("utf-8"))]


def test_every_code_of_the_source_is_explained() -> None:
    codes = used()
    assert len(codes) > 40
    assert {code: file for code, file in codes.items() if code not in listed()} == {}


def test_every_code_explained_is_in_the_source() -> None:
    codes = used()
    assert [code for code in listed() if code not in codes] == []


def test_codes_are_listed_once_and_in_order() -> None:
    codes = listed()
    assert codes == sorted(set(codes))
