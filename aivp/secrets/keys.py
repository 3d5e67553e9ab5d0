"""Project keys: where they live, how they are made and brought in, and whether it is the one that state knows.

A key is a file of its own, outside every project: `<configuration>/aivp/keys/<project>.json`. That file is also what is
handed to another machine. Only its random id, which says nothing about the key, is ever shown or recorded.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from shlex import quote

from aivp.diagnostics.diagnostic import Diagnostic, Refused, refusal
from aivp.secrets.file import OTHERS
from aivp.secrets.git import UnreadableIndex, is_tracked

_PROJECT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_ID = re.compile(r"[0-9a-f]{16}")
_KEY = re.compile(r"[0-9a-f]{64}")
_MAX_FILE = 1024


@dataclass(frozen=True, slots=True)
class ProjectKey:
    """`id`: 16 random hex digits; `key`: 32 random bytes."""

    id: str
    key: bytes = field(repr=False)


def folder(environ: Mapping[str, str]) -> Path | None:
    """Where this user's keys are: below $XDG_CONFIG_HOME, else ~/.config; None where the user has neither."""
    configuration = environ.get("XDG_CONFIG_HOME", "")
    if not configuration.startswith("/"):  # relative ones are void: XDG Base Directory Specification
        home = environ.get("HOME", "")
        configuration = f"{home}/.config" if home.startswith("/") else ""
    return Path(configuration, "aivp", "keys") if configuration else None


def load(keys: Path, project: str) -> ProjectKey | None:
    """The key of a project, None where there is none. Raises Refused (AIVP0812) where its file cannot be trusted."""
    path = keys / _file(project)
    with _folder(keys, project) as place:
        if place is None:
            return None
        with _opened(path, os.O_NONBLOCK, place) as descriptor:
            if descriptor is None:
                return None
            _check(path, os.fstat(descriptor), stat.S_IFREG)
            _refuse_tracked(path)
            data = os.read(descriptor, _MAX_FILE)
    if (found := _parse(data)) is None:
        raise refusal("AIVP0812", f"{path} is not a project key.", "Restore it from where it was made.")
    return found


def create(keys: Path, project: str) -> str:
    """Make a new key and give its id. Raises Refused (AIVP0814) where the project has one: it is never overwritten."""
    made = ProjectKey(secrets.token_hex(8), secrets.token_bytes(32))
    if (standing := load(keys, project)) is not None:
        raise _taken(project, standing)
    return _keep(keys, project, made)


def import_key(keys: Path, project: str, text: str | bytes) -> str:
    """Keep a key that was made elsewhere (the content of its file) and give its id; the same one twice is fine.

    Raises Refused: AIVP0815 where it is no key, AIVP0814 where the project has another one.
    """
    brought = _parse(text.encode(errors="replace") if isinstance(text, str) else text)
    if brought is None:
        mend = "It is the file aivp/keys/<project>.json in the configuration folder (~/.config) of who made the key."
        raise refusal("AIVP0815", "This is not a project key.", mend)
    standing = load(keys, project)
    if standing == brought:
        return brought.id
    if standing is not None:
        raise _taken(project, standing)
    return _keep(keys, project, brought)


def check_key(recorded_id: str | None, found_id: str | None) -> Diagnostic | None:
    """None where the key found is the one that state (or a host's registry) recorded, or where nothing is recorded."""
    if recorded_id is None or recorded_id == found_id:
        return None
    why = f"The generated secrets of this state come from the project key {recorded_id}; "
    why += "this user has none." if found_id is None else f"this user has {found_id}, which would change them all."
    mend = "Get aivp/keys/<project>.json from the configuration folder (~/.config) of who made it"
    mend += ", then: " if found_id is None else ", move the file of that name here out of the way, then: "
    return Diagnostic("AIVP0813", why, mend + "aivp secrets key --import FILE")


