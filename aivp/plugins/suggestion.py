"""Did-you-mean: the known names nearest to what somebody wrote."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(word: str, known: Iterable[str], most: int = 3) -> list[str]:
    """Up to `most` names that resemble `word`, best first; ties by name."""
    import difflib  # only where there is a mistake

    return difflib.get_close_matches(word[:200], sorted(known), n=most, cutoff=0.6)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The sentence for a diagnostic's `mend`, empty where nothing resembles `word`."""
    found = nearest(word, known)
    return f"Did you mean {_either(found)}?" if found else ""


def listing(known: Iterable[str], most: int = 12) -> str:
    """Names for a message: sorted, with commas, cut off after `most`."""
    names = sorted(known)
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _either(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
