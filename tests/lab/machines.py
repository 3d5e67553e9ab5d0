"""Real guests for tests: a lab root as a disk, Debian's cloud kernel, and QEMU without any hardware help.

    reason = machines_available()                 # None, or why a test is skipped
    with machine(files, "/sbin/init") as guest:
        ...                                        # guest.port is the socket of its virtio-serial port

Disk and kernel are cached by content and never written to: a guest writes to an overlay in its own folder. What a test
adds travels in the initramfs, which is made in a blink and copies it into the root before that starts.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.lab.availability import available
from tests.lab.cache import cached, content_key
from tests.lab.errors import LabError
from tests.lab.places import Places, places
from tests.lab.recipe import DEFAULT_SUITE, recipe
from tests.lab.roots import architecture, root

PORT = "org.aivp.guest.0"

# In the order in which they need each other; ext4 is built in.
_MODULES = (
    *("virtio_ring", "virtio", "virtio_pci_legacy_dev", "virtio_pci_modern_dev", "virtio_pci", "virtio_blk"),
    *("failover", "net_failover", "virtio_net", "virtio_console", "virtio-rng"),
)
_META = "linux-image-cloud-{architecture}"
_COMMANDS = {
    "apt-get": "apt",
    "dpkg-deb": "dpkg",
    "mke2fs": "e2fsprogs",
    "qemu-img": "qemu-utils",
    "qemu-system-x86_64": "qemu-system-x86",
}
_INIT = """\
#!/bin/busybox sh
set -e
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t devtmpfs dev /dev
for module in {modules}; do /bin/busybox insmod /modules/$module.ko; done
/bin/busybox mount -t ext4 -o rw /dev/vda /root
/bin/busybox cp -a /files/. /root/
/bin/busybox umount /proc
exec /bin/busybox switch_root /root {init}
"""
_CMDLINE = (
    *("console=ttyS0", "panic=-1", "quiet", "rdinit=/init", "net.ifnames=0"),
    *("systemd.mask=serial-getty@ttyS0.service", "systemd.show_status=0"),
)

Content = tuple[str, int, bytes]
"""Absolute path, permissions and content; permissions 0: the content is where a link leads."""


@dataclass(frozen=True, slots=True)
class Machine:
    """A guest that runs, in a folder of its own."""

    folder: Path
    process: subprocess.Popen[bytes]

    @property
    def port(self) -> Path:
        """The socket of its virtio-serial port."""
        return self.folder / "port"

    @property
    def console(self) -> str:
        """What it said on its serial console."""
        return (self.folder / "console").read_text(encoding="utf-8", errors="replace")


def machines_available() -> str | None:
    """None if a real guest can be started here, else the reason in one sentence without a full stop."""
    for command, package in _COMMANDS.items():
        if shutil.which(command) is None:
            return f"{command} is missing (Debian package {package})"
    if architecture() != "amd64":
        return f"guests of tests are amd64, and this is {architecture()}"
    return available(DEFAULT_SUITE)


@contextmanager
def machine(files: Iterable[Content], init: str = "/sbin/init", options: Sequence[str] = ()) -> Iterator[Machine]:
    """Start a guest with these files in its root, and end it. options: further ones of QEMU. Raises LabError."""
    where = places(os.environ)
    kernel, disk = _kernel(where), _disk(where, os.environ)
    with tempfile.TemporaryDirectory(prefix="aivp-machine-") as name:
        folder = Path(name)
        (folder / "initrd").write_bytes(_initramfs(kernel, tuple(files), init))
        overlay = ["qemu-img", "create", "-q", "-f", "qcow2", "-b", str(disk / "disk"), "-F", "raw", "overlay"]
        subprocess.run(overlay, cwd=folder, check=True)
        with (folder / "qemu.log").open("wb") as log:
            argv = _qemu(kernel / "vmlinuz", options)
            process = subprocess.Popen(argv, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            yield Machine(folder, process)
        finally:
            process.kill()
            process.wait()


def _qemu(kernel: Path, options: Sequence[str]) -> list[str]:
    return [
        *("setpriv", "--pdeathsig", "KILL", "--", "nice", "-n", "5"),
        *("qemu-system-x86_64", "-machine", "pc,accel=tcg", "-m", "384", "-smp", "1", "-no-reboot"),
        *("-nodefaults", "-display", "none", "-serial", "file:console"),
        *("-kernel", str(kernel), "-initrd", "initrd", "-append", " ".join(_CMDLINE)),
        *("-drive", "file=overlay,if=virtio,format=qcow2,cache=unsafe"),
        *("-device", "virtio-rng-pci", "-device", "virtio-serial-pci"),
        *("-chardev", "socket,id=guest,path=port,server=on,wait=off"),
        *("-device", f"virtserialport,chardev=guest,name={PORT}"),
        *options,
    ]


def _disk(where: Places, environ: Mapping[str, str]) -> Path:
    """The folder with the root of the default suite as an ext4 `disk`."""
    wanted = recipe(DEFAULT_SUITE, architecture())

    def make(draft: Path) -> None:
        tree = root(where, wanted, environ).tree
        used = int(subprocess.run(["du", "-sm", str(tree)], capture_output=True, check=True).stdout.split()[0])
        disk = draft / "disk"
        disk.touch()
        os.truncate(disk, (used * 5 // 4 + 512) << 20)
        _run(["mke2fs", "-q", "-t", "ext4", "-E", "lazy_itable_init=1", "-d", str(tree), str(disk)])

    return cached(where.cache / "machines" / f"disk-{wanted.name}-1", make)


def _kernel(where: Places) -> Path:
    """The folder with `vmlinuz`, `modules` and a `busybox`, from the packages that this machine's apt knows now."""
    meta = _META.format(architecture=architecture())

    def make(draft: Path) -> None:
        shown = subprocess.run(["apt-cache", "depends", meta], capture_output=True, text=True, check=False).stdout
        names = [line.split()[1] for line in shown.splitlines() if line.split()[:1] == ["Depends:"]]
        if not names:
            raise LabError(f"apt knows no {meta}: no kernel for guests.")
        with tempfile.TemporaryDirectory() as name:
            _run(["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", names[0], "busybox-static"], name)
            for package in sorted(Path(name).glob("*.deb")):
                _run(["dpkg-deb", "-x", str(package), name])
            shutil.copy(next(Path(name).glob("boot/vmlinuz-*")), draft / "vmlinuz")
            shutil.copy(Path(name) / "bin/busybox", draft / "busybox")
            (draft / "modules").mkdir()
            for module in _MODULES:
                shutil.copy(next(Path(name).glob(f"lib/modules/*/kernel/**/{module}.ko")), draft / "modules")

    return cached(where.cache / "machines" / f"kernel-{meta}-{content_key([1, *_MODULES])}", make)


