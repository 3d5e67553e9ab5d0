"""A secret's command runs as the user would run it, within bounds, and leaves nothing behind."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from aivp.diagnostics import Diagnostic, Refused
from aivp.secrets.command import run_command
from aivp.secrets.text import MAX_BYTES


def run(root: Path, *argv: str, timeout: float = 20, **environ: str) -> bytes:
    return run_command("s", argv, root, {**os.environ, **environ}, timeout)


def shell(root: Path, script: str, **options: float) -> bytes:
    return run(root, "sh", "-c", script, timeout=options.get("timeout", 20))


def refused(root: Path, script: str, **options: float) -> Diagnostic:
    with pytest.raises(Refused) as caught:
        shell(root, script, **options)
    return caught.value.diagnostics[0]


def test_output_without_its_last_newline(root: Path) -> None:
    assert run(root, "printf", "a\nb\n\n") == b"a\nb\n"


def test_arguments_are_not_for_a_shell(root: Path) -> None:
    assert run(root, "printf", "%s", "$(id); *") == b"$(id); *"


def test_directory_environment_and_input(root: Path) -> None:
    (root / "here").touch()
    assert run(root, "sh", "-c", "ls; echo $WORD; cat", WORD="w") == b"here\nw"


def test_it_has_no_terminal(root: Path) -> None:
    assert shell(root, "(: < /dev/tty) 2>/dev/null || echo none") == b"none"


@pytest.mark.parametrize("size", [MAX_BYTES, MAX_BYTES + 1])
def test_the_largest_output(root: Path, size: int) -> None:
    assert len(shell(root, f"head -c {size} /dev/zero; echo")) == size


def test_endless_output_is_cut(root: Path) -> None:
    assert MAX_BYTES < len(shell(root, "echo $$ > pid; exec yes")) <= 3 * MAX_BYTES
    assert not is_running(root)


def test_exit_code_and_how_to_see_more(root: Path) -> None:
    found = refused(root, "echo secret; echo 'also secret' >&2; exit 7")
    assert (found.code, found.why) == ("AIVP0807", "The command of the secret s ended with exit code 7.")
    assert found.mend.endswith("sh -c 'echo secret; echo '\"'\"'also secret'\"'\"' >&2; exit 7'")


def test_signal(root: Path) -> None:
    assert refused(root, "kill -TERM $$").why == "The command of the secret s was ended by signal 15."


@pytest.mark.parametrize("argv", [["aivp-no-such-program"], ["."], ["a\0b"]])
def test_no_such_program(root: Path, argv: list[str]) -> None:
    with pytest.raises(Refused, match=r"AIVP0807: .* does not start: "):
        run(root, *argv)


@pytest.mark.parametrize("script", ["sleep 99 & echo $! > pid; wait", "exec >&-; echo $$ > pid; exec sleep 99"])
def test_time_is_bounded_for_the_whole_group(root: Path, script: str) -> None:
    found = refused(root, script, timeout=0.5)
    assert found.code == "AIVP0808"
    assert not is_running(root)


def test_trickling_output_does_not_buy_time(root: Path) -> None:
    started = time.monotonic()
    assert refused(root, "while :; do echo x; sleep 0.05; done", timeout=0.5).code == "AIVP0808"
    assert time.monotonic() - started < 10


def test_an_agent_that_it_leaves_running_is_not_waited_for(root: Path) -> None:
    started = time.monotonic()
    assert shell(root, "setsid sleep 30 & echo $! > pid; echo value") == b"value"
    assert time.monotonic() - started < 10
    os.kill(int((root / "pid").read_text()), 9)


def is_running(root: Path) -> bool:
    """Whether the process in `pid` is there; its new parent may need a moment to collect it."""
    process = Path("/proc", (root / "pid").read_text().strip(), "stat")
    for _ in range(100):
        if not process.exists() or ") Z " in process.read_text():
            return False
        time.sleep(0.02)
    return True
