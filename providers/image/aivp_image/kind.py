"""`image`: what VMs boot from, in a folder of the store, named by what it was made of.

Compares the declaration with what the name's image was made from, and has the source's maker make another one where
they differ. Knows neither packages nor layers nor disks.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, Iterable, Mapping, Optional, Tuple

from aivp_sdk import Change, Done, Item, Json, Kind, Listed, Observation, Session, Unknown, Verdict

from .declaration import Image
from .makers import declared_source, maker_of, source_of
from .names import Named, Names, is_sealed, seal
from .plain import blanked, plain
from .recipe import Before, Outlook
from .record import Damaged
from .store import digest_of, remove_tree
from .workshop import Workshop, folders

NEEDS: Tuple[Dict[str, Json], ...] = (
    {"command": "mmdebstrap", "package": "mmdebstrap", "set": ["debian"], "why": "to build from Debian packages"},
    {"command": "apt-get", "package": {"dnf": "apt"}, "set": ["debian"], "why": "to build from Debian packages"},
    {"command": "zstd", "package": "zstd", "set": ["debian"], "why": "to read modules of kernels", "optional": True},
    {
        "command": ["newuidmap", "fakechroot"],
        "package": {"apt": "uidmap", "dnf": "shadow-utils-subid"},
        "set": ["debian"],
        "as": "user",
        "why": "to build from Debian packages without root",
    },
    {
        "command": "fakeroot",
        "package": "fakeroot",
        "set": ["debian", "oci"],
        "as": "user",
        "why": "to make disks with files of others without root",
    },
    {
        "command": "mke2fs",
        "package": {"apt": "e2fsprogs", "dnf": "e2fsprogs", "apk": "e2fsprogs"},
        "set": ["debian", "oci"],
        "why": "to make disks",
    },
    {
        "command": "qemu-img",
        "package": {"apt": "qemu-utils", "dnf": "qemu-img", "apk": "qemu-img"},
        "why": "to make and to read disks",
    },
    {
        "command": "objcopy",
        "package": {"apt": "binutils", "dnf": "binutils"},
        "when": {"boot": ["firmware"]},
        "why": "to join kernel and initramfs",
    },
    {"disk": 2 * 1024**3, "set": ["debian", "oci"], "why": "to build images", "within": "folder"},
    {"disk": 256 * 1024**2, "set": ["source", "vm"], "why": "to keep images", "within": "folder"},
)

SETTINGS = ("name", "upgrades")
"""Fields that say how an image is kept, not what it is."""
_COMPUTED = ("path", "digest", "format", "size", "architecture", "kernel")


class ImageKind(Kind[Image]):
    """An image of virtual machines: built from Debian packages, or made of something that exists."""

    name = "image"
    schema = Image
    identity = ("name",)
    identity_from_name = True
    phase = "file"
    needs = NEEDS
    rules = (
        {
            "at_least_one": ["debian", "oci", "source", "vm"],
            "at_most_one": ["debian", "oci", "source", "vm"],
        },
    )

    def observe(self, item: Item[Image], session: Session) -> Observation:
        """What the name's image was made from; nothing, where its files are gone or are not what they were."""
        desired, workshop = item.desired, workshop_of(session)
        named, record = _there(desired.name, workshop)
        source = declared_source(desired)
        if source is None:
            ask = _going if set(item.declared) <= set(self.identity) else _before_its_source
            return ask(item, named, record, workshop)
        maker = maker_of(source)
        maker.check(desired)
        outlook = maker.foresee(desired, _before(named, workshop), workshop)
        wanted = {**_fields(desired), source: outlook.shown}
        normalised = {name: wanted.get(name) for name in item.declared}
        if named is None or record is None:
            return Observation(None, normalised, computed=_foreseen(outlook, item, workshop))
        had = {**named.fields, source: named.shown if source in named.fields else None}
        observed: Dict[str, Json] = {}
        is_same = True
        for field in sorted({*item.declared, *named.fields}):
            is_so = _is_so(field, wanted, had, named, item)
            is_same = is_same and (is_so or field in SETTINGS)
            observed[field] = Verdict(is_so) if field in item.hidden else had.get(field)
        here = _outputs(workshop.store.path(named.digest), record)
        computed = here if is_same else _foreseen(outlook, item, workshop)
        return Observation({**observed, **here}, normalised, computed=computed)

    def apply(self, change: Change[Image], session: Session) -> Done:
        """Make the image where the store does not have it, and let the name have it."""
        desired, workshop = change.desired, workshop_of(session)
        if change.action == "delete":
            return _forget(desired.name, workshop)
        source, names = source_of(desired), Names(workshop.folder / "names")
        maker = maker_of(source)
        maker.check(desired)
        named, record = _there(desired.name, workshop)
        if named is not None and record is not None and not change.changed(*_shaping(change)):
            names.write(desired.name, replace(named, fields=_public(desired, session)))
            return Done(_outputs(workshop.store.path(named.digest), record))
        recipe = maker.prepare(desired, _before(named, workshop), workshop)
        hidden = sorted(change.hidden.intersection(_fields(desired)))
        parts = blanked(recipe.parts, session.secrets)
        digest = digest_of({"parts": parts, "salt": os.urandom(16).hex()} if hidden else {"parts": parts})
        folder = workshop.store.take(digest, recipe.build)
        wanted = {**_fields(desired), source: recipe.shown}
        names.write(
            desired.name,
            Named(
                digest,
                _public(desired, session),
                blanked(dict(recipe.shown), session.secrets),
                {field: seal(wanted[field]) for field in hidden},
                _dropped(named, digest, names, workshop),
            ),
        )
        return Done(_outputs(folder, workshop.store.record(digest) or {}))

    def list(self, within: Any, session: Session) -> Iterable[Listed]:
        """Every name that has an image, but those that took secrets: nobody could declare them again."""
        names = Names(workshop_of(session).folder / "names")
        for name in names.all():
            named = names.read(name)
            if named is not None and not named.seals:
                fields = {
                    key: value for key, value in named.fields.items() if value not in ([], getattr(Image, key, None))
                }
                yield Listed({**fields, "name": name}, name=name)


