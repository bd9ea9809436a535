"""Cboe's pages of delayed option quotes."""
