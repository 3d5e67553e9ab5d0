"""What kinds ask of this host → what is there of it: a look at paths, the kernel's lists and rights. Changes nothing.

Every answer is one word and, for people, a detail; what to do about it is decided where the manifests are.
"""

from __future__ import annotations

import grp
import gzip
import json
import os
import pwd
import shutil
import stat
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence

from aivp_contract.values import Json
from aivp_sdk import ProviderError
from aivp_sdk.process import PATH, Session

from . import surroundings

Answer = Dict[str, Json]
"""`{state, detail}`; of a device that refuses us also its `group`, of a disk the bytes that are `free`."""

_LISTS = 8 * 1024 * 1024
"""Bytes that are read of the kernel's list of modules."""


def look(asked: Sequence[Mapping[str, Json]], base: Optional[Path], session: Session) -> Dict[str, Json]:
    """`{user, can_sudo, found}`: as whom we work here, whether there is a sudo, and an answer to each of `asked`."""
    return {
        "user": _user(),
        "can_sudo": shutil.which("sudo", path=PATH) is not None,
        "found": [_answer(item, base, session) for item in asked],
    }


def _answer(item: Mapping[str, Any], base: Optional[Path], session: Session) -> Answer:
    subject, names = item["subject"], item["names"]
    if subject == "command":
        return _command(names)
    if subject == "module":
        return _module(names, str(item["config"]))
    if subject == "device":
        tried = _tried(item, base) if item["verdict"] else []
        return _device(names, tried, str(item["verdict"].get("works", "")))
    if subject == "file":
        return _file(names)
    if subject == "privilege":
        return _privilege(names, session)
    return _disk(Path(item["folder"]) if item["folder"] else base) if subject == "disk" else _kernel(item["least"])


def _user() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def _command(names: Sequence[str]) -> Answer:
    for name in names:
        found = shutil.which(name, path=PATH)
        if found is not None:
            return {"state": "met", "detail": found}
    return {"state": "missing", "detail": ""}


def _module(names: Sequence[str], option: str) -> Answer:
    """Loaded or built in, else whether the kernel could load it. `unseen`: its list of modules is not to be had here,
    as in a container.
    """
    folder = Path("/lib/modules", os.uname().release)
    lists = {name: _list(folder / name) for name in ("modules.builtin", "modules.dep")}
    for name in names:
        if os.path.isdir(f"/sys/module/{name.replace('-', '_')}"):
            return {"state": "met", "detail": "loaded"}
        if _is_listed(name, lists["modules.builtin"]):
            return {"state": "met", "detail": "built in"}
    for name in names:
        if _is_listed(name, lists["modules.dep"]):
            return {"state": "loadable", "detail": "not loaded"}
    built = _option(option)
    if built == "y":
        return {"state": "met", "detail": "built in"}
    if built is None and not any(lists.values()):
        return {"state": "unseen", "detail": f"not loaded, and {folder} is not there"}
    return {"state": "missing", "detail": f"not among the modules of {os.uname().release}"[:200]}


def _option(name: str) -> Optional[str]:
    """How the kernel was built as to an option: y, m, or empty for not at all; None where nobody can say."""
    for path, unpack in (("/proc/config.gz", gzip.open), (f"/boot/config-{os.uname().release}", open)):
        try:
            with unpack(path, "rb") as file:
                text = file.read(_LISTS).decode("utf-8", "replace")
        except (OSError, EOFError):
            continue
        found = [line.partition("=")[2] for line in text.splitlines() if line.startswith(f"{name}=")]
        return found[0] if found else ""
    return None


def _list(path: Path) -> List[str]:
    try:
        with open(path, "rb") as file:
            return file.read(_LISTS).decode("utf-8", "replace").splitlines()
    except OSError:
        return []


