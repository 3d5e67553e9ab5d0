"""A declaration and what lies at its path → the observation, in the words of the declaration where both mean the same.

`normalised` holds what is compared, and nothing else: options such as `force` say how, not what. For edits it holds
the content that they lead to. What an apply would have to refuse is refused here, while planning.
"""

from __future__ import annotations

import os
from typing import Dict, Optional, Tuple

from aivp_sdk import Blob, Item, Json, Observation, Permanent, Unknown, Verdict

from . import tree
from .accounts import Accounts
from .contents import PRIVATE, as_shown, is_private, read_bounded, read_value, value_of
from .declaration import File
from .edits import edit
from .failures import explain
from .folders import Folder, Folders, split
from .found import Found, look, open_directory, open_file, opened

EDIT_LIMIT = 4 * 1024 * 1024
"""Bytes of a file whose lines may be edited."""

CONTENTS = ("content", "lines", "blocks")
"""Fields that end up in the file."""

Fields = Dict[str, Json]


class Observer:
    """Observes files, with the folders and accounts of one request."""

    def __init__(self, folders: Folders, accounts: Accounts) -> None:
        self.folders = folders
        self.accounts = accounts

    def observe(self, item: Item[File]) -> Observation:
        """What lies there. Raises Permanent for what no apply could mend as declared."""
        try:
            return self._observe(item)
        except OSError as error:
            raise explain(error, item.desired.path) from None

    def _observe(self, item: Item[File]) -> Observation:
        desired = item.desired
        _check(desired)
        wanted = _wanted(desired)
        above, name = split(desired.path)
        try:
            folder = self.folders.folder(above)
            found = look(folder, name)
        except (FileNotFoundError, NotADirectoryError):
            return self._absent(item, wanted)
        if found is None:
            return self._absent(item, wanted)
        observed: Fields = {"path": desired.path, "state": found.type}
        if found.type != desired.state:
            refuse_replacement(desired, folder, name, found)
            self._list_what_goes(desired, folder, name, found, wanted, observed)
            return Observation(observed, wanted)
        if desired.owner is not None:
            observed["owner"] = self.accounts.shown("owner", found.stat.st_uid, desired.owner)
        if desired.group is not None:
            observed["group"] = self.accounts.shown("group", found.stat.st_gid, desired.group)
        if desired.mode is not None:
            observed["mode"] = f"{found.mode:04o}"
        if found.type == "link":
            observed["target"] = os.readlink(name, dir_fd=folder.fd)
        elif found.type == "directory":
            self._beneath(desired, folder, name, wanted, observed)
        elif desired.is_edit:
            observed["content"], wanted["content"] = _edited(item, folder, name, found)
        elif desired.content is not None:
            observed["content"], wanted["content"] = _whole(item, folder, name)
        return Observation(observed, wanted)

    @staticmethod
    def _absent(item: Item[File], wanted: Fields) -> Observation:
        desired = item.desired
        if desired.is_edit and desired.create:
            text = edit("", desired.lines or (), desired.blocks or ())
            wanted["content"] = PRIVATE if not item.hidden.isdisjoint(CONTENTS) else text
        elif desired.is_edit:
            wanted["content"] = Unknown()  # an earlier step may bring the file; if none does, the apply says so
        return Observation(None, wanted)

    def _beneath(self, desired: File, folder: Folder, name: str, wanted: Fields, observed: Fields) -> None:
        """Predict that nothing unmanaged and nothing deviating will be left, and list what there is."""
        if not desired.purge and not desired.recurse:
            return
        descriptor = open_directory(folder.fd, name)
        try:
            found = tree.survey(descriptor, tree.rules_of(desired), self.accounts)
        finally:
            os.close(descriptor)
        if desired.purge:
            observed["unmanaged"], wanted["unmanaged"] = sorted(found.unmanaged), []
        if desired.recurse:
            observed["deviating"], wanted["deviating"] = sorted(found.deviating), []

    def _list_what_goes(
        self, desired: File, folder: Folder, name: str, found: Found, wanted: Fields, observed: Fields
    ) -> None:
        """A directory that gives way shows what goes with it."""
        if found.type == "directory":
            inside = survey_all(desired, folder, name, self.accounts)
            if inside.unmanaged:
                observed["unmanaged"], wanted["unmanaged"] = sorted(inside.unmanaged), []


