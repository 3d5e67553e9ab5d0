"""An address and a digest → a file with exactly those bytes, or none: in parts if need be, resumed where it broke off.

What has come so far lies in a private draft with a note of what it is a part of. It gets its name only after every byte
was digested, so nobody ever sees a file that is not what was asked for.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import http.client
import json
import os
import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, Optional

from aivp_sdk import Permanent, Temporary

from .download_http import Another, Broken, Part, Wanted, asked, reason

LARGEST = 256 * 1024**3
TIMEOUT = 30.0
"""Seconds without a byte after which a server counts as gone."""
TRIES = 5
_CHUNK = 256 * 1024

Tell = Callable[[str, Optional[float], Optional[float]], None]
"""What is being done, bytes so far, bytes in all where that is known."""


def fetch(wanted: Wanted, folder: Path, tell: Tell, *, timeout: float = TIMEOUT, pause: float = 1.0) -> Path:
    """The file in `folder`, fetched unless it is there. One of several who ask at once fetches, the others wait.

    Raises Permanent for what trying again would not change, and Temporary for a server that is away. pause: seconds
    before the second try, doubled each time.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    place = folder / wanted.name
    with _locked(folder, wanted.name):
        if place.is_file():
            return place
        draft = folder / f".{wanted.name}.part"
        has_begun = draft.exists()
        is_whole = _bring(wanted, draft, tell, timeout, pause)
        try:
            _accept(wanted, draft, place)
        except Permanent:
            if is_whole and not has_begun:
                raise
            _bring(wanted, draft, tell, timeout, pause)  # its parts may have been of two versions
            _accept(wanted, draft, place)
    return place


def digest_of_file(path: Path, algorithm: str, tell: Optional[Tell] = None) -> str:
    """The digest of a file in hexadecimal, read in full."""
    digest = hashlib.new(algorithm)
    total = os.path.getsize(path)
    done = 0
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK * 4):
            digest.update(chunk)
            done += len(chunk)
            if tell is not None:
                tell("checking", done, total)
    return digest.hexdigest()


def _bring(wanted: Wanted, draft: Path, tell: Tell, timeout: float, pause: float) -> bool:
    """All of it in the draft; True where it came in one piece."""
    for attempt in range(TRIES):
        try:
            _continue(wanted, draft, tell, timeout)
        except Another:
            _drop(draft)
        except Broken as broken:
            if attempt == TRIES - 1:
                why = f"{wanted.shown} broke off {TRIES} times: {broken}; what came is kept"
                raise Temporary(why, path="/source/url", mend="Try again: it goes on where it broke off.") from None
            tell(f"{wanted.shown} broke off, trying again", None, None)
            time.sleep(pause * 2**attempt)
        else:
            return attempt == 0
    raise Temporary(f"{wanted.shown} changes while it is fetched", path="/source/url")


def _continue(wanted: Wanted, draft: Path, tell: Tell, timeout: float) -> None:
    """Ask for what is missing and append it. Raises Broken, Another, Permanent or Temporary."""
    note = draft.with_suffix(".json")
    known = _read(note)
    have = draft.stat().st_size if draft.exists() and known.get("url") == _mark(wanted) else 0
    if not have:
        _drop(draft)
        known = {}
    elif have == known.get("total"):
        return
    with asked(wanted, have, str(known.get("validator") or ""), timeout) as part:
        if part.start != have:
            if part.start:
                raise Another
            _drop(draft)
            have = 0
        _refuse_size(wanted, part.total)
        if have and known.get("total") not in (None, part.total):
            raise Another
        validator = part.validator or (str(known.get("validator") or "") if have else "")
        _write(note, {"url": _mark(wanted), "validator": validator, "total": part.total})
        _append(wanted, part, draft, have, tell)


def _append(wanted: Wanted, part: Part, draft: Path, have: int, tell: Tell) -> None:
    most = part.total if part.total is not None else wanted.size or LARGEST
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
    with open(os.open(draft, flags, 0o600), "ab", buffering=0) as file:
        while True:
            try:
                chunk = part.body.read(min(_CHUNK, most - have + 1))
            except (OSError, http.client.HTTPException) as error:
                raise Broken(reason(error)) from None
            if not chunk:
                break
            have += len(chunk)
            if have > most:
                why = f"{wanted.shown} sends more than the {most} bytes that it announced"
                _drop(draft)
                raise Permanent(why, path="/source/url")
            file.write(chunk)
            tell(f"fetching {wanted.shown}", have, part.total)
    if part.total is not None and have < part.total:
        raise Broken(f"{have} of {part.total} bytes came")
    _write(draft.with_suffix(".json"), {"url": _mark(wanted), "validator": part.validator, "total": have})


def _refuse_size(wanted: Wanted, total: Optional[int]) -> None:
    if total is None:
        return
    if wanted.size is not None and total != wanted.size:
        raise Permanent(f"{wanted.shown} has {total} bytes, and should have {wanted.size}", path="/source/url")
    if total > LARGEST:
        raise Permanent(f"{wanted.shown} has {total} bytes; {LARGEST} are allowed", path="/source/url")


def _accept(wanted: Wanted, draft: Path, place: Path) -> None:
    """The draft gets its name if it is what was asked for; else it goes. Raises Permanent."""
    found = digest_of_file(draft, wanted.algorithm)
    if found != wanted.digest:
        size = draft.stat().st_size
        _drop(draft)
        why = f"{wanted.shown} has another {wanted.algorithm} than it should: {found}, of {size} bytes"
        mend = "Compare with what its makers publish. If they replaced it, and you trust that, declare the new digest."
        raise Permanent(why, path=f"/source/{wanted.algorithm}", mend=mend)
    with open(draft, "rb") as file:
        os.fsync(file.fileno())
    os.chmod(draft, 0o400)
    os.rename(draft, place)
    draft.with_suffix(".json").unlink()


def _mark(wanted: Wanted) -> str:
    """Tells the address apart from others; there may be a secret in it."""
    return hashlib.sha256(wanted.url.encode()).hexdigest()


def _read(note: Path) -> Dict[str, Any]:
    try:
        found = json.loads(note.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write(note: Path, known: Dict[str, Any]) -> None:
    fresh = note.with_name(f"{note.name}.{os.getpid()}")
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "w") as file:
        json.dump(known, file)
    os.replace(fresh, note)


def _drop(draft: Path) -> None:
    for path in (draft, draft.with_suffix(".json")):
        with contextlib.suppress(FileNotFoundError):
            path.unlink()


@contextlib.contextmanager
def _locked(folder: Path, name: str) -> Iterator[None]:
    descriptor = os.open(folder / f".{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