def _is_listed(name: str, lines: Sequence[str]) -> bool:
    """Files spell a module with dashes or underscores, as they like."""
    wanted = name.replace("-", "_")
    for line in lines:
        stem = line.partition(":")[0].rpartition("/")[2].partition(".ko")[0]
        if stem.replace("-", "_") == wanted:
            return True
    return False


def _tried(item: Mapping[str, Any], base: Optional[Path]) -> List[str]:
    """What came of it whenever its provider tried it, since the host booted."""
    place = item["folder"] or (str(base / "work" / str(item["provider"])) if base is not None else "")
    boot = surroundings.text("/proc/sys/kernel/random/boot_id").strip()
    try:
        known = json.loads(surroundings.text(os.path.join(place, str(item["verdict"]["file"]))) or "{}")
    except ValueError:
        return []
    return [str(known[key]) for key in sorted(known) if key.startswith(boot)] if isinstance(known, dict) else []


def _device(names: Sequence[str], tried: Sequence[str], works: str) -> Answer:
    """There, open to us, and not found wanting. One that opens and was never tried may still not work."""
    for name in names:
        try:
            found = os.stat(name)
        except OSError:
            continue
        if os.access(name, os.R_OK | os.W_OK, effective_ids=os.access in os.supports_effective_ids):
            if tried and works not in tried:
                return {"state": "idle", "detail": name}
            return {"state": "met", "detail": f"{name}, tried" if tried else name}
        mode = stat.S_IMODE(found.st_mode)
        group = _group(found.st_gid) if mode & 0o060 == 0o060 else ""
        return {"state": "refused", "detail": f"{name} has mode {mode:04o}", "group": group}
    return {"state": "missing", "detail": ""}


def _file(names: Sequence[str]) -> Answer:
    found = next((name for name in names if os.path.exists(name)), "")
    return {"state": "met" if found else "missing", "detail": found}


def _group(number: int) -> str:
    """Its name; empty for root's, into which nobody is to be put."""
    try:
        return grp.getgrgid(number).gr_name if number else ""
    except KeyError:
        return ""


def _privilege(names: Sequence[str], session: Session) -> Answer:
    if "root" in names and os.geteuid() == 0:
        return {"state": "met", "detail": "root"}
    if "user_namespaces" not in names:
        return {"state": "refused", "detail": ""}
    if shutil.which("unshare", path=PATH) is None:
        return {"state": "unseen", "detail": "there is no unshare to try it with"}
    try:
        done = session.probe(["unshare", "--user", "--map-root-user", "true"], timeout=10)
    except ProviderError as error:
        return {"state": "unseen", "detail": str(error)[:200]}
    if done.code == 0:
        return {"state": "met", "detail": "user namespaces"}
    return {"state": "refused", "detail": _closed_by()}


def _closed_by() -> str:
    """The setting that keeps ordinary users from namespaces, as far as it is known."""
    for name, closed in (
        ("kernel.unprivileged_userns_clone", "0"),
        ("user.max_user_namespaces", "0"),
        ("kernel.apparmor_restrict_unprivileged_userns", "1"),
    ):
        if surroundings.text(f"/proc/sys/{name.replace('.', '/')}").strip() == closed:
            return name
    return ""


def _disk(place: Optional[Path]) -> Answer:
    """Where the folder will be: the nearest one above it that is there."""
    if place is None:
        return {"state": "unseen", "detail": "there is no folder of ours"}
    for folder in (place, *place.parents):
        try:
            found = os.statvfs(folder)
        except OSError:
            continue
        return {"state": "met", "detail": str(folder)[:200], "free": found.f_bavail * found.f_frsize}
    return {"state": "unseen", "detail": str(place)[:200]}


def _kernel(least: str) -> Answer:
    release = os.uname().release
    found, wanted = _numbers(release), _numbers(least)
    return {"state": "met" if found >= wanted else "missing", "detail": release[:100]}


def _numbers(version: str) -> List[int]:
    parts: List[int] = []
    for part in version.partition("-")[0].split("."):
        if not part.isdigit():
            break
        parts.append(int(part))
    return parts
