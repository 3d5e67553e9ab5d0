"""What a client asks of a guest is done, whatever its size; a guest's no is an error that says why."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest
from aivp_guest.client import Guest, GuestError

from tests.providers.guest.boards import Board, until

_LARGE = bytes(range(256)) * 40_000  # ten megabytes without a line end


def test_guest_says_what_it_is(board: Board) -> None:
    with board.guest() as guest:
        ready = guest.wait(5)
        assert ready.boot_id == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        assert guest.facts().hostname == os.uname().nodename
        assert guest.ping() < 1


def test_command_has_streams_status_folder_and_environment(board: Board, tmp_path: Path) -> None:
    with board.guest() as guest:
        script = 'cat; echo "$PWD $A" >&2; exit 7'
        done = guest.run(["sh", "-c", script], b"in", cwd=str(tmp_path), env={"A": "b"})
        assert (done.status, done.stdout, done.stderr) == (7, b"in", f"{tmp_path} b\n".encode())
        assert guest.run(["sh", "-c", "kill -9 $$"]).status == 137
        assert guest.run(["env"], env={}).stdout.count(b"INVOCATION_ID") == 0


def test_ten_megabytes_on_one_line_go_through_unchanged(board: Board) -> None:
    with board.guest() as guest:
        assert guest.run(["cat"], _LARGE).stdout == _LARGE


def test_argv_may_be_larger_than_a_frame(board: Board) -> None:
    text = "x" * 120_000
    with board.guest() as guest:
        assert guest.run(["printf", "%s", text]).stdout.decode() == text


@pytest.mark.parametrize(
    ("argv", "code"),
    [(["no-such-command"], "not_found"), (["/etc/passwd"], "not_executable"), (["a\0b"], "bad_request")],
)
def test_command_that_cannot_start(board: Board, argv: list[str], code: str) -> None:
    with board.guest() as guest, pytest.raises(GuestError) as raised:
        guest.run(argv)
    assert raised.value.code == code


@pytest.mark.skipif(os.geteuid() != 0, reason="another user needs root")
def test_command_of_another_user(board: Board) -> None:
    with board.guest() as guest:
        done = guest.run(["sh", "-c", 'echo "$(id -un) $(id -Gn) $USER $HOME"'], user="nobody", cwd="/")
        assert done.stdout == b"nobody nogroup nobody /nonexistent\n"


def test_user_that_is_not_there(board: Board) -> None:
    with board.guest() as guest, pytest.raises(GuestError, match="no user nobody-here"):
        guest.run(["true"], user="nobody-here")


def test_command_that_takes_too_long_is_ended(board: Board) -> None:
    with board.guest() as guest:
        with pytest.raises(GuestError) as raised:
            guest.run(["sh", "-c", "echo $$; exec sleep 987.25"], seconds=0.3)
        assert raised.value.code == "timeout"
        assert until(lambda: not _is_running(b"sleep\x00987.25"))
        assert guest.run(["echo", "next"]).stdout == b"next\n"


def test_output_after_the_end_is_waited_for_but_not_for_ever(board: Board) -> None:
    with board.guest() as guest:
        late = guest.run(["sh", "-c", "(sleep 0.2; echo late) & echo now"])
        assert late.stdout == b"now\nlate\n"
        assert guest.run(["sh", "-c", "sleep 600 & echo $!"], seconds=5).stdout.strip().isdigit()


def test_files_are_written_as_a_whole_and_read(board: Board, tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"
    with board.guest() as guest:
        guest.write_file(str(path), _LARGE, 0o640)
        assert guest.read_file(str(path)) == _LARGE
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        assert [entry.name for entry in path.parent.iterdir()] == ["file"]
        with pytest.raises(GuestError) as raised:
            guest.read_file(str(path), limit=1000)
        assert raised.value.code == "too_large"
        with pytest.raises(GuestError) as raised:
            guest.read_file(str(tmp_path / "missing"))
        assert raised.value.code == "os:2"
        assert guest.ping() < 1


def test_file_that_is_not_written_to_its_end_stays_as_it_was(board: Board, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    for _ in range(5):
        guest = board.guest()
        talk = guest._line.start({"do": "write", "path": str(path), "mode": 0o644, "size": 100_000}, 5)
        talk.write(bytes(50_000))
        guest.close()
    assert until(lambda: [entry.name for entry in tmp_path.iterdir()] == ["file"])
    assert path.read_text() == "old"


def test_folders_are_copied_both_ways(board: Board, tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "deep/er").mkdir(parents=True)
    (source / "deep/er/large").write_bytes(_LARGE)
    (source / "deep/link").symlink_to("er/large")
    (source / "run").write_text("#!/bin/sh\n")
    (source / "run").chmod(0o4755)
    (source / "empty").mkdir(mode=0o750)
    (source / os.fsdecode(b"not-utf8-\xff")).write_text("name")
    os.mkfifo(source / "pipe")
    with board.guest() as guest:
        assert guest.copy_in(source, str(tmp_path / "there")) == ["pipe"]
        assert guest.copy_out(str(tmp_path / "there"), tmp_path / "back") == []
        assert guest.copy_in(source / "run", str(tmp_path / "single")) == []
        with pytest.raises(GuestError) as raised:
            guest.copy_out(str(tmp_path / "there"), tmp_path / "small", limit=1000)
        assert raised.value.code == "bad_entry"
        with pytest.raises(GuestError) as raised:
            guest.copy_out(str(tmp_path / "missing"), tmp_path / "x")
        assert raised.value.code == "os:2"
    for name in ("there", "back"):
        copy = tmp_path / name
        assert (copy / "deep/er/large").read_bytes() == _LARGE
        assert os.readlink(copy / "deep/link") == "er/large"
        assert (copy / os.fsdecode(b"not-utf8-\xff")).read_text() == "name"
        assert (copy / "empty").is_dir()
    assert stat.S_IMODE((tmp_path / "there/run").stat().st_mode) == 0o4755
    assert stat.S_IMODE((tmp_path / "back/run").stat().st_mode) == 0o755
    assert stat.S_IMODE((tmp_path / "single").stat().st_mode) == 0o4755


def test_fifty_at_once_do_not_wait_for_each_other(board: Board) -> None:
    found: dict[int, bytes] = {}

    def one(number: int) -> None:
        with board.guest() as guest:
            text = f"{number} ".encode() * 20_000
            found[number] = guest.run(["sh", "-c", "sleep 0.5; cat"], text).stdout
            assert found[number] == text

    threads = [threading.Thread(target=one, args=(number,)) for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(found) == 50


def test_no_machine_behind_the_socket(tmp_path: Path) -> None:
    with pytest.raises(GuestError) as raised:
        Guest(tmp_path / "guest.sock")
    assert raised.value.code == "not_running"


def test_path_of_the_socket_may_be_long(board: Board, tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 120)
    folder.symlink_to(board.folder)
    with Guest(folder / "guest.sock") as guest:
        assert guest.wait(5)


def _is_running(part: bytes) -> bool:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if part in (entry / "cmdline").read_bytes():
                    return True
            except OSError:
                continue
    return False
