"""Deribit's names, contract terms and chain files."""
