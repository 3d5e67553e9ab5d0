"""Seconds and bytes → a few characters that people read at a glance."""

from __future__ import annotations

UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def lasted(seconds: float) -> str:
    """`0.31 s`, `8.2 s`, `1 min 12 s`, `3 h 5 min`; a whole number stays one (`5 s`)."""
    if seconds < 60 and seconds != int(seconds):
        return f"{seconds:.2f} s" if seconds < 1 else f"{min(seconds, 59.9):.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    hours, rest = divmod(whole, 3600)
    if hours:
        return f"{hours} h {rest // 60} min" if rest >= 60 else f"{hours} h"
    return f"{rest // 60} min {rest % 60} s" if rest % 60 else f"{rest // 60} min"


def clock(seconds: float) -> str:
    """The same as on a stopwatch: `0:07`, `12:40`, `3:05:00`."""
    hours, rest = divmod(int(seconds), 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"


def size(number: int, digits: int = 0) -> str:
    """`64 GiB`, or with one digit `2.9 MiB`; plain bytes have none."""
    power = 0
    while number >= 1024 ** (power + 1) and power + 1 < len(UNITS):
        power += 1
    return f"{number / 1024**power:.{digits if power else 0}f} {UNITS[power]}"


def amount(done: int, total: int) -> str:
    """`12 of 300 MiB (4%)`, in the unit that suits the whole."""
    power = 0
    while total >= 1024 ** (power + 1) * 10 and power + 1 < len(UNITS):
        power += 1
    share = 100 * done // total if total else 100
    return f"{done // 1024**power:,} of {total // 1024**power:,} {UNITS[power]} ({share}%)"
