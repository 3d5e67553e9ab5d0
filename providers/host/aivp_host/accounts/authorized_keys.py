"""~/.ssh/authorized_keys: lines ↔ keys, what of them a declaration sees, and how root writes into another one's home.

The home belongs to its user, who may put anything there at any time. So the way there is walked by descriptors, no link
that the user could redirect is followed, and nothing is handed over to the user that we did not make ourselves.
"""

from __future__ import annotations

import base64
import binascii
import errno
import hashlib
import os
import re
import stat
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Sequence, Set

from aivp_sdk import Permanent

from aivp_host.files.folders import DIRECTORY, Folder, Folders, sync

FIELD = "/authorized_keys"
NAME = "authorized_keys"
FRESH = ".authorized_keys.aivp"
"""A write that a crash left behind is found under this name by the next one."""
LIMIT = 1024 * 1024

_TYPE = re.compile(
    r"ssh-(rsa|dss|ed25519)|ecdsa-sha2-nistp(256|384|521)|sk-(ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com"
)
_OPTIONS = re.compile(r'((?:[^\s"]|"(?:\\.|[^"\\])*")+)\s+(.*)')


@dataclass(frozen=True)
class Key:
    """One line: options, type and base64 as `material`, and the comment."""

    options: str
    material: str
    comment: str

    @property
    def text(self) -> str:
        """The line with single spaces between its parts."""
        return " ".join(part for part in (self.options, self.material, self.comment) if part)


def declared(lines: Sequence[str], *, is_secret: bool = False) -> List[Key]:
    """The keys that a declaration names. Raises Permanent for what is no public key; of a secret it quotes no part."""
    found: Dict[str, Key] = {}
    for line in lines:
        key = None if "\n" in line or "\r" in line else parse(line)
        if key is None or not _is_whole(key.material):
            is_shown = not is_secret and line[:4] in ("ssh-", "ecds", "sk-s", "sk-e")
            shown = f"{line[:24]}..." if is_shown else "one of them"
            mend = "Such as ssh-ed25519 AAAA… name; ssh-keygen -y prints it."
            raise Permanent(f"{shown} is not the line of a public key", path=FIELD, mend=mend)
        if key.material in found:
            shown = "" if is_secret else f": {key.material[:40]}..."
            raise Permanent(f"the same key stands there twice{shown}", path=FIELD, mend="Remove one of the two.")
        found[key.material] = key
    return list(found.values())


def parse(line: str) -> Optional[Key]:
    """A line as sshd reads it; None for what it would not take for a key."""
    key = _bare("", line.strip())
    if key is not None:
        return key
    match = _OPTIONS.match(line.strip())
    return None if match is None else _bare(match[1], match[2])


def shown(lines: Sequence[str], keys: Sequence[Key], prior: Any) -> List[str]:
    """The keys of a file as elements of the declared set: same key and options, same text, whatever the comment.

    `prior` is the list last applied: keys that only it names stay recognisable as ours.
    """
    names = _Names(keys, prior)
    return sorted({names.of(line) for line in lines if _is_entry(line)})


def merge(lines: Sequence[str], keys: Sequence[Key], removed: Set[str], prior: Any) -> List[str]:
    """The lines of the file with `keys` in it and the elements `removed` gone; everything else stays where it is."""
    names, wanted = _Names(keys, prior), {key.material: key for key in keys}
    found: List[str] = []
    for line in lines:
        key = parse(line) if _is_entry(line) else None
        if key is not None and key.material in names.wanted:
            mine = wanted.pop(key.material, None)
            if mine is not None:
                found.append(line if mine.options == key.options else mine.text)
        elif not _is_entry(line) or names.of(line) not in removed:
            found.append(line)
    return found + [key.text for key in wanted.values()]


def read(folders: Folders, home: str, uid: int) -> Optional[List[str]]:
    """The lines of the file, None where there is no file. Raises Permanent for what only an attack would put there."""
    try:
        folder = _walk(folders, _ssh(home))
        entry = os.open(NAME, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder.fd)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _failed(home, error) from None
    try:
        _require_own_file(home, os.fstat(entry), uid)
        with os.fdopen(os.dup(entry), "rb") as file:
            data = file.read(LIMIT + 1)
    finally:
        os.close(entry)
    if len(data) > LIMIT:
        raise Permanent(
            f"{home}/.ssh/{NAME} is larger than {LIMIT} bytes", path=FIELD, mend="Look at what lies there; remove it."
        )
    return data.decode(errors="surrogateescape").splitlines()


def write(folders: Folders, home: str, uid: int, gid: int, lines: Sequence[str]) -> None:
    """Put these lines there, whole or not at all, as a file that belongs to the user alone."""
    data = "".join(line + "\n" for line in lines).encode(errors="surrogateescape")
    try:
        folder = _ssh_folder(folders, home, uid, gid)
        _write(folder, data, uid, gid)
    except OSError as error:
        raise _failed(home, error) from None


