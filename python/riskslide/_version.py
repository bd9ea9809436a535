"""Decides nothing: the version that pyproject.toml states, read from the installed metadata."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("riskslide")
except PackageNotFoundError:  # a source tree that is not installed
    __version__ = "0+source"
