"""What the bottom of a terminal shows, at any width and height, and what a redraw costs and writes."""

from __future__ import annotations

import time

import pytest

from aivp.events import ContentSent, ProviderProgressed, RunStarted, StepEnded, StepsLasting, StepsStarted
from aivp.views.live_text import Asking, Running
from aivp.views.region import Region, width
from aivp.views.style import Style
from tests.terminal import Vt

HOSTILE = "\x1b[2J\u202e\r\n\x07\u200b" + "x" * 1_000_000
PLAIN = Style(False)


def busy(hosts: int, steps: int) -> Running:
    picture = Running(PLAIN)
    picture.listen(RunStarted("r", "sha256:a", hosts * steps, is_resumed=False), 0.0)
    for number in range(hosts):
        name = f"h{number}"
        picture.listen(StepsStarted(name, [f"create:file.f{step}@{name}" for step in range(steps)]), number / 100)
    return picture


def test_the_hosts_that_last_longest_and_a_sum() -> None:
    picture = busy(3, 2)
    picture.listen(StepEnded("h0", "create:file.f0@h0", "file.f0@h0", "failed", "create"), 5.0)
    picture.listen(StepsLasting("h1", ["create:file.f0@h1"], 12, 0.3), 6.0)
    picture.listen(ProviderProgressed("h1", "acme", "downloading", None, 10, 400), 6.5)
    picture.listen(ContentSent("h2", "file.f0@h2", "sha256:a", 30 * 1024**2, 300 * 1024**2), 6.6)
    assert picture.lines(10.0, 10.0, 80, 24) == [
        "   0:09  h2: file.f0  sending 30 of 300 MiB (10%)",
        "   0:05  h0: file.f1",
        "   0:04  h1: file.f0 and 11 more  downloading (10 of 400, 2%)",
        "   0:10  1 of 6 steps, 1 without success, 3 hosts at work",
    ]
    for step in ("f0", "f1"):
        picture.listen(StepEnded("h1", f"create:file.{step}@h1", f"file.{step}@h1", "done", "create"), 11.0)
    assert not [line for line in picture.lines(12.0, 12.0, 80, 24) if "h1" in line]


def test_who_is_waited_for() -> None:
    asking = Asking()
    answered = asking.attend([f"h{number:03}" for number in range(200)])
    for number in range(12):
        answered(f"h{number:03}")
    assert asking.lines(3.2, 80, 24) == ["   0:03  12 of 200 hosts answered, waiting for h012, h013, h014 and 185 more"]
    assert asking.lines(3.2, 40, 24) == ["   0:03  12 of 200 hosts answered, w..."]
    picture = busy(0, 0)
    picture.asking = asking
    assert picture.lines(3.2, 3.2, 80, 24)[-1] == "   0:03  0 of 0 steps"
    asking.attend([])
    assert asking.lines(3.2, 80, 24) == []


@pytest.mark.parametrize("columns", [1, 2, 10, 40, 80, 160])
@pytest.mark.parametrize("most", [-1, 0, 1, 2, 5, 40])
def test_never_more_than_there_is_room_for(columns: int, most: int) -> None:
    picture = busy(200, 5)
    picture.listen(StepsStarted(HOSTILE, [f"create:file.{HOSTILE}@{HOSTILE}"]), -1.0)
    picture.listen(ProviderProgressed(HOSTILE, "acme", "ワイド" + HOSTILE, None, float("1e300"), 1e-300), 0.0)
    lines = picture.lines(1.0, 1.0, columns, most)
    assert len(lines) <= max(most, 0)
    for line in lines:
        assert line.isprintable()
        assert width(line) < max(columns, 2)


def test_what_is_finished_scrolls_up_and_nothing_else_stays() -> None:
    vt, region, said = Vt(40, 10), Region(), []
    for number in range(100):
        finished = [f"step {number} is done"] if number % 3 == 0 else []
        said += finished
        vt.write(region.frame(finished, [f"line {n} of {number}" for n in range(number % 5)], 40).replace("\n", "\r\n"))
    vt.write(region.frame([], [], 40).replace("\n", "\r\n"))
    assert vt.text.splitlines() == said


def test_a_terminal_that_became_narrower_is_wiped_as_it_wrapped() -> None:
    vt, region = Vt(80, 24), Region()
    vt.write("log\r\n" + region.frame([], ["x" * 70, "y" * 30], 80).replace("\n", "\r\n"))
    vt.columns = 40
    vt.lines = ["log", "x" * 40, "x" * 30, "y" * 30, ""]  # as terminals do that wrap anew
    vt.row = 4
    vt.write(region.frame(["done"], ["z"], 40).replace("\n", "\r\n"))
    assert vt.text.splitlines() == ["log", "done", "z"]


def test_nothing_new_is_not_written() -> None:
    region = Region()
    assert region.frame([], [], 80) == ""
    assert region.frame([], ["a"], 80)
    assert region.frame([], ["a"], 80) == ""


def test_a_redraw_of_200_hosts_of_1000_steps_costs_little() -> None:
    picture = busy(200, 1000)
    best = 1.0
    for _ in range(5):
        begun = time.perf_counter()
        picture.lines(1.0, 1.0, 80, 50)
        best = min(best, time.perf_counter() - begun)
    assert best < 0.02, best
    begun = time.perf_counter()
    for step in range(1000):
        for host in range(20):
            name = f"create:file.f{step}@h{host}"
            picture.listen(StepEnded(f"h{host}", name, name[7:], "done", "create"), 2.0)
    assert time.perf_counter() - begun < 1.0
