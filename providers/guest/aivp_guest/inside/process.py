"""A request → a child process with pipes or a terminal; its ends are descriptors that never block.

A child is a command, or a function that runs in a copy of this process: work on files blocks nobody, and can be ended.
Knows no streams and no frames.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pwd
import signal
import struct
import subprocess
import termios
from typing import Any, Callable, Dict, List, NamedTuple, Optional

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

Work = Callable[[], None]


class Failure(Exception):
    """Why a request cannot be done: a code that programs know, and a sentence."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Child(NamedTuple):
    """A child that leads a session of its own. Of a terminal, `stdin` and `stdout` are the same and `stderr` is -1."""

    pid: int
    stdin: int
    stdout: int
    stderr: int
    popen: Optional[subprocess.Popen[bytes]]  # keeps it from being reaped by anybody else

    def reap(self) -> Optional[int]:
        """The exit status, 128 and the number for a signal; None while it runs."""
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if pid == 0:
            return None
        if self.popen is not None:
            self.popen.returncode = status
        return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)

    def signal(self, number: int) -> None:
        """Send a signal to the whole process group."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def resize(self, rows: int, columns: int) -> None:
        """Change the size of its terminal."""
        fcntl.ioctl(self.stdout, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def command(request: Dict[str, Any]) -> Child:
    """Start `argv` as `user` in `cwd` with `env` added, on a terminal where `pty` says its size. Raises Failure."""
    account = _account(request.get("user"))
    argv = [str(part) for part in request.get("argv") or ["-" + os.path.basename(account.pw_shell)]]
    options: Dict[str, Any] = {
        "cwd": request.get("cwd") or (account.pw_dir if os.path.isdir(account.pw_dir) else "/"),
        "env": _environment(account, request),
        "start_new_session": True,
    }
    if not request.get("argv"):
        options["executable"] = account.pw_shell
    if account.pw_uid != os.geteuid():
        groups = os.getgrouplist(account.pw_name, account.pw_gid)
        options.update(user=account.pw_uid, group=account.pw_gid, extra_groups=groups)
    try:
        pty = request.get("pty")
        return _on_pipes(argv, options) if pty is None else _on_terminal(argv, options, pty)
    except FileNotFoundError as error:
        raise Failure("not_found", f"{error.filename}: {error.strerror}") from None
    except OSError as error:
        raise Failure("not_executable", f"{error.filename or argv[0]}: {error.strerror}") from None
    except (ValueError, subprocess.SubprocessError) as error:
        raise Failure("bad_request", str(error)) from None


def work(function: Work) -> Child:
    """Run the function in a copy of this process; what it raises as OSError or Failure is its last word on stderr."""
    ends = [os.pipe(), os.pipe(), os.pipe()]
    pid = os.fork()
    if pid == 0:
        os._exit(_work(function, [ends[0][0], ends[1][1], ends[2][1]]))
    for end in (ends[0][0], ends[1][1], ends[2][1]):
        os.close(end)
    return _child(pid, ends[0][1], ends[1][0], ends[2][0])


def _work(function: Work, ends: List[int]) -> int:
    """In the copy: nothing of what its parent has open may stay open here."""
    code = 1
    try:
        os.setsid()
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        signal.signal(signal.SIGHUP, _give_up)
        signal.signal(signal.SIGTERM, _give_up)
        for number, end in enumerate(ends):
            os.dup2(end, number)
        for entry in os.listdir("/proc/self/fd"):
            if int(entry) > 2:
                with contextlib.suppress(OSError):
                    os.close(int(entry))
        function()
        code = 0
    except Failure as error:
        os.write(2, f"{error.code}\t{error}\n".encode(errors="replace"))
    except OSError as error:
        os.write(2, f"os:{error.errno}\t{error}\n".encode(errors="replace"))
    except SystemExit:
        pass  # nobody wants it any more
    except BaseException as error:  # noqa: BLE001 -- the boundary of this process
        os.write(2, f"bug\t{error!r}\n".encode(errors="replace"))
    return code


def _give_up(number: int, _frame: object) -> None:
    raise SystemExit(128 + number)


def _on_pipes(argv: List[str], options: Dict[str, Any]) -> Child:
    pipe = subprocess.PIPE
    popen = subprocess.Popen(argv, stdin=pipe, stdout=pipe, stderr=pipe, bufsize=0, **options)
    assert popen.stdin is not None
    assert popen.stdout is not None
    assert popen.stderr is not None
    # The descriptors are the child's from here on: these objects would close them once more.
    ends = [os.dup(end.fileno()) for end in (popen.stdin, popen.stdout, popen.stderr)]
    for end in (popen.stdin, popen.stdout, popen.stderr):
        end.close()
    return _child(popen.pid, ends[0], ends[1], ends[2], popen)


def _on_terminal(argv: List[str], options: Dict[str, Any], pty: Dict[str, Any]) -> Child:
    ours, theirs = os.openpty()
    try:
        size = struct.pack("HHHH", int(pty.get("rows", 24)), int(pty.get("columns", 80)), 0, 0)
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, size)
        options["env"]["TERM"] = str(pty.get("term") or "linux")
        if "user" in options:
            os.fchown(theirs, options["user"], -1)
        options["preexec_fn"] = _take_terminal
        popen = subprocess.Popen(argv, stdin=theirs, stdout=theirs, stderr=theirs, **options)
    except BaseException:
        os.close(ours)
        raise
    finally:
        os.close(theirs)
    return _child(popen.pid, ours, ours, -1, popen)


def _child(pid: int, stdin: int, stdout: int, stderr: int, popen: Optional[subprocess.Popen[bytes]] = None) -> Child:
    for end in {stdin, stdout, stderr} - {-1}:
        os.set_blocking(end, False)
    # The helper is the last that may go when memory is short; what it starts is like anything else.
    with contextlib.suppress(OSError), open(f"/proc/{pid}/oom_score_adj", "w", encoding="ascii") as score:
        score.write("0")
    return Child(pid, stdin, stdout, stderr, popen)


def _account(name: Optional[str]) -> pwd.struct_passwd:
    try:
        return pwd.getpwuid(os.geteuid()) if name is None else pwd.getpwnam(name)
    except (KeyError, TypeError):
        if name is not None:
            raise Failure("no_user", f"there is no user {name}") from None
    return pwd.struct_passwd(("root", "x", os.geteuid(), os.getegid(), "", "/", "/bin/sh"))


def _environment(account: pwd.struct_passwd, request: Dict[str, Any]) -> Dict[str, str]:
    """That of a login, and nothing of the service that this is."""
    given = request.get("env") or {}
    return {
        "PATH": PATH,
        "HOME": account.pw_dir,
        "USER": account.pw_name,
        "LOGNAME": account.pw_name,
        "SHELL": account.pw_shell or "/bin/sh",
        "LANG": "C.UTF-8",
        **{str(name): str(value) for name, value in given.items()},
    }


def _take_terminal() -> None:
    """Make standard input the terminal of this session."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
