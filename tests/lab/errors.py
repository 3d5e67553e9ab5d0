"""What can go wrong in the lab, as exceptions that a person can read.

A test never catches these: a host that does not start is a reason to fail, while a lab that cannot
exist here is a sentence from `available()`, not an exception.
"""

from __future__ import annotations

import subprocess


class LabError(Exception):
    """A root, a package repository or a host that could not be made or used."""


class NotReady(LabError):
    """A host whose boot failed or took too long, which on a busy machine may go well the next time."""


class CommandFailed(LabError):
    """A command in a host that ended with another exit code than 0; `.completed` has its output."""

    def __init__(self, completed: subprocess.CompletedProcess[str]) -> None:
        self.completed = completed
        output = "\n".join(text.rstrip() for text in (completed.stdout, completed.stderr) if text)
        super().__init__(f"{completed.args!r} ended with exit code {completed.returncode}\n{output}")


class Terminated(KeyboardInterrupt):
    """SIGTERM, as an exception: hosts are torn down on its way out, and nothing swallows it."""
