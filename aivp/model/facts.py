"""The facts of a host that declarations may refer to as `host.facts.…`. Nothing unique to a machine is among them.

The runner gathers exactly these (`aivp_runner.facts`); a name that is missing here is an error at compile, before any
host is asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class KnownFact:
    """One fact: its type in JSON Schema's words and what it says."""

    type: Literal["string", "integer", "boolean"]
    description: str


FACTS: Mapping[str, KnownFact] = {
    "arch": KnownFact("string", "machine architecture as uname says it, such as x86_64 or aarch64"),
    "container": KnownFact("string", "docker, podman, lxc, systemd-nspawn, …; empty outside of a container"),
    "cpus": KnownFact("integer", "number of processors"),
    "fqdn": KnownFact("string", "the host's name with its domain, where it or /etc/hosts has one; else hostname"),
    "hostname": KnownFact("string", "the host's own name"),
    "init": KnownFact("string", "systemd, init-scripts where it does not run, or other"),
    "kernel": KnownFact("string", "release of the kernel, such as 6.1.0-18-amd64"),
    "memory": KnownFact("integer", "bytes of main memory; 0 where nobody can say"),
    "memory_mib": KnownFact("integer", "the same in MiB, rounded down"),
    "network.interface": KnownFact("string", "interface of the default route, such as eth0; empty where there is none"),
    "network.ipv4": KnownFact("string", "IPv4 address of that interface; empty where there is none"),
    "os.codename": KnownFact("string", "VERSION_CODENAME of os-release, such as bookworm; empty where there is none"),
    "os.family": KnownFact("string", "first word of ID_LIKE of os-release, such as debian; its ID where there is none"),
    "os.id": KnownFact("string", "ID of os-release, such as debian or ubuntu"),
    "os.name": KnownFact("string", "PRETTY_NAME of os-release, such as Debian GNU/Linux 12 (bookworm)"),
    "os.version_id": KnownFact("string", "VERSION_ID of os-release, such as 12; empty where there is none"),
    "package_manager": KnownFact("string", "apt, dnf, apk or brew; empty where none of them is there"),
    "python": KnownFact("string", "version of the python3 that runs the runner, such as 3.11.2"),
    "timezone": KnownFact("string", "name of the time zone, such as Europe/Berlin; UTC where the host names none"),
    "user.id": KnownFact("integer", "number of the user whom the runner works as"),
    "user.is_root": KnownFact("boolean", "true where the runner works as root"),
    "virtualization": KnownFact("string", "kvm, qemu, vmware, hyperv, xen, …; unknown for others; empty on bare metal"),
}
"""Dotted path → fact."""

ELSEWHERE: Mapping[str, str] = {
    "architecture": "arch",
    "codename": "os.codename",
    "default_ipv4": "network.ipv4",
    "default_ipv4.address": "network.ipv4",
    "distribution": "os.id",
    "distribution_major_version": "os.version_id",
    "distribution_release": "os.codename",
    "distribution_version": "os.version_id",
    "family": "os.family",
    "ip": "network.ipv4",
    "ipaddress": "network.ipv4",
    "is_root": "user.is_root",
    "kernelrelease": "kernel",
    "memory.system.total_bytes": "memory",
    "memsize_mb": "memory_mib",
    "memtotal_mb": "memory_mib",
    "networking.fqdn": "fqdn",
    "networking.hostname": "hostname",
    "networking.ip": "network.ipv4",
    "networking.primary": "network.interface",
    "nodename": "hostname",
    "operatingsystem": "os.id",
    "os.architecture": "arch",
    "os.distro.codename": "os.codename",
    "os.distro.id": "os.id",
    "os.release.full": "os.version_id",
    "os.release.major": "os.version_id",
    "os.version": "os.version_id",
    "os_family": "os.family",
    "osfamily": "os.family",
    "pkg_mgr": "package_manager",
    "processor_count": "cpus",
    "processor_vcpus": "cpus",
    "processorcount": "cpus",
    "processors.count": "cpus",
    "python_version": "python",
    "service_mgr": "init",
    "user_uid": "user.id",
    "virtual": "virtualization",
    "virtualization_type": "virtualization",
}
"""What Ansible (without `ansible_`) and Puppet call a fact → what it is called here; for people who bring the name."""
