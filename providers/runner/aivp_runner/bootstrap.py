"""Starts the runner on a host that has nothing of ours. The controller sends this text, then a NUL, to a python3 that
was told to run it.

One line `{"archive": sha256, "marker": text, "is_far": bool}` comes in behind it. `MARKER need`, on a line of its own,
asks for the bytes: their number on a line, then as many, packed with zlib. `MARKER have` says that the cached ones
(checked against the digest from an open descriptor) will be run. Then the runner takes over.
"""

# ruff: noqa: FA100  (a future import would keep older Pythons from saying that they are too old)
import sys

if sys.version_info < (3, 9):  # noqa: UP036  (older ones get this far, and should say so)
    sys.stdout.write('{"error": "python", "found": "%d.%d"}\n' % sys.version_info[:2])  # noqa: UP031
    sys.exit(1)

import hashlib
import importlib.util
import json
import marshal
import os
import stat
import zlib
from typing import Any, Callable, Dict, List, Optional, Tuple

ARCHIVES_KEPT = 4


def ask_inspect(name: str) -> Any:
    """An attribute of the real module. A third of importing dataclasses is `inspect`, which they ask only about classes
    without a docstring: it is imported then.
    """
    if sys.modules.get("inspect") is late:
        del sys.modules["inspect"]
    return getattr(importlib.import_module("inspect"), name)


sys.modules["inspect"] = late = type(sys)("inspect")
late.__getattr__ = ask_inspect  # type: ignore[method-assign]
import dataclasses  # noqa: E402

if sys.modules["inspect"] is late:
    del sys.modules["inspect"]


def state_folder() -> Optional[str]:
    """Where runner, journal and registry live: 0700, of the effective user. None where there is no such place."""
    if os.environ.get("AIVP_HOST_STATE", "").startswith("/"):
        base = os.environ["AIVP_HOST_STATE"]  # for trials beside the real one; the account's own choice
    elif os.geteuid() == 0:
        base = "/var/lib/aivp"
    else:
        home = os.environ.get("HOME", "")
        base = os.path.join(home, ".local/state/aivp") if home.startswith("/") else ""
    try:
        os.makedirs(os.path.join(base, "cache"), mode=0o700)
    except FileExistsError:
        pass
    except OSError:
        return None
    found = os.lstat(base)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        return None
    if found.st_mode & 0o077:
        os.chmod(base, 0o700)
    return base


def prune(folder: str, used: str) -> None:
    """Let go of what a killed writer left, and of all archives but the one in use and the newest few.

    Taking away what another session is about to write only costs it its cache.
    """
    archives: Dict[str, List[str]] = {}
    for name in os.listdir(folder):
        if name.startswith("."):
            os.unlink(os.path.join(folder, name))
        else:
            archives.setdefault(name.partition(".")[0], []).append(os.path.join(folder, name))
    archives.pop(used, None)
    ages = {digest: max(os.lstat(path).st_mtime for path in paths) for digest, paths in archives.items()}
    for digest in sorted(archives, key=ages.__getitem__, reverse=True)[ARCHIVES_KEPT - 1 :]:
        for path in archives[digest]:
            os.unlink(path)


