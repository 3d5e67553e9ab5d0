"""What a run was measured on, and with which versions: figures mean little without it."""

from __future__ import annotations

import os
import platform
import sqlite3
import subprocess
from pathlib import Path

from bench.sides import terraform_version

ROOT = Path(__file__).resolve().parent.parent


def describe() -> dict[str, str]:
    """Name → text, in the order of the report."""
    return {
        "CPU": f"{len(os.sched_getaffinity(0))} cores of {_field('/proc/cpuinfo', 'model name')}",
        "memory": f"{int(_field('/proc/meminfo', 'MemTotal').split()[0]) // 1024} MiB",
        "kernel": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        "SQLite": sqlite3.sqlite_version,
        "aivp": _commit(),
        "terraform": terraform_version() or "not on PATH",
        "strace": _first_line(["strace", "-V"]).rpartition(" ")[2] or "not on PATH",
    }


def _field(path: str, name: str) -> str:
    for line in Path(path).read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return "unknown"


def _commit() -> str:
    """The last commit that changed what is measured."""
    found = _first_line(["git", "-C", str(ROOT), "log", "-1", "--format=%h", "--", "aivp", "providers"])
    if not found:
        return "of no git checkout"
    changed = _first_line(["git", "-C", str(ROOT), "status", "--porcelain", "--", "aivp", "providers"])
    return f"commit {found}" + (" and changes" if changed else "")


def _first_line(argv: list[str]) -> str:
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.splitlines()[0].strip() if done.returncode == 0 and done.stdout.strip() else ""
