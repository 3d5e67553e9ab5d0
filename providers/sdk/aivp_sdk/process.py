"""The session of a provider on a real host: probes as plain child processes, effects through the shim."""

from __future__ import annotations

import copy
import grp
import hashlib
import json
import os
import pwd
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from aivp_contract.concealment import without

from .child import Completed, Kept, Order, spawn, watch
from .errors import Permanent, Temporary
from .shim import Shim

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PROBE_OUTPUT = 8 * 1024 * 1024
"""Bytes kept of a probe's output; a listing of all packages of a large host is about 1 MB."""


class Session:
    """What a provider may ask of the place where it runs: `probe`, `effect`, `log`, `progress` and whether
    it `is_stopped`.

    directory: its own private folder there (0700), kept between sessions and for every version of it; `effects` in it
    is the SDK's. There is none where a provider is part of the runner.
    key: idempotency key of the step in hand, unguessable; empty while observing. secrets: set by the dispatch, what
    must not leave the host with any output. timeout, in seconds, stops effects that have no limit of their own
    (`meta.timeout`).
    """

    def __init__(self, shim: Optional[Shim]) -> None:
        self.shim = shim
        self.directory = Path("/nonexistent")
        self.item = ""
        """Which one of a request is in hand; empty where it is all of them."""
        self.key = ""
        self.secrets: List[str] = []
        self.standing: Sequence[str] = ()
        self.configuration: Any = None
        self.timeout: Optional[float] = None
        self.effects: List[str] = []
        """Keys of the commands that the request in hand ran under the shim."""

    def probe(
        self,
        argv: Sequence[str],
        *,
        stdin: Optional[str] = None,
        cwd: Optional[str] = None,
        env: Optional[Mapping[str, str]] = None,
        user: Optional[str] = None,
        group: Optional[str] = None,
        umask: Optional[int] = None,
        timeout: float = 60,
    ) -> Completed:
        """Run a command that changes nothing. C locale, minimal environment, the beginning of its output kept.

        One that cannot be started ends with 127 (not found) or 126. Raises Temporary if it does not end in time.
        """
        order = _order(argv, stdin, cwd, env, user, group, umask, timeout)
        try:
            process = spawn(order)
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            return Completed(127 if isinstance(error, FileNotFoundError) else 126, "", f"{argv[0]}: {error}")
        stdout, stderr = Kept(PROBE_OUTPUT, 0), Kept(PROBE_OUTPUT, 0)
        if watch(process, order, stdout, stderr):
            raise Temporary(f"{argv[0]} did not answer within {timeout:.0f} s")
        truncated = stdout.is_cut or stderr.is_cut
        return Completed(process.returncode, stdout.text(), stderr.text(), truncated)

    def effect(
        self,
        argv: Sequence[str],
        *,
        stdin: Optional[str] = None,
        cwd: Optional[str] = None,
        env: Optional[Mapping[str, str]] = None,
        user: Optional[str] = None,
        group: Optional[str] = None,
        umask: Optional[int] = None,
        timeout: Optional[float] = None,
        capture: bool = True,
    ) -> Completed:
        """Run a command that changes something, once per step and attempt, under the shim that outlives us.

        Called again with the same arguments in the same step and attempt, after a crash or not, it answers with the
        recorded outcome. Raises Permanent if it cannot be started. Without `capture` its output is not even recorded.
        """
        if self.shim is None or not self.key:
            raise RuntimeError("an effect outside of apply")
        timeout = self.timeout if timeout is None else timeout
        # The key is made of what was asked for: ids and homes of accounts may be other ones when it is asked again.
        # Without the secrets in it, since it is a digest that lies on the disk.
        asked = [list(argv), stdin, cwd, sorted((env or {}).items()), user, group, umask, timeout]
        blank = json.dumps(_blanked(asked, self.secrets))
        key = hashlib.sha256((self.key + blank).encode()).hexdigest()[:32]
        order = _order(argv, stdin, cwd, env, user, group, umask, timeout)
        self.effects.append(key)
        return self.shim.run(key, order, secrets=self.secrets, capture=capture)

    def log(self, message: str, level: str = "info") -> None:
        """A line for people; `level` is debug, info, warning or error. On stderr, which the runner hands on."""
        sys.stderr.write(f"{level}: {without(message, self.secrets)}\n")

    def is_stopped(self) -> bool:
        """True where the run is being stopped: what is long and can end well in the middle should."""
        return False

    def beside(self, item: str) -> Session:
        """The same for one item of those that are acted upon side by side: what it tells and effects are of its own."""
        found = copy.copy(self)
        found.item = item
        found.key = f"{self.key}/{item}" if self.key else ""
        return found

    def progress(self, message: str, done: Optional[float] = None, total: Optional[float] = None) -> None:
        """How far a long effect is; a sign of life, too. Nobody listens in the runner's own process yet."""


def _blanked(value: Any, secrets: Sequence[str]) -> Any:
    """Texts, also in lists and tuples, without secrets."""
    if isinstance(value, str):
        return without(value, secrets)
    return [_blanked(item, secrets) for item in value] if isinstance(value, (list, tuple)) else value


def environment(user: Optional[str] = None) -> Dict[str, str]:
    """The minimal environment of every process that a provider starts."""
    account = pwd.getpwnam(user) if user is not None else _current_account()
    found = {"PATH": PATH, "LC_ALL": "C.UTF-8", "HOME": "/", "SHELL": "/bin/sh"}
    if account is not None:
        found.update(HOME=account.pw_dir, USER=account.pw_name, LOGNAME=account.pw_name)
    return found


def _current_account() -> Optional[pwd.struct_passwd]:
    try:
        return pwd.getpwuid(os.geteuid())
    except KeyError:
        return None


def _order(
    argv: Sequence[str],
    stdin: Optional[str],
    cwd: Optional[str],
    env: Optional[Mapping[str, str]],
    user: Optional[str],
    group: Optional[str],
    umask: Optional[int],
    timeout: Optional[float],
) -> Order:
    uid, gid, groups = _identity(user, group)
    return Order(
        argv=list(argv),
        env={**environment(user), **(env or {})},
        stdin=stdin,
        cwd=cwd or "/",
        user=uid,
        group=gid,
        extra_groups=groups,
        umask=0o022 if umask is None else umask,
        timeout=timeout,
    )


def _identity(user: Optional[str], group: Optional[str]) -> Tuple[Optional[int], Optional[int], Optional[List[int]]]:
    """Ids to change to; all None where we are that account already. Raises Permanent for unknown names."""
    if user is None and group is None:
        return None, None, None
    try:
        account = pwd.getpwnam(user) if user is not None else pwd.getpwuid(os.geteuid())
        gid = grp.getgrnam(group).gr_gid if group is not None else account.pw_gid
    except KeyError as error:
        raise Permanent(str(error.args[0])) from None
    if os.geteuid() != 0:
        if (account.pw_uid, gid) == (os.geteuid(), os.getegid()):
            return None, None, None
        raise Permanent(f"only root may run a command as {account.pw_name}:{gid}")
    return account.pw_uid, gid, os.getgrouplist(account.pw_name, gid)
