"""Takes things away: what is declared absent, what was recorded and is no longer declared, what stands in the way."""

from __future__ import annotations

import errno
import os

from aivp_sdk import Change, Permanent

from . import tree
from .backup import back_up
from .declaration import Block, File, Line
from .edits import without
from .folders import split
from .found import Found, look, open_directory
from .observe import read_for_edit, refuse_replacement, survey_all
from .work import Work
from .write import Place, place_of

_RETAIN = "Remove it by hand, or declare lifecycle: {retain: true}."


def remove_path(work: Work, change: Change[File]) -> None:
    """Remove what lies at the path. Raises Permanent for what others made there, and touches nothing then."""
    desired = change.desired
    above, name = split(desired.path)
    try:
        folder = work.folders.folder(above)
        found = look(folder, name)
    except (FileNotFoundError, NotADirectoryError):
        return
    if found is None or (change.action == "delete" and desired.state == "absent"):
        return
    place = place_of(folder, name)
    if change.action == "delete":
        _check_ours(change, place, found)
    else:
        refuse_replacement(desired, folder, name, found)
    work.touch(change, above)
    if found.type != "directory":
        if desired.backup and found.type == "file":
            back_up(work, change, place, found)
        os.unlink(name, dir_fd=folder.fd)
        return
    if change.action == "delete" and desired.purge and not desired.force:
        _remove_unmanaged(work, desired, place)
    clear(work, desired, place, found)


def clear(work: Work, desired: File, place: Place, found: Found) -> None:
    """Make way where a directory stands, with all that it holds only by force; others give way to a rename."""
    if found.type != "directory":
        return
    work.folders.forget(desired.path)
    if desired.force:
        survey_all(desired, place.folder, place.name, work.accounts)
        tree.empty(place.folder.fd, place.name)
    try:
        os.rmdir(place.name, dir_fd=place.folder.fd)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        raise Permanent(
            f"{desired.path} holds what is not of this resource; it is left alone", path="/path", mend=_RETAIN
        ) from None


def _check_ours(change: Change[File], place: Place, found: Found) -> None:
    """Only what the declaration made may go, not what others made of it since."""
    desired = change.desired
    if found.type != desired.state:
        raise Permanent(
            f"{desired.path} was made as a {desired.state} and is a {found.type} now; it is left alone",
            path="/state",
            mend=_RETAIN,
        )
    # A deletion comes without the fields that hold secrets: what state recorded still says that there were edits.
    prior = {} if change.prior is None else change.prior
    lines = desired.lines or [Line(**raw) for raw in prior.get("lines") or ()]
    blocks = desired.blocks or [Block(**raw) for raw in prior.get("blocks") or ()]
    if not lines and not blocks:
        return
    data, _ = read_for_edit(desired, place.folder, place.name)
    rest = without(data.decode("utf-8", "surrogateescape"), lines, blocks)
    if rest.strip():
        raise Permanent(
            f"{desired.path} holds lines that these edits did not bring; it is left alone", path="/path", mend=_RETAIN
        )


def _remove_unmanaged(work: Work, desired: File, place: Place) -> None:
    descriptor = open_directory(place.folder.fd, place.name)
    try:
        found = tree.survey(descriptor, tree.rules_of(desired), work.accounts)
        tree.remove_listed(descriptor, found, sorted(found.unmanaged))
    finally:
        os.close(descriptor)
