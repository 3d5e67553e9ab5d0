"""A step changes the words that it names and nothing else, and has nothing to do the second time."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aivp.config import yaml
from aivp.config.nodes import compose
from aivp.config.requirements import LANGUAGE, OLDER
from aivp.diagnostics import Diagnostics
from aivp.edit.fmt.formatted import comments
from aivp.edit.migrate.steps import STEPS, migrated
from tests.edit.fmt.written import documents


def step(text: str, version: str = "v0") -> str:
    return migrated(text, compose(text), STEPS[version])


def value(text: str) -> Any:
    found = yaml.parse(text.encode(), "f.yaml", Diagnostics())
    assert found is not None
    return found.value


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("aivp: v0 # old", "aivp: v1 # old"),
        ("'aivp': \"v0\"", "'aivp': v1"),
        ("machines: {a: {connection: here}}", "hosts: {a: {transport: local}}"),
        ("machines: {a: {connection: ssh, address: x}}", "hosts: {a: {transport: ssh, address: x}}"),
        ("secrets: {a: env:A, b: 'file:k/x', c: {env: X}}", "secrets: {a: {env: A}, b: {file: k/x}, c: {env: X}}"),
        ("resources: {file:a: {on: x, needs: file:b}}", "resources: {file.a: {host: x, depends_on: file.b}}"),
        ('resources: {"acme/n:a": {notify: [file:b@x]}}', 'resources: {"acme/n.a": {notify: [file.b@x]}}'),
        ("values: {a: '${vars.x} $${vars.x} ${vars.y}'}", "values: {a: '${var.x} $${vars.x} ${var.y}'}"),
        ("values: {a: '${file:b.path}', b: 'http://x:y'}", "values: {a: '${file.b.path}', b: 'http://x:y'}"),
        ("values:\n  a: |\n    ${vars.x}\n    # no comment\n", "values:\n  a: |\n    ${var.x}\n    # no comment\n"),
        (
            "environments: {dev: {overrides: {machines: {a: {connection: here}}, resources: {file:a: {on: b}}}}}",
            "environments: {dev: {overrides: {hosts: {a: {transport: local}}, resources: {file.a: {host: b}}}}}",
        ),
        ("é: 😀 # ünï\naivp: v0", "é: 😀 # ünï\naivp: v1"),
        ("a: &x ${vars.b}\nb: *x", "a: &x ${var.b}\nb: *x"),
        ("", ""),
        ("# only this", "# only this"),
        ("[machines]", "[machines]"),
        (
            "machines: 7\nresources: [1]\nsecrets: x\nenvironments: {a: 1}",
            "hosts: 7\nresources: [1]\nsecrets: x\nenvironments: {a: 1}",
        ),
    ],
)
def test_words(before: str, after: str) -> None:
    assert step(before) == after
    assert step(after) == after


@settings(max_examples=100, deadline=None, suppress_health_check=[*HealthCheck])
@given(documents(), st.sampled_from(["machines", "hosts", "secrets", "values"]))
def test_whatever_has_no_old_words_stays_as_it_is(text: str, section: str) -> None:
    """But for the key that is one."""
    text = text.replace("\r\n", "\n").removeprefix("---\n")
    whole = f"{section}:\n" + "".join(f"  {line}\n" if line.strip() else "\n" for line in text.splitlines())
    try:
        before = value(whole)
    except AssertionError:
        return  # a block text that indentation changed
    done = step(whole)
    assert list(comments(done)) == list(comments(whole))
    name = "hosts" if section == "machines" else section
    if section != "secrets":
        assert json.dumps(value(done)[name]) == json.dumps(before[section])
    assert step(done) == done


def test_there_is_a_way_from_every_version() -> None:
    assert STEPS.keys() == set(OLDER)
    for version in STEPS:
        seen = [version]
        while seen[-1] != LANGUAGE:
            seen.append(STEPS[seen[-1]].to)
            assert len(seen) <= len(STEPS) + 1