def refuse_replacement(desired: File, folder: Folder, name: str, found: Found) -> None:
    """Raise Permanent unless the declaration allows that something of another type, or anything at all, goes."""
    if desired.is_edit:
        raise Permanent(
            f"{desired.path} is a {found.type}: only the lines of a file can be edited",
            path="/path",
            mend="Name the file itself, not a link to it.",
        )
    if desired.force:
        return
    if found.type == "directory":
        holds = _is_filled(folder, name)
        what = "is a directory that is not empty"
    elif desired.state == "absent":
        return
    else:
        holds = found.type != "file" or found.stat.st_size > 0
        what = f"is a {found.type}" + (" that is not empty" if found.type == "file" else "")
    if holds:
        wish = "removed" if desired.state == "absent" else f"replaced by a {desired.state}"
        raise Permanent(
            f"{desired.path} {what}: it is not {wish} unasked", path="/state", mend="If that is meant, set force: true."
        )


def survey_all(desired: File, folder: Folder, name: str, accounts: Accounts) -> tree.Survey:
    """Everything within a directory that shall go. Raises Permanent if it holds a mount or is one."""
    descriptor = open_directory(folder.fd, name)
    try:
        is_mount = tree.mount_of(descriptor) != tree.mount_of(folder.fd)
        rules = tree.Rules(desired.path, max_entries=desired.max_entries, with_backups=True)
        found = tree.survey(descriptor, rules, accounts)
    finally:
        os.close(descriptor)
    if is_mount or not found.is_whole:
        what = "is a mount point" if is_mount else "has a mount point in it"
        raise Permanent(f"{desired.path} {what}; mounts are never crossed", path="/path", mend="Unmount it first.")
    return found


def read_for_edit(desired: File, folder: Folder, name: str) -> Tuple[bytes, os.stat_result]:
    """The bytes of a file whose lines are edited, and its inode as it was. Raises Permanent beyond 4 MiB."""
    with opened(folder, name) as descriptor:
        found = os.fstat(descriptor)
        data = read_bounded(descriptor, EDIT_LIMIT)
    if isinstance(data, Blob):
        why = f"{desired.path} is larger than 4 MiB: too large to edit its lines"
        raise Permanent(why, path="/path", mend="Edit it with a command that has a guard.")
    return data, found


def edited(desired: File, data: bytes) -> bytes:
    """`data` with the declared edits; bytes that are not UTF-8 stay as they are."""
    text = edit(data.decode("utf-8", "surrogateescape"), desired.lines or (), desired.blocks or ())
    return text.encode("utf-8", "surrogateescape")


def _wanted(desired: File) -> Fields:
    wanted: Fields = {"path": desired.path, "state": desired.state}
    if desired.state == "absent":
        return wanted
    for name in ("owner", "group", "mode", "target"):
        value: Optional[str] = getattr(desired, name)
        if value is not None:
            wanted[name] = value
    if desired.content is not None:
        wanted["content"] = desired.content
    return wanted


def _whole(item: Item[File], folder: Folder, name: str) -> Tuple[Json, Json]:
    """Present and desired content; of a private file only whether they match."""
    desired = item.desired
    is_known = not isinstance(desired.content, Unknown)
    descriptor = open_file(folder, name)
    try:
        private = is_private(os.fstat(descriptor).st_mode)
        present = read_value(descriptor, desired.content)
    finally:
        os.close(descriptor)
    if private or _may_show_secrets(item):
        is_same = present in (desired.content, as_shown(desired.content))
        return Verdict(is_same if is_known else None), desired.content
    return present, desired.content


def _edited(item: Item[File], folder: Folder, name: str, found: Found) -> Tuple[Json, Json]:
    """Content before and after the edits; of a private file only whether they are made."""
    data, _ = read_for_edit(item.desired, folder, name)
    after = edited(item.desired, data)
    if is_private(found.mode) or _may_show_secrets(item):
        return Verdict(after == data), PRIVATE
    return value_of(data), value_of(after)


def _may_show_secrets(item: Item[File]) -> bool:
    """True where the declaration brings secrets into the file, or ever did by other words than those of today."""
    return not (item.hidden | item.tainted).isdisjoint(CONTENTS)


def _is_filled(folder: Folder, name: str) -> bool:
    descriptor = open_directory(folder.fd, name)
    try:
        with os.scandir(descriptor) as entries:
            return next(entries, None) is not None
    finally:
        os.close(descriptor)


def _check(desired: File) -> None:
    if desired.validate is not None and not any("%s" in argument for argument in desired.validate):
        mend = "Write %s where the command takes the path."
        raise Permanent("the validate command has no %s for the copy to check", path="/validate", mend=mend)
    if desired.state == "link" and not desired.target:
        raise Permanent("a link needs a target", path="/target", mend="Write target: PATH.")
