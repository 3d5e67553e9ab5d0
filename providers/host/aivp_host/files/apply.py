"""A declaration → what lies at its path. Looks again before it acts; replaces and removes only what may go."""

from __future__ import annotations

import os
from typing import Iterable, Optional

from aivp_sdk import Blob, Change, Json, Permanent, Unknown

from . import tree
from .backup import back_up
from .check import checks
from .contents import chunks_of, holds
from .declaration import File
from .failures import explain
from .found import Found, look, open_directory, opened
from .observe import edited, read_for_edit, refuse_replacement
from .remove import clear, remove_path
from .work import NEW_DIRECTORY, Work
from .write import Place, adjust, make_directory, make_link, put_file

NEW_FILE = 0o644


def apply_change(work: Work, change: Change[File]) -> None:
    """Bring one path to its declaration, or away. Raises ProviderError; `work.finish` makes it durable."""
    try:
        _apply(work, change)
    except OSError as error:
        raise explain(error, change.desired.path) from None


def _apply(work: Work, change: Change[File]) -> None:
    desired = change.desired
    if change.action == "delete" or desired.state == "absent":
        remove_path(work, change)
        return
    place = work.place(change, desired.path)
    found = look(place.folder, place.name)
    if found is not None and found.type != desired.state:
        refuse_replacement(desired, place.folder, place.name, found)
    if desired.state == "directory":
        _directory(work, change, place, found)
    elif desired.state == "link":
        _link(work, desired, place, found)
    elif found is None or found.type != "file":
        _new_file(work, change, place, found)
    else:
        _file(work, change, place, found)


def _file(work: Work, change: Change[File], place: Place, found: Found) -> None:
    """A file that is there: new content takes its place whole, anything less is mended where it stands."""
    desired = change.desired
    before: Optional[os.stat_result] = None
    if desired.is_edit:
        present, before = read_for_edit(desired, place.folder, place.name)
        after = edited(desired, present)
        data: Iterable[bytes] = (after,)
        is_same = after == present
    else:
        data = chunks_of(desired.content)
        is_same = _is_open(desired.content) or _holds(place, desired.content)
    if is_same:
        _adjust(work, desired, place, desired.mode)
        return
    _check_room(place, desired)
    if desired.backup:
        back_up(work, change, place, found)
    ownership = work.ownership(desired, found.stat.st_uid, found.stat.st_gid, found.mode)
    with opened(place.folder, place.name) as old:
        put_file(place, data, ownership, like=old, check=checks(work.session, change, place, before))


def _new_file(work: Work, change: Change[File], place: Place, found: Optional[Found]) -> None:
    desired = change.desired
    if desired.is_edit and not desired.create:
        raise Permanent(
            f"{desired.path} does not exist, so there is nothing to edit",
            path="/path",
            mend="Declare what brings the file before, or set create: true.",
        )
    data: Iterable[bytes] = (edited(desired, b""),) if desired.is_edit else chunks_of(desired.content)
    _check_room(place, desired)
    validate = checks(work.session, change, place, None)

    def check(path: str) -> None:
        validate(path)
        if found is not None:
            clear(work, desired, place, found)

    put_file(place, data, work.ownership(desired, -1, -1, NEW_FILE), check=check)


def _directory(work: Work, change: Change[File], place: Place, found: Optional[Found]) -> None:
    desired = change.desired
    if found is None or found.type != "directory":
        if found is not None:
            os.unlink(place.name, dir_fd=place.folder.fd)
        make_directory(place, work.ownership(desired, -1, -1, NEW_DIRECTORY))
    else:
        _adjust(work, desired, place, desired.mode)
    if desired.purge or desired.recurse:
        _beneath(work, change, place)


def _beneath(work: Work, change: Change[File], place: Place) -> None:
    """Mend what the observation lists, and nothing that appeared since: nobody has reviewed that."""
    seen = change.seen.observed or {}
    rules = tree.rules_of(change.desired)
    descriptor = open_directory(place.folder.fd, place.name)
    try:
        found = tree.survey(descriptor, rules, work.accounts)
        if rules.purge:
            tree.remove_listed(descriptor, found, seen.get("unmanaged", []))
        tree.mend_listed(descriptor, found, seen.get("deviating", []), rules, work.accounts)
    finally:
        os.close(descriptor)


def _link(work: Work, desired: File, place: Place, found: Optional[Found]) -> None:
    assert desired.target is not None
    if found is not None and found.type == "link" and _points_to(place, desired.target):
        _adjust(work, desired, place, None)
        return
    user, group = work.ids(desired)
    if found is not None and found.type == "link":
        user = found.stat.st_uid if user == -1 else user
        group = found.stat.st_gid if group == -1 else group
    elif found is not None:
        clear(work, desired, place, found)
    make_link(place, desired.target, user, group)


def _adjust(work: Work, desired: File, place: Place, mode: Optional[str]) -> None:
    user, group = work.ids(desired)
    adjust(place.folder.fd, place.name, user, group, None if mode is None else int(mode, 8))


def _points_to(place: Place, target: str) -> bool:
    return os.readlink(place.name, dir_fd=place.folder.fd) == target


def _is_open(content: Json) -> bool:
    """True where no content is declared, or nobody knows it."""
    return content is None or isinstance(content, Unknown)


def _holds(place: Place, content: Json) -> bool:
    with opened(place.folder, place.name) as descriptor:
        return holds(descriptor, content)


def _check_room(place: Place, desired: File) -> None:
    """What is large is not begun where it cannot end: nothing else on that file system shall run out of space."""
    content: Json = desired.content
    if not isinstance(content, Blob):
        return
    found = os.fstatvfs(place.folder.fd)
    free = found.f_bavail * found.f_frsize
    if content.size > free:
        why = f"{desired.path} takes {content.size} bytes, and its file system has {free} free"
        raise Permanent(why, path="/content", mend="Make room there, and resume the run.")
