"""Decides where a rule book comes from: a preset by name, or a TOML file of the user's."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ..errors import nearest, refuse
from .rulebook import Rulebook, check


def preset_names() -> list[str]:
    """Names of the rule books that come with the package."""
    folder = resources.files(__package__) / "presets"
    return sorted(
        p.name.removesuffix(".toml") for p in folder.iterdir() if p.name.endswith(".toml")
    )


def load_rulebook(name_or_path: str | Path, *, inputs: Mapping[str, Any] | None = None) -> Rulebook:
    """The rule book of a preset's name or of a file.

    inputs: values by dotted key of parameters that the rule book leaves unpublished; they take the
    status ``given``, are part of `sha256`, and results warn of them. Raises InputError:
    `E_UNKNOWN_RULEBOOK`, `E_TOML` for text that is not TOML, and what `rulebook.check` refuses.
    """
    name = str(name_or_path)
    return check(parsed(rulebook_text(name), name), name, inputs)


def parsed(text: str, file: str) -> dict[str, Any]:
    """The tables of TOML text; `E_TOML` if it is none."""
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # numbers too long, tables too deep
        refuse("E_TOML", "", None, str(error), "must be valid TOML", file=file)


def rulebook_text(name_or_path: str | Path) -> str:
    """The TOML of a preset's name or of a file; errors as `load_rulebook`."""
    name = str(name_or_path)
    if name in preset_names():
        return (resources.files(__package__) / "presets" / f"{name}.toml").read_text("utf-8")
    return _read(Path(name))


def _read(path: Path) -> str:
    if not path.is_file():
        near = nearest(str(path), preset_names())
        hint = f"did you mean {near!r}? It " if near else ""
        fix = f"{hint}must be a file or one of {', '.join(preset_names())}"
        refuse("E_UNKNOWN_RULEBOOK", "rules", None, str(path), fix)
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        refuse("E_FILE", "", None, str(error), "must be readable UTF-8 text", file=str(path))


def rulebook_of(
    method: str,
    values: Mapping[str, Any],
    *,
    name: str,
    source: str,
    day: date,
    status: str = "documented",
    statuses: Mapping[str, str] = MappingProxyType({}),
) -> Rulebook:
    """The rule book of plain values by dotted key, such as those of a file of a clearing house.

    source, day: of every parameter, and of the rule book; status: of those that `statuses` does not
    name. Raises InputError as `rulebook.check` does.
    """
    raw: dict[str, Any] = {"schema": 1, "method": method, "version": day.isoformat()}
    raw |= {"name": name, "title": name, "description": source, "valid_from": day}
    for key, value in values.items():
        section, _, parameter = key.partition(".")
        entry = {"value": value, "status": statuses.get(key, status), "source": source, "date": day}
        raw.setdefault(section, {})[parameter] = entry
    return check(raw | {"status": "complete"}, name)
