"""Every example of every explanation, played for real: the bad one earns exactly its code, the good one no error."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from aivp.diagnostics import catalogue
from aivp.diagnostics.explanation import FOLDER, Example, explain
from tests.diagnostics import servers, situations
from tests.diagnostics.stage import Stage
from tests.state.server import Server

CODES = sorted(catalogue.SUMMARIES)
PLAYED = {*situations.SITUATIONS, *servers.SITUATIONS}
SHOWN = [code for code in CODES if code not in PLAYED]

sides = pytest.mark.parametrize("side", ["bad", "good"])


def check(stage: Stage, code: str, side: str) -> None:
    """Exactly the code, or nothing at all."""
    assert stage.codes == ({code} if side == "bad" else set()), stage.said


def test_every_code_is_explained_and_nothing_else() -> None:
    assert sorted(name.removesuffix(".txtar") for name in os.listdir(FOLDER)) == CODES
    assert set(CODES) >= PLAYED


@pytest.mark.parametrize("code", CODES)
def test_an_explanation_says_something_in_few_words(code: str) -> None:
    found = explain(code)
    for text in (found.what, found.why, found.mend):
        assert 20 <= len(text) <= 700, text
        assert re.fullmatch(r"(?s)(?:[A-Z`\d]|aivp).*[.?!:]", text), text
        assert text.isascii()
        assert "  " not in text, text
    for example in (found.bad, found.good):
        assert bool(example.commands) != bool(example.words)
        assert bool(example.words) == (code in PLAYED), "words are for what a situation plays"


@sides
@pytest.mark.parametrize("code", SHOWN)
def test_an_example(code: str, side: str, tmp_path: Path) -> None:
    example: Example = getattr(explain(code), side)
    stage = Stage.build(tmp_path)
    stage.put(example.files)
    stage.play(example.commands)
    check(stage, code, side)
    if side == "good":
        assert stage.code in (0, 2), stage.said


@sides
@pytest.mark.parametrize("code", sorted(situations.SITUATIONS))
def test_a_situation(code: str, side: str, tmp_path: Path) -> None:
    stage = Stage.build(tmp_path)
    situations.SITUATIONS[code](stage, side == "bad")
    check(stage, code, side)


@sides
@pytest.mark.parametrize("code", sorted(servers.SITUATIONS))
def test_a_situation_with_a_server(code: str, side: str, tmp_path: Path, server: Server) -> None:
    stage = Stage.build(tmp_path)
    servers.SITUATIONS[code](stage, side == "bad", server)
    check(stage, code, side)


def test_codes_are_not_used_again() -> None:
    assert not set(catalogue.RETIRED) & set(catalogue.SUMMARIES)
