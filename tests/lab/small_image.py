"""The smallest guest that really boots: Debian's cloud kernel and a busybox initramfs, as the folder of an image.

Two seconds under TCG. It says GUEST-IS-UP on the console, gives a shell there, answers the power button, and configures
its first card by DHCP. It has no python3, so no guest helper. Cached by content, so built once on a machine.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.lab.cache import cached, content_key
from tests.lab.errors import LabError
from tests.lab.places import Places

MARKER = "GUEST-IS-UP"
_KERNEL = "linux-image-cloud-amd64"
_MODULES = (
    "virtio_ring virtio virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci virtio_blk failover net_failover"
    " virtio_net virtio_console virtio-rng button evdev cdrom isofs"
).split()
_INIT = f"""#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
for module in $(cat /modules/order); do insmod /modules/$module.ko 2>/dev/null; done
mkdir -p /dev/virtio-ports
for port in /sys/class/virtio-ports/*; do
    [ -e "$port/name" ] && ln -s ../${{port##*/}} "/dev/virtio-ports/$(cat $port/name)"
done
ip link set lo up
for card in /sys/class/net/eth*; do
    [ -e "$card" ] && ip link set ${{card##*/}} up
done
[ -e /sys/class/net/eth0 ] && udhcpc -i eth0 -s /udhcpc -q -n -t 3 -T 1 >/dev/null 2>&1 &
(sleep 0.2; exec acpid -f -d) >/dev/null 2>&1 &
echo {MARKER} $(nproc) $(grep MemTotal /proc/meminfo)
export PS1='guest# '
while true; do setsid cttyhack sh -i; done
"""
_DHCP = """#!/bin/sh
[ "$1" = bound ] && ip addr add "$ip/$mask" dev "$interface" && ip route add default via "$router"
"""
_POWER = "#!/bin/sh\nsync; poweroff -f\n"


def small_image(places: Places) -> Path:
    """The folder of the image, with `image.json`; LabError where its packages cannot be had."""
    key = content_key([_INIT, _DHCP, _POWER, _MODULES, 5])
    return cached(places.cache / "machines" / f"small-{key}", _build)


def _build(draft: Path) -> None:
    packages = draft / "packages"
    packages.mkdir()
    for name in (_depended(_KERNEL), "busybox-static"):
        _run(["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", name], packages)
    for package in sorted(packages.glob("*.deb")):
        _run(["dpkg-deb", "-x", str(package), "tree"], packages)
    tree = packages / "tree"
    (kernel,) = (tree / "boot").glob("vmlinuz-*")
    shutil.copy(kernel, draft / "vmlinuz")
    (draft / "initrd").write_bytes(gzip.compress(archive(_content(tree)), 6, mtime=0))
    shutil.rmtree(packages)
    (draft / "image.json").write_text(json.dumps(_description(draft), indent=1))


def _content(tree: Path) -> Mapping[str, bytes | None]:
    """Path → content of the initramfs; None is a folder."""
    (modules,) = (tree / "lib/modules").iterdir()
    found: dict[str, bytes | None] = dict.fromkeys("bin dev etc etc/acpi etc/acpi/PWRF modules proc sys tmp".split())
    order = []
    for name in _MODULES:
        for file in sorted(modules.rglob(f"{name}.ko")):
            found[f"modules/{name}.ko"] = file.read_bytes()
            order.append(name)
    found["modules/order"] = "\n".join(order).encode()
    found["bin/busybox"] = (tree / "bin/busybox").read_bytes()
    found["etc/acpi/PWRF/00000080"] = _POWER.encode()
    found["init"], found["udhcpc"] = _INIT.encode(), _DHCP.encode()
    return found


def archive(content: Mapping[str, bytes | None]) -> bytes:
    """Files and folders as a cpio archive of the newc form, all of them executable and root's."""
    return b"".join(_records({**content, "TRAILER!!!": b""}))


def _records(content: Mapping[str, bytes | None]) -> Iterator[bytes]:
    for number, (name, data) in enumerate(content.items(), 1):
        mode = 0o40755 if data is None else 0o100755
        data = data or b""
        fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
        head = b"070701" + b"".join(b"%08x" % field for field in fields) + name.encode() + b"\0"
        yield head + b"\0" * (-len(head) % 4) + data + b"\0" * (-len(data) % 4)


def _description(draft: Path) -> dict[str, object]:
    files = {"kernel": "vmlinuz", "initrd": "initrd"}
    sums = {part: hashlib.sha256((draft / name).read_bytes()).hexdigest() for part, name in files.items()}
    return {
        "version": 1,
        "digest": "sha256:" + hashlib.sha256(json.dumps(sums, sort_keys=True).encode()).hexdigest(),
        "architecture": "x86_64",
        "disk": None,
        **{part: {"file": name, "sha256": sums[part]} for part, name in files.items()},
        "cmdline": "console=ttyS0 quiet panic=5 random.trust_cpu=on",
        "firmware": False,
        "helper": False,
        "cloud_init": False,
    }


def _depended(package: str) -> str:
    """The package with the kernel itself, which the one of this name stands for."""
    ask = ["apt-cache", "depends", "--important", package]
    try:
        said = _run(ask, Path("/"))
    except LabError:  # no lists, or somebody is fetching them at this moment
        _run(["apt-get", "update", "-q"], Path("/"))
        said = _run(ask, Path("/"))
    names = [line.split()[-1] for line in said.splitlines() if "Depends: linux-image" in line]
    if not names:
        raise LabError(f"apt knows no {package}: apt-get update?")
    return names[0]


def _run(argv: list[str], folder: Path) -> str:
    done = subprocess.run(argv, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise LabError(f"{' '.join(argv)} failed: {done.stderr.strip()[-500:]}")
    return done.stdout
