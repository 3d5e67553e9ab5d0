"""Where a command's main product goes: a file written whole, or standard output."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING

import click

from aivp.diagnostics.diagnostic import refusal

if TYPE_CHECKING:
    from aivp.blobs.bundle import Bundle
    from aivp.cli.settings import Settings


def write_bytes(data: bytes, output: str | None, mode: int = 0o644) -> None:
    """To `output`, or to standard output with a newline behind. A file appears whole or not at all.

    What is there and is no regular file (a device, a pipe) is written to, never replaced; a link is followed.
    """
    if output is None:
        sys.stdout.buffer.write(data if data.endswith(b"\n") else data + b"\n")
        sys.stdout.flush()
        return
    with fresh_file(output, mode) as file:
        file.write(data)


@contextlib.contextmanager
def fresh_file(output: str, mode: int = 0o644) -> Iterator[IO[bytes]]:
    """A file to write to that takes the place of `output` when all is written; what fails before leaves nothing."""
    import tempfile
    from pathlib import Path

    target = Path(os.path.realpath(output))
    try:
        if target.exists() and not target.is_file():
            with target.open("wb") as file:
                yield file
            return
        with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as fresh:
            try:
                yield fresh.file
                fresh.flush()
                os.fsync(fresh.fileno())
                os.chmod(fresh.name, mode)
                os.replace(fresh.name, target)
            except BaseException:
                os.unlink(fresh.name)
                raise
    except OSError as error:
        raise refusal("AIVP0902", f"{output} cannot be written: {error.strerror}.") from None


def write_artifact(name: str, data: bytes, settings: Settings, output: str | None) -> None:
    """What a command is there to make. With --json a line says where it is; without a file, it stands in that line."""
    if output is not None or not settings.is_json:
        write_bytes(data, output)
    if settings.is_json:
        from aivp.views.json_lines import artifact_line

        click.echo(artifact_line(name, data, output))


@contextlib.contextmanager
def whoever_listens() -> Iterator[None]:
    """For what is said during a run: standard output that is gone or full silences the run, and does not stop it."""
    try:
        yield
    except OSError as error:
        silence()
        if error.errno != errno.EPIPE:
            click.echo(f"Nothing more is shown: {error.strerror}. The run goes on.", err=True)


def silence() -> None:
    """Whatever is still to be written to standard output is lost; else the last flush of Python fails once more."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)


def write_new(data: bytes, output: str) -> bool:
    """To a file that is not there yet; False, and nothing written, where there is one."""
    try:
        descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    except FileExistsError:
        return False
    except OSError as error:
        raise refusal("AIVP0902", f"{output} cannot be written: {error.strerror}.") from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    return True


def read_plan_file(path: str) -> tuple[bytes, Bundle | None]:
    """The bytes of a plan: of that file, or of the one in the bundle that it is. Raises Refused."""
    from pathlib import Path

    from aivp.blobs import bundle

    if not bundle.is_bundle(Path(path)):
        return read_bytes(path), None
    found = bundle.read(Path(path))
    return found.plan, found


def read_bytes(path: str, most: int = 512 * 1024 * 1024) -> bytes:
    """A file that a person named. Raises Refused where it cannot be read or is larger than `most` bytes."""
    try:
        with open(path, "rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        raise refusal("AIVP0903", f"{path} cannot be read: {error.strerror}.") from None
    if len(data) > most:
        raise refusal("AIVP0903", f"{path} is larger than {most} bytes.")
    return data
