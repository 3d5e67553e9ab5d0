"""The cache builds once, also for many at a time, and never shows half a folder."""

from __future__ import annotations

import multiprocessing
import os
import time
from pathlib import Path

import pytest

from tests.lab.cache import cached, content_key


def _make_slowly(draft: Path) -> None:
    with (draft.parent / "built-by").open("a") as log:
        log.write(f"{os.getpid()}\n")
    time.sleep(0.3)
    (draft / "whole").write_text("yes")


def _want(folder: Path) -> None:
    assert (cached(folder, _make_slowly) / "whole").read_text() == "yes"


def test_processes_that_want_the_same_folder_get_one_build(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    wanting = [context.Process(target=_want, args=(tmp_path / "thing",)) for _ in range(4)]
    for process in wanting:
        process.start()
    for process in wanting:
        process.join()
    assert [process.exitcode for process in wanting] == [0] * 4
    assert len((tmp_path / "built-by").read_text().splitlines()) == 1


def test_a_build_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def fail(draft: Path) -> None:
        (draft / "half").write_text("")
        raise ValueError("half way")

    with pytest.raises(ValueError, match="half way"):
        cached(tmp_path / "thing", fail)
    assert [path.name for path in tmp_path.iterdir()] == [".thing.lock"]


def test_the_draft_of_a_killed_builder_is_not_used(tmp_path: Path) -> None:
    draft = tmp_path / ".thing.draft"
    draft.mkdir()
    (draft / "half").write_text("")
    folder = cached(tmp_path / "thing", lambda draft: None)
    assert list(folder.iterdir()) == []


def test_a_key_follows_from_content_not_from_order() -> None:
    assert content_key({"a": 1, "b": [2]}) == content_key({"b": [2], "a": 1})
    assert content_key({"a": 1}) != content_key({"a": 2})