def missing(project: str) -> Refused:
    """What to say where a secret is to be generated and there is no key."""
    mend = "Make one: aivp secrets key --new; or bring in the one that your team uses: aivp secrets key --import FILE"
    return refusal("AIVP0811", f"The project {project} has generated secrets, and this user has no key for it.", mend)


def _keep(keys: Path, project: str, key: ProjectKey) -> str:
    """Write it whole or not at all; a link, unlike a rename, never replaces what is there."""
    try:
        keys.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _folder(keys, project) as place:
            assert place is not None
            _write(place, ".gitignore", b"*\n")
            _write(place, _file(project), json.dumps({"id": key.id, "key": key.key.hex()}).encode() + b"\n")
            os.fsync(place)
    except OSError as error:
        raise refusal("AIVP0812", f"The key cannot be written to {keys}: {(error.strerror or '').lower()}.") from None
    if (standing := load(keys, project)) != key:
        raise _taken(project, standing)
    return key.id


def _write(place: int, name: str, data: bytes) -> None:
    """A new file, unless one of that name is there."""
    temporary = f".{secrets.token_hex(8)}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=place)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        with suppress(FileExistsError):
            os.link(temporary, name, src_dir_fd=place, dst_dir_fd=place, follow_symlinks=False)
    finally:
        os.unlink(temporary, dir_fd=place)


@contextmanager
def _folder(keys: Path, project: str) -> Iterator[int | None]:
    if not _PROJECT.fullmatch(project):
        raise refusal("AIVP0812", f"The project's name {project[:60]!r} cannot name a key.")
    with _opened(keys, os.O_DIRECTORY) as place:
        if place is not None:
            _check(keys, os.fstat(place), stat.S_IFDIR)
        yield place


@contextmanager
def _opened(path: Path, flags: int, folder: int | None = None) -> Iterator[int | None]:
    """A descriptor of what is there, not through a link (`folder`: of its parent); None where there is nothing."""
    try:
        descriptor = os.open(path if folder is None else path.name, os.O_RDONLY | os.O_NOFOLLOW | flags, dir_fd=folder)
    except FileNotFoundError:
        yield None
        return
    except OSError as error:
        raise refusal("AIVP0812", f"{path} cannot be used: {(error.strerror or '').lower()}.") from None
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _check(path: Path, status: os.stat_result, kind: int) -> None:
    if stat.S_IFMT(status.st_mode) != kind:
        raise refusal("AIVP0812", f"{path} is not a plain {'file' if kind == stat.S_IFREG else 'folder'}.")
    if status.st_uid != os.geteuid():
        raise refusal("AIVP0812", f"{path} belongs to another user.", "A key is used by its owner only.")
    if status.st_mode & OTHERS:
        mode = "600" if kind == stat.S_IFREG else "700"
        why = f"{path} has mode {stat.S_IMODE(status.st_mode):04o}: others than its owner can reach the key."
        raise refusal("AIVP0812", why, f"Run: chmod {mode} {quote(str(path))}")


def _refuse_tracked(path: Path) -> None:
    try:
        is_in_git = is_tracked(Path(os.path.realpath(path)))
    except (UnreadableIndex, OSError):
        is_in_git = True
    if is_in_git:
        raise refusal("AIVP0812", f"git tracks {path}, or its index is not readable.", "A key lives outside of git.")


def _parse(data: bytes) -> ProjectKey | None:
    try:
        raw = json.loads(data)
    except (ValueError, RecursionError):
        return None
    match raw:
        case {"id": str(id_), "key": str(key), **rest} if not rest and _ID.fullmatch(id_) and _KEY.fullmatch(key):
            return ProjectKey(id_, bytes.fromhex(key))
    return None


def _taken(project: str, standing: ProjectKey | None) -> Refused:
    why = f"The project {project} has a key already" + (f" ({standing.id})." if standing else ".")
    mend = "Generated secrets come from it. Move its file away if nothing was ever applied with it."
    return refusal("AIVP0814", why, mend)


def _file(project: str) -> str:
    return f"{project}.json"
