"""A few lines that stand for more than any machine holds are refused, soon and in little memory."""

from __future__ import annotations

import time
from typing import Any

import pytest

from .run import refused, resources


def doubling(section: str, how: str, steps: int = 60) -> dict[str, Any]:
    """Every value refers twice to the next one."""
    found: dict[str, Any] = {}
    for step in range(steps):
        next_one = f"${{values.v{step + 1}}}" if section == "values" else f"${{noop.v{step + 1}.input}}"
        value = {"list": [next_one, next_one], "map": {"a": next_one, "b": next_one}, "text": next_one * 2}[how]
        found[f"v{step}"] = value
    found[f"v{steps}"] = "x"
    if section == "values":
        return {"values": found, "resources": {"noop.a": {"input": "${values.v0}"}}}
    return {"resources": {f"noop.{name}": {"input": value} for name, value in found.items()}}


@pytest.mark.parametrize("section", ["values", "resources"])
@pytest.mark.parametrize("how", ["list", "map", "text"])
def test_doubling_ends_with_a_message(section: str, how: str) -> None:
    start = time.process_time()
    found = refused(doubling(section, how, 40 if section == "values" else 60))
    assert {item.code for item in found} == {"AIVP0227"}
    assert time.process_time() - start < 5


def test_doubling_of_what_is_known_later_ends_too() -> None:
    data = doubling("resources", "text")
    data["resources"]["noop.v60"] = {}
    data["resources"]["noop.v59"] = {"input": "a${noop.v60.output}"}
    assert {item.code for item in refused(data)} == {"AIVP0227"}


def test_nesting_through_references_ends_with_a_message() -> None:
    data = {f"noop.v{i}": {"input": {"a": {"b": f"${{noop.v{i + 1}.input}}"}}} for i in range(2000)}
    assert {item.code for item in refused({"resources": {**data, "noop.v2000": {"input": 1}}})} == {"AIVP0227"}


def test_many_copies_of_a_large_value_end_with_a_message() -> None:
    body = {"for_each": 100_000, "input": ["x" * 10_000]}
    assert {item.code for item in refused({"resources": {"noop.a": body}})} == {"AIVP0227"}
    body = {"for_each": 100, "input": ["${values.big}"] * 1000}
    data = {"values": {"big": "x" * 100_000}, "resources": {"noop.a": body}}
    assert {item.code for item in refused(data)} == {"AIVP0227"}


def test_what_is_large_but_bearable_compiles() -> None:
    data = {"values": {"big": ["x" * 1000] * 100}, "resources": {"noop.a": {"for_each": 500, "input": "${values.big}"}}}
    assert len(resources(data)) == 500
