"""The store: digest → folder with an image, built once, whole or not at all, and never deleted while it is used.

    store/SHA256/            image.json, its files, users/OWNER
    store/.drafts/SHA256/    what is being built; swept by whoever builds next
    store/.locks/SHA256      held while it is built or removed
    store/.checked/SHA256    how its files looked when their checksums were last right

It knows nothing of what images are made of, nor of declarations.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Callable, Collection, Dict, Iterator, List, Optional

from aivp_sdk import Permanent, Temporary

from .plain import canonical
from .record import Content, Damaged, read_record, verify, write_record

USERS = "users"
_DIGEST = re.compile(r"[0-9a-f]{64}")


def digest_of(parts: Any) -> str:
    """The digest under which something that follows from `parts`, a JSON value without secrets, is kept."""
    return hashlib.sha256(canonical(parts)).hexdigest()


class Store:
    """The images below one folder. Any number of processes may use it at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, digest: str) -> Path:
        """Where the image of a digest is or would be; the digest with or without `sha256:` in front."""
        found = digest.removeprefix("sha256:")
        if not _DIGEST.fullmatch(found):
            raise ValueError(f"{digest!r} is no SHA-256")
        return self.folder / found

    def take(self, digest: str, build: Callable[[Path], Content]) -> Path:
        """The image's folder; where it is not there, or damaged, `build(draft)` fills a new one first.

        Whoever comes second waits for the first. What a build leaves behind on failure goes. A damaged image that
        somebody uses is only replaced by the same bytes. Raises Permanent for a full disk and for that.
        """
        folder = self.path(digest)
        with self._locked(folder.name):
            if self._is_whole(folder):
                return folder
            self.sweep(besides=folder.name)
            draft = self._draft(folder.name)
            try:
                write_record(draft, folder.name, build(draft))
                (draft / USERS).mkdir(exist_ok=True)
                self._put(draft, folder)
            except OSError as error:
                raise _refusal(error, self.folder) from error
            finally:
                remove_tree(draft)
        return folder

    def record(self, digest: str) -> Optional[Dict[str, Any]]:
        """What image.json says, once its files are as it says; None where there is no such image. Raises Damaged.

        Files are read in full only when they look other than when they were last checked.
        """
        folder = self.path(digest)
        found = read_record(folder)
        if found is not None:
            note = self.folder / ".checked" / folder.name
            known = _note(note)
            looks = verify(folder, found, known)
            if looks != known:
                _write_note(note, looks)
        return found

    def users(self, digest: str) -> List[str]:
        """Who uses the image."""
        try:
            return sorted(os.listdir(self.path(digest) / USERS))
        except FileNotFoundError:
            return []

    def digests(self) -> List[str]:
        """Every image that is there."""
        if not self.folder.is_dir():
            return []
        return sorted(name for name in os.listdir(self.folder) if _DIGEST.fullmatch(name))

    def prune(self, keep: Collection[str] = (), is_backing: Optional[Callable[[Path], bool]] = None) -> List[str]:
        """Remove every image that is not in `keep`, has no users, and is no backing file; the digests that went."""
        kept = {self.path(digest).name for digest in keep}
        gone = [digest for digest in self.digests() if digest not in kept and self.remove(digest, is_backing)]
        self.sweep()
        return gone

    def remove(self, digest: str, is_backing: Optional[Callable[[Path], bool]] = None) -> bool:
        """Remove one image; False where it is used, is a backing file, is being built, or is not there."""
        folder = self.path(digest)
        with self._tried(folder.name) as is_ours:
            if not is_ours or not folder.is_dir() or self.users(digest) or (is_backing and is_backing(folder)):
                return False
            gone = self.folder / ".drafts" / f"{folder.name}.gone"
            gone.parent.mkdir(exist_ok=True, mode=0o700)
            remove_tree(gone)
            os.rename(folder, gone)
            remove_tree(gone)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.folder / ".checked" / folder.name)
        return True

    def sweep(self, besides: str = "") -> None:
        """Remove what builds that were killed left behind. `besides`: a digest whose lock the caller holds."""
        drafts = self.folder / ".drafts"
        for draft in sorted(drafts.iterdir()) if drafts.is_dir() else []:
            name = draft.name.split(".")[0]
            if name == besides:
                remove_tree(draft)
                continue
            with self._tried(name) as is_ours:
                if is_ours:
                    remove_tree(draft)

    def _is_whole(self, folder: Path) -> bool:
        try:
            return self.record(folder.name) is not None
        except Damaged:
            return False

    def _draft(self, name: str) -> Path:
        draft = self.folder / ".drafts" / name
        remove_tree(draft)
        draft.mkdir(parents=True, mode=0o700)
        return draft

    def _put(self, draft: Path, folder: Path) -> None:
        """The draft in its place, durably; users of a damaged one before it go on with the same bytes."""
        subprocess.run(["sync", "--file-system", str(draft)], check=False)
        if folder.exists():
            self._hold_to_users(draft, folder)
            shutil.rmtree(draft / USERS)
            os.rename(folder / USERS, draft / USERS) if (folder / USERS).is_dir() else (draft / USERS).mkdir()
            damaged = folder.parent / ".drafts" / f"{folder.name}.damaged"
            remove_tree(damaged)
            os.rename(folder, damaged)
            os.rename(draft, folder)
            remove_tree(damaged)
        else:
            os.rename(draft, folder)
        self.record(folder.name)

    def _hold_to_users(self, draft: Path, folder: Path) -> None:
        users = self.users(folder.name)
        try:
            old, new = read_record(folder), read_record(draft)
        except Damaged:
            old, new = None, {}
        before, after = ((found or {}).get("disk") or {} for found in (old, new))
        if users and before.get("sha256") != after.get("sha256"):
            raise Permanent(
                f"the files of the image {folder} were changed, building it again gives other bytes, "
                f"and disks of {', '.join(users)} lie on top of it",
                mend=f"Bring {folder} back from a copy, or remove those VMs first.",
            )

    def close(self) -> None:
        """Remove the folder where it holds no images and nobody is at work in it."""
        self.sweep()
        locks = self.folder / ".locks"
        for name in sorted(os.listdir(locks)) if locks.is_dir() else []:
            with self._tried(name) as is_ours:
                if is_ours:
                    os.unlink(locks / name)
        for folder in (locks, self.folder / ".drafts", self.folder / ".checked", self.folder):
            with contextlib.suppress(OSError):
                folder.rmdir()

    @contextlib.contextmanager
    def _locked(self, name: str) -> Iterator[None]:
        while True:
            descriptor = self._open_lock(name)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                if self._is_current(descriptor, name):
                    yield
                    return
            finally:
                os.close(descriptor)

    @contextlib.contextmanager
    def _tried(self, name: str) -> Iterator[bool]:
        """True within where nobody else holds the lock."""
        descriptor = self._open_lock(name)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            yield self._is_current(descriptor, name)
        finally:
            os.close(descriptor)

    def _is_current(self, descriptor: int, name: str) -> bool:
        """False for a lock that `close` removed while we waited for it: the next one has another file."""
        try:
            return os.path.samestat(os.fstat(descriptor), os.stat(self.folder / ".locks" / name))
        except FileNotFoundError:
            return False

    def _open_lock(self, name: str) -> int:
        locks = self.folder / ".locks"
        try:
            locks.mkdir(parents=True, exist_ok=True, mode=0o700)
            return os.open(locks / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _refusal(error, self.folder) from error


def remove_tree(path: Path) -> None:
    """Remove a folder, or a file; folders that their owner may not write to as well. Nothing where it is not there."""
    if path.is_dir() and not path.is_symlink():
        if os.geteuid() != 0:
            _open_up(str(path))
        shutil.rmtree(path)
    else:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()


def _open_up(folder: str) -> None:
    os.chmod(folder, 0o700)
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                _open_up(entry.path)


def no_space(folder: Path) -> Permanent:
    """What to say where a disk is full."""
    mend = (
        "Make room (`aivp image prune` removes images that nothing uses), "
        "or name another folder under `providers: image: folder`."
    )
    return Permanent(f"no space is left for the image in {folder}", mend=mend)


def _refusal(error: OSError, folder: Path) -> Exception:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return no_space(folder)
    return Temporary(f"the store of images in {folder} does not work: {error.strerror}")


def _note(path: Path) -> Dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write_note(path: Path, looks: Dict[str, Any]) -> None:
    """What is known of files that were read; to be unable to keep it costs only time."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(exist_ok=True, mode=0o700)
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        draft.write_text(json.dumps(looks), encoding="utf-8")
        os.replace(draft, path)
