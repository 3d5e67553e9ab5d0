"""A file → does git track it? The index is read as bytes; no git is started, so no hook, filter or pager is either.

Knows index formats 2 to 4, SHA-1 and SHA-256 repositories, worktrees and split indexes. What cannot be read is an
error: whoever asks is about to trust the answer.
"""

from __future__ import annotations

import struct
from pathlib import Path

_HASH_SIZES = (20, 32)
_STAT_BYTES = 40
_EXTENDED = 0x4000
_NAME_LENGTH = 0x0FFF


class UnreadableIndex(Exception):
    """An index of a format that is not known here; the message is its path."""


def is_tracked(file: Path) -> bool:
    """True where a repository around `file` (its real path) has it in its index. Raises UnreadableIndex and OSError."""
    return any(_has(parent, file.relative_to(parent)) for parent in file.parents if (parent / ".git").exists())


def _has(tree: Path, path: Path) -> bool:
    folder = _git_folder(tree / ".git")
    return _is_listed(folder / "index", path.as_posix().encode(errors="surrogateescape"))


def _git_folder(dot_git: Path) -> Path:
    """A worktree or submodule has a file that says where the folder is."""
    if dot_git.is_dir():
        return dot_git
    return dot_git.parent / dot_git.read_text(errors="surrogateescape").removeprefix("gitdir:").strip()


def _is_listed(index: Path, name: bytes) -> bool:
    try:
        data = index.read_bytes()
    except FileNotFoundError:
        return False
    is_compressed = data[4:8] == b"\0\0\0\4"
    if not is_compressed and name + b"\0" not in data and b"link" not in data:
        return False  # most of the time nothing needs to be parsed
    found = [entries for size in _HASH_SIZES if (entries := _entries(data, size)) is not None]
    if not found:
        raise UnreadableIndex(str(index))
    return any(name in names or (base and _is_listed(index.parent / base, name)) for names, base in found)


def _entries(data: bytes, hash_size: int) -> tuple[list[bytes], str] | None:
    """Every name, and the file of the shared index if there is one; None where `data` does not read that way."""
    names: list[bytes] = []
    name = b""
    try:
        signature, version, count = struct.unpack_from(">4sII", data)
        if signature != b"DIRC" or version not in (2, 3, 4):
            return None
        at = 12
        for _ in range(count):
            (flags,) = struct.unpack_from(">H", data, at + _STAT_BYTES + hash_size)
            start = at + _STAT_BYTES + hash_size + (4 if flags & _EXTENDED else 2)
            kept = b""
            if version == 4:
                dropped, start = _varint(data, start)
                kept = name[: len(name) - dropped]
            end = data.index(b"\0", start)
            name = kept + data[start:end]
            if min(len(name), _NAME_LENGTH) != flags & _NAME_LENGTH:
                return None
            names.append(name)
            at = end + 1 if version == 4 else at + (end - at + 8) // 8 * 8
        return names, _shared_index(data, at, hash_size)
    except (struct.error, IndexError, ValueError):
        return None


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """The offset encoding of git: the number and where it ends."""
    value = data[at] & 0x7F
    while data[at] & 0x80:
        at += 1
        value = ((value + 1) << 7) | (data[at] & 0x7F)
    return value, at + 1


def _shared_index(data: bytes, at: int, hash_size: int) -> str:
    """A split index lists changes only. What it deletes from the shared one still counts as tracked: the safe side."""
    while at + 8 <= len(data) - hash_size:
        signature, size = struct.unpack_from(">4sI", data, at)
        base = data[at + 8 : at + 8 + hash_size]
        if signature == b"link" and any(base):
            return f"sharedindex.{base.hex()}"
        at += 8 + size
    return ""
