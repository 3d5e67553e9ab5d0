"""The reader of pages itself: what it takes for a command, a file, the same output; what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.pages import Command, Save, blocks, items, lab_hosts, render
from tests.docs.reader import Reader, agrees


def only(page: str) -> list[Save | Command]:
    return [item for block in blocks(page) for item in items(block)]


@pytest.mark.parametrize(
    ("page", "found"),
    [
        ("```console\n$ a\n```\n", [Command(2, "a", None)]),
        ("```console\n$ a\nx\n\ny\n$ b\n```\n", [Command(2, "a", "x\n\ny"), Command(6, "b", None)]),
        ("```console\n$ a\nx\n[exit code 2]\n```\n", [Command(2, "a", "x", 2)]),
        ("```console\n$ a\n[exit code 2]\n```\n", [Command(2, "a", None, 2)]),
        ("```console\n$ cat > f <<'END'\n> x\n> END\n```\n", [Command(2, "cat > f <<'END'\nx\nEND", None)]),
        ("```console\n$ a\n> adopted\n```\n", [Command(2, "a", "> adopted")]),
        ("- x\n\n  ```console\n  $ a\n  out\n  ```\n", [Command(4, "a", "out")]),
        ("```yaml\n# a.yaml\nb: 1\n```\n", [Save(1, "a.yaml", "# a.yaml\nb: 1\n")]),
        (
            "```yaml\n# inventory.yaml: any document\nb: 1\n```\n",
            [Save(1, "inventory.yaml", "# inventory.yaml: any document\nb: 1\n")],
        ),
        ("```yaml\n# of a CI service\nb: 1\n```\n", []),
        ("<!-- not run: why -->\n```console\n$ a\n```\n", []),
        ("<!-- not saved -->\n```yaml\n# a.yaml\n```\n", []),
    ],
)
def test_what_a_reader_does_with_a_page(page: str, found: list[Save | Command]) -> None:
    assert only(page) == found


def test_output_without_a_command_is_refused() -> None:
    with pytest.raises(ValueError, match="line 2: output without a command"):
        only("```console\naivp plan\n```\n")


def test_what_is_written_back_is_read_alike() -> None:
    commands = [Command(2, "a \\\nb", "x\n\ny"), Command(7, "c", None, 3), Command(9, "d", None)]
    again = only(f"```console\n{render(commands)}```\n")
    assert [(item.text, item.output, item.code) for item in again if isinstance(item, Command)] == [
        (item.text, item.output, item.code) for item in commands
    ]


@pytest.mark.parametrize(
    ("shown", "seen", "is_same"),
    [
        ("a\nb", "a\nb\n", True),
        ("a\nb", "a\nc", False),
        ("a\n…\nd", "a\nb\nc\nd", True),
        ("a\n…\nd", "a\nd", True),
        ("a\n…", "b\nc", False),
        ("took … of it", "took 3 of it", True),
        ("a.b", "axb", False),
        ("run 7b51ea7ecbdb8c6d53178092", "run 67cf939ff9bfba7a11705b63", True),
        ("took 0.3 s", "took 12.5 s", True),
        ("a created\nb created", "a created in 1 min 3 s\nweb1: at work on b for 31 s\nb created", True),
        ("a created", "b created in 2 s", False),
        ("exit 3", "exit 4", False),
        ("2026-01-02T03:04:05.678+00:00", "2027-01-02T03:04:05.1+00:00", True),
    ],
)
def test_which_outputs_are_the_same(shown: str, seen: str, is_same: bool) -> None:
    assert agrees(shown, seen) is is_same


def test_only_hosts_side_by_side_may_change_the_order() -> None:
    assert not agrees("a\nb", "b\na")
    assert agrees("a\nb", "b\na", is_ordered=False)
    assert not agrees("a\nb", "b\nb", is_ordered=False)


def test_one_shell_keeps_what_was_said_before_and_nothing_outside(tmp_path: Path) -> None:
    with Reader(tmp_path) as reader:
        reader.save(Save(1, "deep/a.yaml", "# /tmp/lesson\n"))
        assert reader.run(Command(1, "export X=1; cd deep", None)) == ("", 0)
        assert reader.run(Command(1, "echo $X; pwd; cat a.yaml", None)) == ("1\n/tmp/lesson/deep\n# /tmp/lesson", 0)
        assert reader.run(Command(1, "echo out; echo err >&2; (exit 7)", None)) == ("out\nerr", 7)
        assert reader.run(Command(1, "cat", None)) == ("", 0)
        assert reader.run(Command(1, "echo ~", None)) == ("/home/ana", 0)
        lesson = reader.lesson
        assert lesson.is_dir()
    assert not lesson.exists()


def test_a_page_names_its_hosts() -> None:
    assert lab_hosts("# A\n\n<!-- lab: web1=bookworm web2=trixie -->\n") == {"web1": "bookworm", "web2": "trixie"}
    assert lab_hosts("# A\n") == {}
