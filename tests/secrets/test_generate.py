"""Generated secrets: frozen, unbiased, and different wherever anything differs."""

from __future__ import annotations

import hmac
import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aivp.secrets.generate import ALPHABET, LENGTHS, derive

KEY = bytes(range(32))
FULL_NAME = {"project": "lab", "environment": "main", "name": "admin", "version": "1", "length": 32}


def make(**changed: str | int) -> str:
    return derive(KEY, **{**FULL_NAME, **changed})  # type: ignore[arg-type]


def test_frozen() -> None:
    """These stand in people's systems: a change here changes their passwords."""
    assert make() == "y5ZrG6wgm9Ph8nPNVEpfQ9BTSqasmS6s"
    assert make(length=8, alphabet="01") == "00111010"
    assert make(length=8, alphabet="äöüß€→中文") == "中文ä文ü中öü"


def test_against_the_standard() -> None:
    """RFC 5869 written out, for an alphabet that takes one byte a character and drops none."""
    alphabet = "".join(map(chr, range(0x100, 0x200)))
    label = {**FULL_NAME, "aivp": "generate/1", "alphabet": alphabet, "length": 32, "block": 0}
    info = json.dumps(label, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    extracted = hmac.digest(bytes(32), KEY, "sha256")
    expanded = hmac.digest(extracted, info + b"\1", "sha256")
    assert make(alphabet=alphabet) == "".join(alphabet[byte] for byte in expanded)


def test_the_default_alphabet() -> None:
    assert len(ALPHABET) == len(set(ALPHABET)) == 56
    assert not set(ALPHABET) & set("0Oo1Il")
    assert ALPHABET.isalnum()
    assert ALPHABET.isascii()


def test_everything_takes_part() -> None:
    changes: list[dict[str, str | int]] = [{}, {"project": "lab2"}, {"environment": "dev"}, {"name": "admin2"}]
    changes += [{"version": "2"}, {"length": 33}, {"alphabet": ALPHABET[::-1]}]
    assert len({make(**change)[:16] for change in changes}) == len(changes)
    assert derive(bytes(32), **FULL_NAME) != make()  # type: ignore[arg-type]


def test_names_cannot_run_into_each_other() -> None:
    assert make(project="a", environment="bc") != make(project="ab", environment="c")
    assert make(name='a","version":"1') != make(name="a", version='1","version":"1')


@pytest.mark.parametrize("length", [LENGTHS.start, 32, LENGTHS.stop - 1])
def test_length(length: int) -> None:
    assert len(make(length=length)) == length


@given(st.lists(st.characters(exclude_categories=["Cs"]), min_size=2, max_size=400, unique=True).map("".join))
def test_any_alphabet(alphabet: str) -> None:
    assert set(make(alphabet=alphabet, length=1024)) <= set(alphabet)


@pytest.mark.parametrize("size", [2, 56, 129, 256, 257, 300])
def test_no_character_is_likelier(size: int) -> None:
    """Pearson's chi-squared over 200,000 characters; by the 1e-9 quantile, roughly, and frozen by the key anyway."""
    alphabet = "".join(chr(0x4E00 + index) for index in range(size))
    counts: Counter[str] = Counter()
    for name in range(200):
        counts.update(make(name=str(name), alphabet=alphabet, length=1000))
    expected = 200_000 / size
    found = sum((counts[char] - expected) ** 2 / expected for char in alphabet)
    freedom = size - 1
    assert found < freedom + 6 * (2 * freedom) ** 0.5 + 24


def test_a_remainder_would_have_been_noticed() -> None:
    """The check above tells the usual mistake: 256 % 56 = 32 characters too often."""
    expected = 200_000 / 56
    biased = [200_000 * (5 if index < 32 else 4) / 256 for index in range(56)]
    assert sum((count - expected) ** 2 / expected for count in biased) > 55 + 6 * 110**0.5 + 24
