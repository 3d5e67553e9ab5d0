"""`command`: a program or a shell script that runs when its guards ask for it, or once per change of its declaration.

That it ran is known from state alone; what it brought about, from its guards. How one run happens exactly once is the
session's business.
"""

from __future__ import annotations

import shlex
import signal
from dataclasses import dataclass
from typing import Dict, List, Mapping, Optional, Union

from aivp_sdk import (
    Change,
    Completed,
    Done,
    Item,
    Json,
    Kind,
    Observation,
    Permanent,
    Session,
    Temporary,
    Unknown,
    attribute,
)

from .command_guards import Finding, ask, shell_argv, surroundings

_TOLD_LINES = 20
_TOLD_CHARACTERS = 2_000


@dataclass
class Command:
    """The declaration."""

    name: str = attribute("Tells it apart on its host.", required=True)
    argv: Optional[List[str]] = attribute(
        "The program and its arguments; no shell comes near them.", min_items=1, write_only=True, exposed=True
    )
    shell: Optional[str] = attribute("A script for /bin/sh, instead of `argv`.", write_only=True, exposed=True)
    cwd: Optional[str] = attribute("The directory it runs in; else /.", semantic="path", write_only=True, exposed=True)
    env: Optional[Dict[str, str]] = attribute(
        "Variables beside PATH, HOME, USER, LOGNAME, SHELL and LC_ALL; nothing else is inherited.", write_only=True
    )
    user: Optional[str] = attribute("The user it runs as, with that user's groups.", write_only=True, exposed=True)
    group: Optional[str] = attribute(
        "The group it runs as; else the user's primary one.", write_only=True, exposed=True
    )
    umask: Optional[str] = attribute(
        "Permissions that new files do not get; else 0022.", semantic="mode", write_only=True, exposed=True
    )
    stdin: Optional[str] = attribute("Text for its standard input; else there is none.", write_only=True)
    creates: Optional[str] = attribute("Nothing to do where this path exists.", semantic="path", exposed=True)
    removes: Optional[str] = attribute("Nothing to do where this path does not exist.", semantic="path", exposed=True)
    unless: Optional[Union[List[str], Dict[str, str]]] = attribute(
        "Nothing to do where this command (a list, or {shell: text}) exits with 0. Must change nothing.",
        guard=True,
        exposed=True,
    )
    only_if: Optional[Union[List[str], Dict[str, str]]] = attribute(
        "Nothing to do unless this command (a list, or {shell: text}) exits with 0. Must change nothing.",
        guard=True,
        exposed=True,
    )
    refresh_only: bool = attribute("Run only when notified.", default=False)
    timeout: Optional[int] = attribute("It is stopped after this time.", semantic="duration")
    exit_codes: List[int] = attribute("Exit codes that are a success.", default=[0], min_items=1, set=True)
    capture: bool = attribute("Keep its output (64 KiB of each stream) as `stdout` and `stderr`.", default=True)
    exit_code: Optional[int] = attribute("How its last run ended.", computed=True)
    stdout: Optional[str] = attribute("What its last run wrote; not there if secrets went in.", computed=True)
    stderr: Optional[str] = attribute("The same of standard error.", computed=True)


MANAGED = ("name", "argv", "shell", "cwd", "env", "user", "group", "umask", "stdin")
"""What makes it another command. All other fields say when it runs and how it is judged: they alone run nothing."""


