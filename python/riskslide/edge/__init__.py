"""Doors to the outside: files, venue formats, reports, the command line."""
