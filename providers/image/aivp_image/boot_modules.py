"""Names of kernel modules + what a kernel says of its modules → which files an initramfs loads, in order.

Pure: takes the texts of modules.dep, modules.builtin and modules.softdep. A module that the kernel does not have is an
error here, not a guest that finds no disk.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, FrozenSet, Iterable, List, Mapping, Sequence, Set, Tuple

from aivp_sdk import Permanent

VIRTIO = ("virtio_pci", "virtio_blk", "virtio_net", "virtio_console", "virtio_rng")
"""What a guest of QEMU needs: its disk, its links, the port of the guest helper, and randomness."""
ROOT = ("ext4",)


@dataclass(frozen=True)
class Tables:
    """What a kernel says of its modules: name → path; name → names that go before; names that are built in."""

    paths: Mapping[str, str]
    before: Mapping[str, Tuple[str, ...]]
    builtin: FrozenSet[str]


def read_tables(dep: str, builtin: str, softdep: str = "") -> Tables:
    """The texts of modules.dep, modules.builtin and modules.softdep as tables."""
    paths: Dict[str, str] = {}
    before: Dict[str, Tuple[str, ...]] = {}
    for line in dep.splitlines():
        path, _, rest = line.partition(":")
        paths[_name(path)] = path
        # modules.dep names the nearest first; each is loaded after those behind it.
        before[_name(path)] = tuple(_name(other) for other in reversed(rest.split()))
    for line in softdep.splitlines():
        words = line.split()
        if words[:1] == ["softdep"] and "pre:" in words:
            first = words[words.index("pre:") + 1 :]
            soft = first[: first.index("post:")] if "post:" in first else first
            name = _name(words[1])
            before[name] = (*(_name(other) for other in soft if _name(other) in paths), *before.get(name, ()))
    return Tables(paths, before, frozenset(_name(line) for line in builtin.split()))


def files(wanted: Iterable[str], tables: Tables, *, optional: Sequence[str] = (), version: str = "") -> List[str]:
    """Paths of the files to load, each after what it needs. Raises Permanent for a module that is not there.

    optional: of these, what the kernel does not have is left out.
    """
    found: List[str] = []
    missing: List[str] = []
    seen: Set[str] = set()

    def take(name: str) -> None:
        if name in seen or name in tables.builtin:
            return
        seen.add(name)
        for other in tables.before.get(name, ()):
            take(other)
        found.append(tables.paths[name])

    for name in map(_name, wanted):
        if name in tables.paths or name in tables.builtin:
            take(name)
        elif name not in map(_name, optional):
            missing.append(name)
    if missing:
        raise Permanent(
            f"the kernel {version} has no module {', '.join(sorted(missing))}",
            path="/modules",
            mend="Take a kernel that has it (`debian.kernel`), or leave the name out of `modules`.",
        )
    return found


def _name(path: str) -> str:
    """`kernel/drivers/virtio/virtio-rng.ko.xz` → `virtio_rng`."""
    return path.rsplit("/", 1)[-1].split(".ko", maxsplit=1)[0].replace("-", "_")