def workshop_of(session: Session) -> Workshop:
    """The workshop of a session, in the folder that is configured, else in that of the session."""
    configured = session.configuration.folder if session.configuration is not None else None
    return Workshop(folders(session, configured), session)


def _there(name: str, workshop: Workshop) -> Any:
    """The name's record and its image's; None for what is not there or not whole."""
    named = Names(workshop.folder / "names").read(name)
    if named is None:
        return None, None
    try:
        return named, workshop.store.record(named.digest)
    except Damaged as damage:
        workshop.session.log(f"the image {name} is damaged: {damage}", "warning")
        return named, None


def _going(item: Item[Image], named: Optional[Named], record: Any, workshop: Workshop) -> Observation:
    """What nothing declares any more: only whether it is there, be it damaged."""
    if named is None:
        return Observation(None)
    here = _outputs(workshop.store.path(named.digest), record or {})
    fields = {
        name: value for name, value in named.fields.items() if name not in item.tainted and name not in named.seals
    }
    return Observation({**fields, **here}, computed=here)


def _before_its_source(item: Item[Image], named: Optional[Named], record: Any, workshop: Workshop) -> Observation:
    """What can be said while something in the source is still to come, such as the path of another image."""
    fields = _fields(item.desired)
    normalised = {name: fields.get(name) for name in item.declared}
    promised: Dict[str, Json] = {name: Unknown() for name in ("path", "digest", "architecture")}
    if named is None or record is None:
        return Observation(None, normalised, computed=promised)
    here = _outputs(workshop.store.path(named.digest), record)
    return Observation({**named.fields, **here}, normalised, computed=promised)


def _before(named: Optional[Named], workshop: Workshop) -> Optional[Before]:
    return None if named is None else Before(workshop.store.path(named.digest), named.shown)


def _fields(desired: Image) -> Dict[str, Any]:
    """Every field that is there, but computed ones."""
    found: Dict[str, Any] = {name: plain(value) for name, value in vars(desired).items() if name not in _COMPUTED}
    return {name: value for name, value in found.items() if value is not None}


def _public(desired: Image, session: Session) -> Dict[str, Any]:
    return {name: blanked(value, session.secrets) for name, value in _fields(desired).items()}


def _is_so(field: str, wanted: Mapping[str, Any], had: Mapping[str, Any], named: Named, item: Item[Image]) -> bool:
    if field in item.hidden or field in named.seals:
        return is_sealed(wanted.get(field), named.seals.get(field))
    return bool(wanted.get(field) == had.get(field)) or (field not in item.declared and field not in wanted)


def _shaping(change: Change[Image]) -> Iterable[str]:
    return sorted(set(vars(change.desired)) - set(SETTINGS))


def _foreseen(outlook: Outlook, item: Item[Image], workshop: Workshop) -> Dict[str, Json]:
    found: Dict[str, Json] = {name: Unknown() for name in _COMPUTED if name not in outlook.absent}
    if outlook.parts is not None and not item.hidden:
        digest = digest_of({"parts": outlook.parts})
        found.update(path=str(workshop.store.path(digest)), digest=f"sha256:{digest}")
    return found


def _outputs(folder: Path, record: Mapping[str, Any]) -> Dict[str, Json]:
    disk = record.get("disk") or {}
    found = {
        "path": str(folder),
        "digest": record.get("digest"),
        "format": disk.get("format"),
        "size": disk.get("size"),
        "architecture": record.get("architecture"),
        "kernel": record.get("about", {}).get("kernel"),
    }
    return {name: value for name, value in found.items() if value is not None}


def _dropped(named: Optional[Named], digest: str, names: Names, workshop: Workshop) -> Tuple[str, ...]:
    """The digests that the name had before and that are still there, since something uses them."""
    if named is None:
        return ()
    return tuple(sorted(_left({*named.earlier, named.digest} - {digest}, names, workshop, but=named)))


def _left(digests: Iterable[str], names: Names, workshop: Workshop, but: Optional[Named]) -> Iterable[str]:
    """Of these digests, those that could not be removed."""
    others = names.digests()
    for digest in digests:
        mine = 1 if but is not None and but.digest == digest else 0
        if len(others.get(digest, ())) <= mine:
            workshop.store.remove(digest, workshop.is_backing)
        if workshop.store.path(digest).is_dir():
            yield digest


def _forget(name: str, workshop: Workshop) -> Done:
    names = Names(workshop.folder / "names")
    named = names.read(name)
    names.remove(name)
    if named is not None:
        stays = list(_left([named.digest, *named.earlier], names, workshop, but=None))
        for digest in stays:
            users = ", ".join(workshop.store.users(digest)) or "something else"
            workshop.session.log(f"the files of the image {name} stay, since {users} uses them", "info")
        if not names.all() and not workshop.store.digests():
            remove_tree(workshop.folder / "cache")
            names.close()
            workshop.store.close()
    return Done()
