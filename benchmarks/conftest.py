"""Decides what every benchmark report says about where it ran."""

from __future__ import annotations

import platform

import riskslide as rs


def pytest_report_header() -> str:
    """Processor, instruction set of the kernels, threads, compiler."""
    runtime = rs.runtime()
    return (
        f"riskslide {runtime['version']} on {platform.processor() or platform.machine()}: "
        f"{runtime['instruction_set']}, {runtime['threads']} threads, {runtime['compiler']}"
    )
