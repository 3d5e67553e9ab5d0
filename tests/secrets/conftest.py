"""Secrets that would be recognised anywhere, and whatever leads to them from an exception."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from aivp.model.resource import SecretSource
from aivp.secrets import Vault

MakeVault = Callable[..., Vault]


def random_secret() -> str:
    """A value whose bytes stand nowhere by chance."""
    return "S3" + secrets.token_hex(16)


def source(name: str, source: str, spec: Any, version: str = "1") -> SecretSource:
    """One declared secret."""
    return SecretSource(name, version, source, spec)


def everything_about(error: BaseException) -> str:
    """All that a log, a traceback or a debugger could print of `error` and of what it came from."""
    seen: list[BaseException | None] = [error]
    texts = []
    while seen:
        if (item := seen.pop()) is None:
            continue
        texts += [str(item), repr(item), repr(vars(item)), repr(item.args)]
        seen += [item.__cause__, item.__context__]
    return "\n".join(texts)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project's directory."""
    path = tmp_path / "project"
    path.mkdir()
    return path


@pytest.fixture
def vault(tmp_path: Path, root: Path) -> MakeVault:
    """Makes a vault of these sources: `vault(source(...), environ={...})`."""

    def make(*sources: SecretSource, environ: Mapping[str, str] | None = None, **options: Any) -> Vault:
        given = {"project": "lab", "environment": "main", "keys": tmp_path / "keys", "allow_commands": True, **options}
        return Vault({item.name: item for item in sources}, root, environ=environ, **given)

    return make
