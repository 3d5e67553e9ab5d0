"""What must hold before new content takes its place: the author's command accepts it, and nobody was faster."""

from __future__ import annotations

import os
import stat
from typing import Callable, Optional

from aivp_sdk import Change, Permanent, Session, Temporary

from .declaration import File
from .found import look
from .write import Place

_VALIDATE_SECONDS = 300
_IDENTITY = ("st_mode", "st_ino", "st_dev", "st_size", "st_mtime_ns")


def checks(
    session: Session, change: Change[File], place: Place, edited: Optional[os.stat_result]
) -> Callable[[str], None]:
    """A function of the finished copy's path that raises where it must not go on.

    edited: the file whose lines were edited, as it was when they were read.
    """
    desired = change.desired
    is_private = edited is not None and not edited.st_mode & stat.S_IROTH

    def check(path: str) -> None:
        if desired.validate is not None:
            _validate(session, desired, path, is_private or bool(change.hidden | change.tainted))
        if edited is not None and _has_changed(edited, place):
            raise Temporary(f"{desired.path} was changed by somebody else while its lines were edited", path="/path")

    return check


def _validate(session: Session, desired: File, path: str, is_private: bool) -> None:
    argv = [argument.replace("%s", path) for argument in desired.validate or ()]
    done = session.probe(argv, timeout=_VALIDATE_SECONDS)
    if done.ok:
        return
    output = "\n".join(text for text in (done.stdout.strip(), done.stderr.strip()) if text)
    shown = "(its output is not shown: the file is private)" if is_private else output.replace(path, desired.path)
    command = " ".join(desired.validate or ())
    why = f"{desired.path}: {command} ended with {done.code}; nothing was changed\n{shown}"
    raise Permanent(why, path="/validate", mend="Mend the content that it refuses, or the command.")


def _has_changed(before: os.stat_result, place: Place) -> bool:
    now = look(place.folder, place.name)
    return now is None or any(getattr(before, name) != getattr(now.stat, name) for name in _IDENTITY)
