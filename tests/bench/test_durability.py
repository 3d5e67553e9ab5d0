from __future__ import annotations

from pathlib import Path

import pytest

from bench.durability import count_requests, count_syncs
from bench.targets import per_batch


def test_unchanged_files_are_asked_about_at_once(tmp_path: Path) -> None:
    assert count_requests(tmp_path, 5) == {"hello": 1, "observe": 1}


def test_a_batch_costs_the_journal_two_syncs(tmp_path: Path) -> None:
    found = [count_syncs(tmp_path, plan) for plan in ("one resource", "400 that may run together", "100 files")]
    counted = [item for item in found if item is not None]
    if len(counted) < len(found):
        pytest.skip("no strace, or it may not trace")
    assert [(item.steps, item.batches) for item in counted] == [(1, 1), (400, 1), (100, 1)]
    assert max(per_batch(counted)) <= 2
