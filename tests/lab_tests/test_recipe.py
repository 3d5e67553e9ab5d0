"""Recipes: the key follows from all that decides the content."""

from __future__ import annotations

import pytest

from tests.lab import LabError
from tests.lab.recipe import recipe


def test_order_and_repetition_of_packages_do_not_matter() -> None:
    assert recipe("bookworm", "amd64", ["b", "a", "b"]) == recipe("bookworm", "amd64", ["a", "b"])


def test_suite_architecture_and_packages_do() -> None:
    names = {
        recipe("bookworm", "amd64").name,
        recipe("bookworm", "arm64").name,
        recipe("trixie", "amd64").name,
        recipe("bookworm", "amd64", ["tree"]).name,
    }
    assert len(names) == 4


def test_an_unknown_suite_is_refused() -> None:
    with pytest.raises(LabError, match="'buzz'; there are bullseye, bookworm, trixie"):
        recipe("buzz", "amd64")
