"""Decides where the bytes of a risk parameter file come from: plain, or out of gzip or ZIP."""

from __future__ import annotations

import gzip
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from ...errors import refuse

CHUNK = 2**16  # bytes
_DAMAGED = (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile, zipfile.BadZipFile)


def chunks(file: str) -> Iterator[bytes]:
    """The bytes of a file in pieces, decompressed as they are read (`E_FILE`).

    A ZIP archive must hold one file.
    """
    try:
        with _opened(file) as source:
            while piece := source.read(CHUNK):
                yield piece
    except _DAMAGED as error:
        _refuse(file, f"is a damaged or incomplete archive ({error}); fetch it again")
    except NotImplementedError as error:  # sound, but of a kind that zipfile does not know
        _refuse(file, f"is an archive that is not read here ({error}); extract the file")
    except OSError as error:
        _refuse(file, f"cannot be read: {error.strerror or error}")


@contextmanager
def _opened(file: str) -> Iterator[Any]:
    try:
        plain = Path(file).open("rb")  # noqa: SIM115
    except ValueError as error:  # a name that no file can have
        _refuse(file, f"cannot be read: {error}")
    with plain:
        start = plain.read(4)
        plain.seek(0)
        if start[:2] == b"\x1f\x8b":
            with gzip.open(plain) as source:
                yield source
        elif start == b"PK\x03\x04":
            with zipfile.ZipFile(plain) as archive, archive.open(_member(file, archive)) as source:
                yield source
        else:
            yield plain


def _member(file: str, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    found = [entry for entry in archive.infolist() if not entry.is_dir()]
    if len(found) != 1:
        _refuse(file, f"is an archive of {len(found)} files; extract the one to read")
    if found[0].flag_bits & 1:
        _refuse(file, "is an archive with a password; extract it first")
    return found[0]


def _refuse(file: str, fix: str) -> NoReturn:
    refuse("E_FILE", "", None, None, fix, file=file)
