"""What lies in this provider's folder on a host → a list of it, a check of every byte, and less of it.

For people who look after a store (`aivp image list`, `prune`, `catalogue pull`, …). What the entries of a catalogue
are is written in a project; here they are digests that were fetched, or not yet.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, Collection, Dict, Iterator, List, Mapping, Optional, Set

from aivp_sdk import Permanent, ProviderError

from .download import digest_of_file, fetch
from .download_http import Wanted
from .names import Names
from .record import Damaged, read_record, verify
from .sourced import DOWNLOADS
from .workshop import Workshop

_NAME = re.compile(r"(?:sha256-[0-9a-f]{64}|sha512-[0-9a-f]{128})")
Item = Dict[str, Any]


def listed(workshop: Workshop) -> List[Item]:
    """Every image of the store, by digest: who has it, who uses it, what it takes on the disk."""
    names = Names(workshop.folder / "names").digests()
    return [_image(workshop, digest, names.get(digest, [])) for digest in workshop.store.digests()]


def downloads(workshop: Workshop) -> List[Item]:
    """Everything that was fetched, whole or in part: `{name, size, is_whole}`."""
    folder = workshop.folder / "cache" / DOWNLOADS
    found = []
    for name in sorted(os.listdir(folder)) if folder.is_dir() else []:
        whole = name[1:].partition(".part")[0] if name.endswith(".part") else name
        if _NAME.fullmatch(whole):
            found.append({"name": whole, "size": (folder / name).stat().st_size, "is_whole": whole == name})
    return found


def pull(workshop: Workshop, wanted: Wanted) -> Item:
    """Fetch one; `{name, size, was_there}`. Raises ProviderError."""
    folder = workshop.cache(DOWNLOADS)
    was_there = (folder / wanted.name).is_file()
    path = fetch(wanted, folder, workshop.progress)
    return {"name": wanted.name, "size": path.stat().st_size, "was_there": was_there}


def verified(workshop: Workshop, of: Optional[Collection[str]] = None) -> Iterator[Item]:
    """Read everything in full: `{kind, name, why}`, why being empty for what is as it was.

    of: names of downloads; None for all of them, and for images, too.
    """
    for item in downloads(workshop):
        if item["is_whole"] and (of is None or item["name"] in of):
            algorithm, _, digest = item["name"].partition("-")
            path = workshop.folder / "cache" / DOWNLOADS / item["name"]
            is_right = digest_of_file(path, algorithm, workshop.progress) == digest
            yield {"kind": "download", "name": item["name"], "why": "" if is_right else "its bytes changed"}
    for digest in workshop.store.digests() if of is None else ():
        yield {"kind": "image", "name": digest, "why": _damage(workshop.store.path(digest))}


def pruned(workshop: Workshop) -> Iterator[Item]:
    """Remove images that no name has and nothing uses: `{digest, size, why}`, why being empty for what went."""
    names = Names(workshop.folder / "names").digests()
    opened = _opened(workshop.store.folder)
    for digest in workshop.store.digests():
        size = _taken(workshop.store.path(digest))
        why = f"declared as {', '.join(names[digest])}" if digest in names else ""
        if not why:
            users = workshop.store.users(digest)
            why = f"used by {', '.join(users)}" if users else "opened by a process" if digest in opened else ""
        if not why and not workshop.store.remove(digest, lambda folder: folder.name in _opened(folder.parent)):
            why = "in use by now"
        yield {"digest": digest, "size": size, "why": why}
    workshop.store.sweep()


def pruned_downloads(workshop: Workshop, keep: Collection[str], *, is_dry: bool = False) -> Iterator[Item]:
    """Remove what was fetched and is not in `keep`, begun ones too: `{name, size, is_whole}`."""
    folder = workshop.folder / "cache" / DOWNLOADS
    for item in downloads(workshop):
        if item["name"] not in keep:
            for name in (item["name"], f".{item['name']}.part", f".{item['name']}.json", f".{item['name']}.lock"):
                if not is_dry and (folder / name).is_file():
                    (folder / name).unlink()
            yield item


def remove_damaged(workshop: Workshop, name: str) -> None:
    """A download whose bytes changed goes, so that it is fetched again."""
    if not _NAME.fullmatch(name):
        raise Permanent(f"{name!r} is no download")
    (workshop.folder / "cache" / DOWNLOADS / name).unlink()


def _image(workshop: Workshop, digest: str, names: Collection[str]) -> Item:
    folder = workshop.store.path(digest)
    found: Item = {"digest": digest, "names": sorted(names), "users": workshop.store.users(digest)}
    found.update(size=_taken(folder), made=int(folder.stat().st_mtime), architecture=None, format=None, looks=None)
    try:
        record: Mapping[str, Any] = read_record(folder) or {}
    except Damaged as damage:
        return {**found, "why": str(damage)}
    disk = record.get("disk") or {}
    return {
        **found,
        "architecture": record.get("architecture"),
        "format": disk.get("format"),
        "looks": disk.get("size"),
    }


def _damage(folder: Path) -> str:
    try:
        record = read_record(folder)
        if record is None:
            return "it has no image.json"
        verify(folder, record, {})
    except Damaged as damage:
        return str(damage)
    return ""


def _taken(folder: Path) -> int:
    """Bytes on the disk."""
    return sum(path.lstat().st_blocks * 512 for path in folder.rglob("*"))


def _opened(store: Path) -> Set[str]:
    """Digests of images that a process has open: whoever forgot to say so is heard all the same."""
    found: Set[str] = set()
    prefix = str(store.resolve()) + "/"
    for process in Path("/proc").glob("[0-9]*/fd"):
        try:
            for entry in os.scandir(process):
                target = os.readlink(entry.path)
                if target.startswith(prefix):
                    found.add(target[len(prefix) :].partition("/")[0])
        except OSError:
            continue
    return found


def explained(error: ProviderError) -> Item:
    """A failure as an answer."""
    return {"why": error.message, "mend": error.mend or "", "is_temporary": error.error_class != "permanent"}
