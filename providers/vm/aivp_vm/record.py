"""`spec.json`: what was asked of one VM and what was made of it; the intent, written before anything is done.

Values of secrets are never in it, nor what is write-only.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Dict, Mapping, Optional, Tuple

from .machine import places
from .machine.spec import Machine
from .machine.spec import read as read_machine

VERSION = 1


@dataclass(frozen=True)
class Record:
    """One VM. declared: the fields as they were applied; machine: as the driver starts it, None until it is made.

    leases: what each network said of its card, in order of the cards' declarations; owners: folders of networks and of
    the image in which it is known. is_going: its end has begun. template: the folder of the one that it is a clone
    of, cold: why it had to boot nevertheless; both may be empty. inherited: fields that it has from there.
    """

    instance: str
    declared: Mapping[str, Any] = field(default_factory=dict)
    machine: Optional[Machine] = None
    image: str = ""
    networks: Tuple[str, ...] = ()
    addresses: Tuple[str, ...] = ()
    is_made: bool = False
    is_going: bool = False
    template: str = ""
    cold: str = ""
    inherited: Mapping[str, Any] = field(default_factory=dict)

    @property
    def address(self) -> Optional[str]:
        """The first IPv4 address."""
        return next((one for one in self.addresses if ":" not in one), None)

    @property
    def address6(self) -> Optional[str]:
        """The first IPv6 address."""
        return next((one for one in self.addresses if ":" in one), None)

    def write(self, folder: Path) -> None:
        """Durably: what follows relies on it."""
        form = {"version": VERSION, **asdict(self), "address": self.address}
        places.write_json(folder / places.SPEC, form, durable=True)

    def with_machine(self, machine: Machine) -> Record:
        """The same VM, to be started like that."""
        return replace(self, machine=machine)


def read(folder: Path) -> Optional[Record]:
    """The record of a folder; None where there is none."""
    form = places.read_json(folder / places.SPEC)
    if form is None or "instance" not in form:
        return None
    found: Dict[str, Any] = {name: form[name] for name in Record.__dataclass_fields__ if name in form}
    if found.get("machine") is not None:
        found["machine"] = read_machine(found["machine"])
    for name in ("networks", "addresses"):
        found[name] = tuple(found.get(name, ()))
    return Record(**found)
