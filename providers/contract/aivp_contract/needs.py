"""What a kind asks of a host beyond python3, as its manifest says it: programs, modules, devices, rights, room.

Data only: the runner looks for it (`aivp_runner.needs`), and whoever plans makes a command of what is missing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Mapping, Tuple

from .values import Json

SUBJECTS: Tuple[str, ...] = ("command", "module", "device", "file", "privilege", "disk", "kernel")
"""What a need is about; each has exactly one."""

PRIVILEGES = frozenset({"root", "user_namespaces"})

MANAGERS: Tuple[str, ...] = ("apt", "dnf", "apk", "brew")
"""Package managers that a need may name packages of."""

_WORDS = frozenset({"package", "when", "set", "as", "optional", "why", "mend", "field", "within", "config", "verdict"})


@dataclass(frozen=True)
class Need:
    """One need. subject: of SUBJECTS; names: any one of these will do; for `disk` and `kernel` see `least`."""

    subject: str
    names: Tuple[str, ...] = ()
    least: str = ""
    """Bytes that must be free, or the oldest version of the kernel."""
    package: Mapping[str, str] = field(default_factory=dict)
    """Package manager → what brings it."""
    when: Mapping[str, Tuple[Json, ...]] = field(default_factory=dict)
    """Only for resources whose fields have one of these values."""
    set: Tuple[str, ...] = ()
    """Only for resources that set one of these fields to something else than its default."""
    as_: str = ""
    """Only where aivp works as `root`, or as another `user`."""
    optional: bool = False
    """Without it the kind works all the same, but less well."""
    why: str = ""
    mend: str = ""
    """The command that mends it, where that is neither a package nor a module nor a group."""
    config: str = ""
    """Of `module`: the option of the kernel that builds it in, for hosts whose list of modules cannot be read."""
    verdict: Mapping[str, str] = field(default_factory=dict)
    """Of `device`: `file`, a JSON object in the folder of its provider: keys begin with the id of a boot of the host,
    its values what came of it when it was tried; `works`, the word for that it did.
    """
    field: str = ""
    """Of `disk`: a quantity of each resource that is yet to come, which is needed beside."""
    within: str = ""
    """Of `disk` and `verdict`: the provider's setting that names the folder; else it is the one of the runner."""


def read_need(raw: Json) -> Need:
    """A need from its JSON. Raises ValueError, whose text says what is wrong with it."""
    if not isinstance(raw, dict):
        raise ValueError("is not an object")
    subjects = [name for name in SUBJECTS if name in raw]
    if len(subjects) != 1:
        raise ValueError(f"has one of {', '.join(SUBJECTS)}, and only one")
    (subject,) = subjects
    unknown = set(raw) - _WORDS - {subject}
    if unknown:
        raise ValueError(f"has unknown words {', '.join(sorted(unknown))}")
    if not raw.get("why"):
        raise ValueError("does not say why")
    if raw.get("as", "root") not in ("root", "user"):
        raise ValueError("says `as` something else than root or user")
    names, least = _subject(subject, raw[subject])
    package = raw.get("package", {})
    return Need(
        subject=subject,
        names=names,
        least=least,
        package=dict.fromkeys(MANAGERS, package) if isinstance(package, str) else dict(package),
        when={key: tuple(value) for key, value in raw.get("when", {}).items()},
        set=tuple(raw.get("set", ())),
        as_=raw.get("as", ""),
        optional=raw.get("optional", False),
        why=raw["why"],
        mend=raw.get("mend", ""),
        config=raw.get("config", ""),
        verdict=_verdict(raw.get("verdict", {})),
        field=raw.get("field", ""),
        within=raw.get("within", ""),
    )


def _verdict(raw: Json) -> Mapping[str, str]:
    if raw and (set(raw) != {"file", "works"} or "/" in raw["file"]):
        raise ValueError("has a verdict that is not {file: NAME, works: WORD}")
    return dict(raw)


def _subject(subject: str, value: Json) -> Tuple[Tuple[str, ...], str]:
    """The names, and what is the least."""
    if subject == "disk":
        if type(value) is not int or value < 0:
            raise ValueError("says disk as something else than a number of bytes")
        return (), str(value)
    if subject == "kernel":
        if not isinstance(value, str) or not all(part.isdigit() for part in value.split(".")):
            raise ValueError("says kernel as something else than a version such as 5.4")
        return (), value
    names = tuple(value) if isinstance(value, list) else (value,)
    if not names or not all(isinstance(name, str) and name for name in names):
        raise ValueError(f"says {subject} as something else than a name, or a list of them")
    if subject == "privilege" and not PRIVILEGES.issuperset(names):
        raise ValueError(f"names a privilege other than {', '.join(sorted(PRIVILEGES))}")
    if subject == "file" and not all(name.startswith("/") for name in names):
        raise ValueError("names a file that is not an absolute path")
    if subject == "device" and not all(name.startswith("/dev/") for name in names):
        raise ValueError("names a device outside of /dev")
    return names, ""