def _run(argv: Sequence[str], folder: str | None = None) -> None:
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise LabError(f"{argv[0]} failed.\n{done.stdout[-1000:]}{done.stderr[-1000:]}")


def _initramfs(kernel: Path, files: Sequence[Content], init: str) -> bytes:
    script = _INIT.format(modules=" ".join(_MODULES), init=init)
    entries: list[Content] = [
        ("/bin/busybox", 0o755, (kernel / "busybox").read_bytes()),
        ("/init", 0o755, script.encode()),
        *((f"/modules/{module}.ko", 0o644, (kernel / "modules" / f"{module}.ko").read_bytes()) for module in _MODULES),
        *((f"/files{path}", mode, content) for path, mode, content in files),
    ]
    folders = {str(parent) for path, _, _ in entries for parent in Path(path).parents} | {"/proc", "/dev", "/root"}
    made = [_entry(path[1:], stat.S_IFDIR | 0o755, b"") for path in sorted(folders - {"/"})]
    for path, mode, content in entries:
        made.append(_entry(path[1:], (stat.S_IFREG | mode) if mode else (stat.S_IFLNK | 0o777), content))
    return b"".join([*made, _entry("TRAILER!!!", 0, b"")])


def _entry(name: str, mode: int, content: bytes) -> bytes:
    """One entry of a cpio archive, format newc; everything is root's and from 1970."""
    label = name.encode() + b"\0"
    fields = (0, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(label), 0)
    header = b"070701" + b"".join(b"%08X" % field for field in fields) + label
    return header + bytes(-len(header) % 4) + content + bytes(-len(content) % 4)
