"""Drivers: programs that run virtual machines. A driver is a pure function from a `Machine` to a command.

Another one than QEMU is a module beside `qemu` with the same `command`; what only one can do stands in its `abilities`.
"""

from __future__ import annotations

from typing import FrozenSet, Protocol, Tuple

from aivp_vm.machine.spec import Machine


class Driver(Protocol):
    """What a module of this package offers."""

    abilities: FrozenSet[str]
    """What can be changed while it runs: `forwards`, `disks`."""

    def command(self, machine: Machine) -> Tuple[str, ...]:
        """The program and its arguments, run within the folder of the VM. Follows from `machine` alone."""
