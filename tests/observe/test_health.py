"""What a person is told of a host before anything is applied there."""

from __future__ import annotations

from dataclasses import replace

import pytest
from aivp_runner import health

from aivp.model.checked import Checked
from aivp.observe.health import judged

FIT = Checked("h", (), "debian 12", "3.11.2", 0, "/var/lib/aivp", 1 << 30, 0.2, 0.05)


@pytest.mark.parametrize(
    ("found", "becomes", "noise", "codes"),
    [
        (FIT, "", b"", []),
        (FIT, "root", b"", []),
        (replace(FIT, user=1000), "", b"", []),
        (replace(FIT, user=1000), "root", b"", ["AIVP0619"]),
        (replace(FIT, free=1024), "", b"", ["AIVP0621"]),
        (replace(FIT, free=-1), "", b"", []),
        (replace(FIT, clock=-86400.0), "", b"", ["AIVP0622"]),
        (replace(FIT, clock=31.0), "", b"", ["AIVP0622"]),
        (replace(FIT, clock=31.0, round_trip=2.0), "", b"", []),
        (FIT, "", b"Welcome", ["AIVP0623"]),
    ],
)
def test_remarks(found: Checked, becomes: str, noise: bytes, codes: list[str]) -> None:
    seen = judged(found, becomes, noise)
    assert [item.code for item in seen.remarks] == codes
    assert seen.is_fit == all(item.severity == "warning" for item in seen.remarks)


def test_a_look_leaves_nothing_behind(tmp_path) -> None:
    found = health.look(tmp_path)
    assert (found["folder"], found["problem"]) == (str(tmp_path), "")
    assert found["free"] > 0
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_says_why(tmp_path) -> None:
    assert health.look(tmp_path / "nowhere")["problem"] == "No such file or directory"
    assert health.look(None)["folder"] == ""
