"""The logs of CI systems: what they are told by folds, and that nothing else is a command to them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aivp.views.ci_log import CiLog, ci_log

TIME = "2026-01-31T14:46:42.612+00:00"


@pytest.mark.parametrize(
    ("environ", "system"),
    [
        ({"GITHUB_ACTIONS": "true", "CI": "true"}, "github"),
        ({"GITLAB_CI": "true", "CI": "true"}, "gitlab"),
        ({"CI": "true"}, ""),
        ({"CI": "1"}, ""),
        ({"CI": "false"}, None),
        ({}, None),
    ],
)
def test_the_system_is_told_by_what_it_sets(environ: dict[str, str], system: str | None) -> None:
    found = ci_log(environ)
    assert (found and found.system) == system if found else system is None


def test_folds() -> None:
    assert CiLog("github").begin("aivp apply", 7) == "::group::aivp apply"
    assert CiLog("gitlab").begin("aivp apply", 7) == "\x1b[0Ksection_start:7:aivp_run\r\x1b[0Kaivp apply"
    assert CiLog("gitlab").end(9) == "\x1b[0Ksection_end:9:aivp_run\r\x1b[0K"
    assert CiLog().begin("aivp apply", 7) == CiLog().end(9) == ""


def test_a_line_has_its_time() -> None:
    assert CiLog().stamped("   + file.a@lab created", TIME) == "14:46:42Z    + file.a@lab created"


@given(st.lists(st.sampled_from(["::", "##[", " ", "\n", "error", "]", "add-mask::x", "\t", "#"])).map("".join))
def test_nothing_that_is_said_is_a_command_to_github(text: str) -> None:
    said = CiLog("github").safe(text)
    assert not [line for line in said.split("\n") if re.match(r"\s*::", line)]
    assert "##[" not in said
    assert CiLog("gitlab").safe(text) == text
