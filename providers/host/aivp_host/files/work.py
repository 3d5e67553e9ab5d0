"""What the changes of one apply request share: open folders, accounts, and the folders still to be made durable."""

from __future__ import annotations

from typing import Dict, Set, Tuple

from aivp_sdk import Change, ProviderError, Session

from .accounts import Accounts
from .declaration import File
from .failures import explain, no_parent
from .folders import Folder, Folders, split, sync
from .write import Ownership, Place, make_directory, place_of

NEW_DIRECTORY = 0o755


class Work:
    """One apply request."""

    def __init__(self, folders: Folders, accounts: Accounts, session: Session) -> None:
        self.folders = folders
        self.accounts = accounts
        self.session = session
        self.touched: Dict[str, Set[str]] = {}

    def place(self, change: Change[File], path: str) -> Place:
        """Where `path` shall be written. Its folder is made if it is missing and the declaration says so."""
        above, name = split(path)
        folder = self._folder(change, above)
        self.touch(change, above)
        return place_of(folder, name)

    def touch(self, change: Change[File], folder: str) -> None:
        """Remember that `change` writes to a folder."""
        self.touched.setdefault(folder, set()).add(change.id)

    def ids(self, desired: File) -> Tuple[int, int]:
        """User and group as declared, -1 for what is not."""
        return self.accounts.number("owner", desired.owner), self.accounts.number("group", desired.group)

    def ownership(self, desired: File, user: int, group: int, mode: int) -> Ownership:
        """As declared, else as given."""
        wanted_user, wanted_group = self.ids(desired)
        return Ownership(
            user if wanted_user == -1 else wanted_user,
            group if wanted_group == -1 else wanted_group,
            mode if desired.mode is None else int(desired.mode, 8),
        )

    def finish(self) -> Dict[str, ProviderError]:
        """Make every touched folder durable, each once; what failed, by the id of the change."""
        failed: Dict[str, ProviderError] = {}
        for path in sorted(self.touched):
            try:
                sync(self.folders.folder(path))
            except FileNotFoundError:
                continue  # a later change of the same request removed it
            except OSError as error:
                failed.update(dict.fromkeys(self.touched[path], explain(error, path)))
            except ProviderError as error:
                failed.update(dict.fromkeys(self.touched[path], error))
        return failed

    def _folder(self, change: Change[File], path: str) -> Folder:
        try:
            return self.folders.folder(path)
        except FileNotFoundError:
            if not change.desired.create_parents:
                raise no_parent(change.desired.path) from None
        make_directory(self.place(change, path), Ownership(-1, -1, NEW_DIRECTORY))
        return self.folders.folder(path)