def _bare(options: str, text: str) -> Optional[Key]:
    parts = text.split(None, 2)
    if len(parts) < 2 or not _TYPE.fullmatch(parts[0]) or not re.fullmatch(r"[A-Za-z0-9+/]+={0,3}", parts[1]):
        return None
    return Key(options, f"{parts[0]} {parts[1]}", parts[2] if len(parts) == 3 else "")


def _is_whole(material: str) -> bool:
    """True where the base64 is complete enough to name its own type: a line cut off while copying does not pass."""
    kind, _, text = material.partition(" ")
    try:
        blob = base64.b64decode(text, validate=True)
    except binascii.Error:
        return False
    return _fields(blob)[:1] == [kind.encode()]


def _fields(blob: bytes) -> List[bytes]:
    """The length-prefixed parts, none where the last one is cut off."""
    found: List[bytes] = []
    while blob:
        size = int.from_bytes(blob[:4], "big")
        if len(blob) < 4 + size:
            return []
        found.append(blob[4 : 4 + size])
        blob = blob[4 + size :]
    return found


def _is_entry(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


class _Names:
    """How each line of a file is called among the elements."""

    def __init__(self, keys: Sequence[Key], prior: Any) -> None:
        self.wanted: Mapping[str, Key] = {key.material: key for key in keys}
        texts = [text for text in prior if isinstance(text, str)] if isinstance(prior, list) else []
        parsed = [(parse(text), text) for text in texts]
        self.applied = {(key.options, key.material): text for key, text in parsed if key is not None}

    def of(self, line: str) -> str:
        key = parse(line)
        if key is None:
            digest = hashlib.sha256(line.encode(errors="surrogateescape")).hexdigest()
            return f"(a line that is no key, sha256:{digest[:16]})"
        mine = self.wanted.get(key.material)
        if mine is not None and mine.options == key.options:
            return mine.text
        text = self.applied.get((key.options, key.material), key.text)
        return text.encode(errors="surrogateescape").decode(errors="replace")


def _ssh(home: str) -> str:
    return f"{home.rstrip('/')}/.ssh"


def _walk(folders: Folders, path: str) -> Folder:
    try:
        return folders.folder(path)
    except Permanent as error:
        raise Permanent(error.message, path=FIELD, mend=error.mend) from None


def _ssh_folder(folders: Folders, home: str, uid: int, gid: int) -> Folder:
    try:
        parent = _walk(folders, home)
    except FileNotFoundError:
        raise Permanent(
            f"the home directory {home} does not exist", path=FIELD, mend="Set create_home: true."
        ) from None
    try:
        os.mkdir(".ssh", 0o700, dir_fd=parent.fd)
    except FileExistsError:
        return _walk(folders, _ssh(home))
    folder = _walk(folders, _ssh(home))
    descriptor = os.open(".", os.O_RDONLY | DIRECTORY, dir_fd=folder.fd)
    try:
        # The user may have put another folder in its place by now; an empty one of root's is ours to give away.
        if os.fstat(descriptor).st_uid == os.geteuid() and not os.listdir(descriptor):
            os.fchmod(descriptor, 0o700)
            os.fchown(descriptor, uid, gid)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    sync(parent)
    return folder


def _write(folder: Folder, data: bytes, uid: int, gid: int) -> None:
    try:
        os.unlink(FRESH, dir_fd=folder.fd)
    except FileNotFoundError:
        pass
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(FRESH, flags, 0o600, dir_fd=folder.fd)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(descriptor, 0o600)
            os.fchown(descriptor, uid, gid)
            os.fsync(descriptor)
        os.rename(FRESH, NAME, src_dir_fd=folder.fd, dst_dir_fd=folder.fd)
    except OSError:
        os.unlink(FRESH, dir_fd=folder.fd)
        raise
    sync(folder)


def _require_own_file(home: str, found: os.stat_result, uid: int) -> None:
    """A hard link to somebody else's file would show us, and then the plan, what the user may not read."""
    if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1 or found.st_uid not in (uid, 0):
        raise Permanent(
            f"{home}/.ssh/{NAME} is not a plain file of its user",
            path=FIELD,
            mend="Look at what lies there; remove it.",
        )


def _failed(home: str, error: OSError) -> Permanent:
    where = _ssh(home)
    if isinstance(error, NotADirectoryError):
        return Permanent(f"{where} is not a directory", path=FIELD, mend="Look at what lies there; remove it.")
    if error.errno == errno.ELOOP:
        return Permanent(
            f"{where}/{NAME} is a symbolic link, which is not followed", path=FIELD, mend="Put a file in its place."
        )
    return Permanent(f"{where}/{NAME}: {os.strerror(error.errno or 0)}", path=FIELD, mend="Look at it on the host.")
