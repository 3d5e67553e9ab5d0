"""`file`: a file, directory or symbolic link, or some lines of a file that others own.

See `docs/reference/kinds/file.md` for what it promises.
"""

from __future__ import annotations

from typing import Iterable, List, Sequence

from aivp_sdk import Change, Done, Item, Kind, Listed, ProviderError, Result, Seen, Session

from .files.accounts import Accounts
from .files.apply import apply_change
from .files.declaration import File
from .files.folders import Folders
from .files.listing import Within, entries
from .files.observe import Observer
from .files.work import Work

_SOURCES = ["content", "source", "template"]
_OF_FILES = [*_SOURCES, "vars", "lines", "blocks", "create", "validate"]
_OF_DIRECTORIES = ["recurse", "file_mode", "directory_mode", "purge", "keep", "ignore"]


class FileKind(Kind[File]):
    """A file, directory or symbolic link, or some lines of a file that others own."""

    name = "file"
    schema = File
    identity = ("path",)
    batch = True
    disturbs = ("package", "package_index", "service")  # by unit files, sources and preferences
    within = Within
    provides = ({"capability": "path", "field": "path"},)
    requires = (
        {"capability": "path", "field": "path", "parents": True},
        {"capability": "user", "field": "owner"},
        {"capability": "group", "field": "group"},
    )
    rules = (
        {"at_most_one": _SOURCES},
        {"at_most_one": [*_SOURCES, "lines"]},
        {"at_most_one": [*_SOURCES, "blocks"]},
        {"when": {"state": ["file"]}, "forbidden": ["target", *_OF_DIRECTORIES]},
        {
            "when": {"state": ["directory"]},
            "forbidden": ["target", *_OF_FILES, "backup", "backup_directory"],
        },
        {
            "when": {"state": ["link"]},
            "required": ["target"],
            "forbidden": [*_OF_FILES, *_OF_DIRECTORIES, "mode", "backup", "backup_directory"],
        },
        {
            "when": {"state": ["absent"]},
            "forbidden": ["target", *_OF_FILES, *_OF_DIRECTORIES, "owner", "group", "mode", "create_parents"],
        },
        {"forbidden": ["unmanaged", "deviating"]},
    )

    def observe_many(self, items: Sequence[Item[File]], session: Session) -> List[Seen]:
        """Look at all of them with each folder opened and each account looked up once."""
        found: List[Seen] = []
        with Folders() as folders:
            observer = Observer(folders, Accounts())
            for item in items:
                try:
                    found.append(observer.observe(item))
                except ProviderError as error:
                    found.append(error)
        return found

    def apply_many(self, changes: Sequence[Change[File]], session: Session) -> List[Result]:
        """Apply one after another; every file is durable, and its folder, before anything is answered."""
        done: List[Result] = []
        with Folders() as folders:
            work = Work(folders, Accounts(), session)
            for change in changes:
                try:
                    apply_change(work, change)
                    done.append(Done())
                except ProviderError as error:
                    done.append(error)
            failed = work.finish()
        return [failed.get(change.id, result) for change, result in zip(changes, done)]

    def list(self, within: Within, session: Session) -> Iterable[Listed]:
        """What lies beneath a folder, and the folder."""
        return entries(within)