class CommandKind(Kind[Command]):
    """A command that runs when its guards ask for it, else once per change of its declaration."""

    name = "command"
    schema = Command
    identity = ("name",)
    identity_from_name = True
    existence = "recorded"
    phase = "command"
    disturbs = ("*",)
    refreshable = True
    deletable = False
    requires = (
        {"capability": "path", "field": "cwd", "parents": True},
        {"capability": "user", "field": "user"},
        {"capability": "group", "field": "group"},
    )
    rules = ({"at_least_one": ["argv", "shell"], "at_most_one": ["argv", "shell"]},)
    needs = ({"privilege": "root", "set": ["user", "group"], "optional": True, "why": "to run as somebody else"},)

    def observe(self, item: Item[Command], session: Session) -> Observation:
        """Asks the guards; one that says that there is nothing to do decides."""
        desired = item.desired
        _check_names(desired)
        wanted = {name: getattr(desired, name) for name in MANAGED if name in item.declared}
        observed = {"name": desired.name}
        if desired.refresh_only:
            return Observation(observed, wanted, satisfied=True)
        findings = ask(desired, session)
        satisfied = any(finding.is_met for finding in findings) if findings else None
        will_run = not satisfied if findings else item.prior is None or bool(item.unapplied)
        return Observation(observed, wanted, satisfied=satisfied, computed=_prediction(item) if will_run else {})

    def apply(self, change: Change[Command], session: Session) -> Done:
        """One run, judged by its exit code and then by its guards."""
        desired = change.desired
        if change.action == "refresh" and any(finding.is_met for finding in ask(desired, session)):
            return Done(absorbs_refresh=True)
        capture = desired.capture and not change.hidden
        done = session.effect(
            desired.argv or shell_argv(desired.shell or ""),
            stdin=desired.stdin,
            capture=capture,
            timeout=desired.timeout,
            **surroundings(desired),
        )
        _judge(desired, done, is_withheld=bool(change.hidden))
        _hold_to_guards(ask(desired, session))
        outputs: Dict[str, Json] = {"exit_code": done.code}
        if capture:
            outputs.update(stdout=done.stdout, stderr=done.stderr)
        return Done(outputs, absorbs_refresh=True)


def _check_names(desired: Command) -> None:
    for name in sorted(desired.env or {}):
        if not name or "=" in name:
            mend = "A name has at least one character, and no =."
            raise Permanent(f"{name!r} cannot be the name of a variable", path="/env", mend=mend)


def _prediction(item: Item[Command]) -> Mapping[str, Json]:
    """What a run will leave as outputs. A command that takes secrets has no output that may leave the host."""
    codes = item.desired.exit_codes
    found: Dict[str, Json] = {"exit_code": codes[0] if len(codes) == 1 else Unknown()}
    if item.desired.capture and not item.hidden:
        found.update(stdout=Unknown(), stderr=Unknown())
    return found


def _judge(desired: Command, done: Completed, *, is_withheld: bool) -> None:
    path, mend = "/shell" if desired.argv is None else "/argv", "Mend what it complains of."
    if done.timed_out:
        path, mend = "/timeout", "Raise timeout, or mend what makes it wait."
        how = f"did not end within {desired.timeout} s" if desired.timeout else "did not end in time"
        how += " and was stopped"
    elif done.code in desired.exit_codes:
        return
    elif done.code < 0:
        how = f"was killed by {_signal_name(-done.code)}"
    else:
        accepted = ", ".join(str(code) for code in sorted(desired.exit_codes))
        how = f"ended with exit code {done.code} (a success would be {accepted})"
        mend = "Mend what it complains of; if this is a success, name the code in exit_codes."
    raise Temporary(f"{_title(desired)} {how}{_last_words(desired, done, is_withheld)}", path=path, mend=mend)


def _hold_to_guards(findings: List[Finding]) -> None:
    """A guard that still asks for the run would ask again at every plan."""
    if findings and not any(finding.is_met for finding in findings):
        said = "; ".join(finding.said for finding in findings)
        raise Temporary(
            f"it ran with success, but its guard still asks for it: {said}",
            path=f"/{findings[0].field}",
            mend="Let the guard check what the command brings about.",
        )


def _title(desired: Command) -> str:
    text = shlex.join(desired.argv) if desired.argv else (desired.shell or "").strip().splitlines()[0]
    return f"`{text if len(text) <= 60 else text[:57] + '...'}`"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _last_words(desired: Command, done: Completed, is_withheld: bool) -> str:
    if is_withheld:
        return "; what it wrote stays on the host, since secrets went in"
    if not desired.capture:
        return ""
    name, text = ("standard error", done.stderr) if done.stderr.strip() else ("output", done.stdout)
    if not text.strip():
        return "; it wrote nothing"
    lines = text.rstrip().splitlines()[-_TOLD_LINES:]
    return f"; its {name} ends with:\n" + "\n".join(lines)[-_TOLD_CHARACTERS:]