def read_own(path: str) -> Optional[bytes]:
    """The bytes of a regular file that belongs to us alone, else None."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
            return None
        return file.read()


def write_own(path: str, data: bytes) -> None:
    """Write a file whole, 0600; a cache that cannot be written is no error."""
    folder, name = os.path.split(path)
    fresh = os.path.join(folder, f".{name}.{os.getpid()}")
    try:
        prune(folder, name.partition(".")[0])
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        os.rename(fresh, path)
    except OSError:
        pass


class Archive:
    """Imports the archive's modules from memory, from cached bytecode where there is some.

    Half of what importing took was the text of methods, which dataclasses compile in every process anew: its bytecode
    is kept beside that of the modules. Finder and loader at once; what they should inherit from is slow to import.
    """

    def __init__(self, data: bytes, bytecode_path: Optional[str]) -> None:
        self.modules = json.loads(data)["modules"]
        self.bytecode_path = bytecode_path
        cached = read_own(bytecode_path) if bytecode_path else None
        self.bytecode = unmarshalled(cached) if cached else {}
        self.compiled: Dict[str, bytes] = {}
        dataclasses.exec = self.run_text  # type: ignore[attr-defined]  # in place of the builtin, in that module only

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> Any:
        if fullname not in self.modules:
            return None
        is_package = fullname + ".__init__" in self.modules
        return importlib.util.spec_from_loader(fullname, self, is_package=is_package)  # type: ignore[arg-type]

    def create_module(self, spec: Any) -> None:
        """As any module is."""

    def exec_module(self, module: Any) -> None:
        exec(self.code(module.__name__), module.__dict__)  # noqa: S102  (the bytes whose digest was checked)

    def code(self, name: str) -> Any:
        return self.once(name, lambda: (self.modules[name], "<aivp>/" + name.replace(".", "/") + ".py"))

    def run_text(self, text: str, *places: Any) -> None:
        """What `exec` does."""
        exec(self.once(text, lambda: (text, "<string>")), *places)  # noqa: S102

    def once(self, key: str, source: Callable[[], Tuple[str, str]]) -> Any:
        """The code of a text, with the name of its file in tracebacks; compiled where it is not kept."""
        if key in self.bytecode:
            return marshal.loads(self.bytecode[key])  # noqa: S302
        code = compile(*source(), "exec", dont_inherit=True)
        self.compiled[key] = marshal.dumps(code)
        return code

    def keep_bytecode(self) -> None:
        """What had to be compiled is there for the next session."""
        if self.compiled and self.bytecode_path:
            body = marshal.dumps({**self.bytecode, **self.compiled})
            write_own(self.bytecode_path, head(body) + body)


def head(body: bytes) -> bytes:
    """Which Python runs this code, and that none of it was lost: a power cut, or an alpha of the same version."""
    return importlib.util.MAGIC_NUMBER + zlib.crc32(body).to_bytes(4, "little")


def unmarshalled(data: bytes) -> Dict[str, bytes]:
    """Cached bytecode by module; nothing where it is not what was written for this Python."""
    body = data[8:]
    return marshal.loads(body) if data[:8] == head(body) else {}  # noqa: S302  (a file of this account alone)


def read_line() -> bytes:
    """One line from the link, byte by byte: nothing behind it may get stuck in a buffer of ours."""
    line = b""
    while not line.endswith(b"\n") and len(line) < 4096:
        byte = os.read(0, 1)
        if not byte:
            sys.exit("the link ended before it began")
        line += byte
    return line


def read_exactly(size: int) -> bytes:
    """The next `size` bytes of the link."""
    chunks = []
    while size:
        chunk = os.read(0, min(size, 1 << 20))
        if not chunk:
            sys.exit("the link ended inside the runner's archive")
        chunks.append(chunk)
        size -= len(chunk)
    return b"".join(chunks)


def answer(text: str) -> None:
    """On a line of its own, whatever a login shell has printed before."""
    sys.stdout.write("\n" + text + "\n")
    sys.stdout.flush()


def receive(wanted: Dict[str, Any]) -> Tuple[bytes, Optional[str], Optional[str]]:
    """The archive's bytes: from the cache if they are the right ones, else from the controller."""
    base = state_folder()
    path = os.path.join(base, "cache", wanted["archive"]) if base else None
    data = read_own(path) if path else None
    if data is None or hashlib.sha256(data).hexdigest() != wanted["archive"]:
        answer(wanted["marker"] + " need")
        data = zlib.decompress(read_exactly(int(read_line())))
        if hashlib.sha256(data).hexdigest() != wanted["archive"]:
            sys.exit("the runner's archive arrived damaged")
        if path:
            write_own(path, data)
    else:
        answer(wanted["marker"] + " have")
    return data, base, f"{path}.{sys.implementation.cache_tag}" if path else None


header = json.loads(read_line())
archive_bytes, base_folder, bytecode_path = receive(header)
archive = Archive(archive_bytes, bytecode_path)
sys.meta_path.insert(0, archive)
import aivp_runner.main  # noqa: E402

code = aivp_runner.main.main(base_folder, header["is_far"])
archive.keep_bytecode()
sys.stdout.flush()
sys.stderr.flush()
os._exit(code)  # taking an interpreter apart takes as long as the engine waits for it
