"""Every source gives its value once, and every way to fail names the source and shows no byte of the value."""

from __future__ import annotations

import os
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from aivp.diagnostics import Refused
from aivp.diagnostics.catalogue import SUMMARIES
from aivp.secrets import Vault, keys
from tests.secrets.conftest import MakeVault, everything_about, random_secret, source


def code_of(vault: Vault, name: str = "s") -> str:
    """The code of the refusal; it has a summary in the catalogue."""
    with pytest.raises(Refused) as caught:
        vault.value(name)
    (found,) = caught.value.diagnostics
    assert found.code in SUMMARIES
    assert name in found.why
    return found.code


def test_env(vault: MakeVault) -> None:
    value = random_secret() + "\n"
    assert vault(source("s", "env", "DB"), environ={"DB": value}).value("s") == value


def test_unset_variable_is_named(vault: MakeVault) -> None:
    with pytest.raises(Refused, match="environment variable DB, which is not set"):
        vault(source("s", "env", "DB"), environ={}).value("s")


def test_own_environment_is_the_default(vault: MakeVault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIVP_TEST_SECRET", "here it is")
    assert vault(source("s", "env", "AIVP_TEST_SECRET")).value("s") == "here it is"


@pytest.mark.parametrize("value", ["", "x" * (64 * 1024 + 1), "bad \udcff byte"])
def test_values_that_no_secret_has(vault: MakeVault, value: str) -> None:
    assert code_of(vault(source("s", "env", "DB"), environ={"DB": value})) == "AIVP0810"


def test_file_without_its_last_newline(vault: MakeVault, root: Path) -> None:
    private(root / "keys" / "app.key", "line\n\n")
    assert vault(source("s", "file", "keys/app.key")).value("s") == "line\n"


def test_undeclared(vault: MakeVault) -> None:
    assert code_of(vault(source("t", "env", "T"))) == "AIVP0801"


@pytest.mark.parametrize(
    ("kind", "spec"),
    [("vault", "x"), ("command", []), ("command", "id"), ("generate", {"length": 7}), ("generate", {"length": 1025})]
    + [("generate", {"length": 9, "alphabet": item}) for item in ("", "a", 5)],
)
def test_sources_of_a_strange_plan(vault: MakeVault, kind: str, spec: Any, tmp_path: Path) -> None:
    keys.create(tmp_path / "keys", "lab")
    assert code_of(vault(source("s", kind, spec))) == "AIVP0817"


def test_untrusted_runs_no_command(vault: MakeVault, root: Path) -> None:
    made = root / "ran"
    assert code_of(vault(source("s", "command", ["touch", str(made)]), allow_commands=False)) == "AIVP0809"
    assert not made.exists()


def test_generate(vault: MakeVault, tmp_path: Path) -> None:
    keys.create(tmp_path / "keys", "lab")
    sources = [source("s", "generate", {"length": 32}), source("t", "generate", {"length": 32})]
    made = vault(*sources)
    assert len({made.value("s"), made.value("t"), vault(*sources, environment="dev").value("s")}) == 3
    assert made.value("s") == vault(*sources).value("s")
    assert made.needs_key
    assert made.key_id == keys.load(tmp_path / "keys", "lab").id  # type: ignore[union-attr]


@pytest.mark.parametrize("has_folder", [True, False])
def test_no_key_is_made_silently(vault: MakeVault, tmp_path: Path, has_folder: bool) -> None:
    options = {} if has_folder else {"keys": None}
    made = vault(source("s", "generate", {"length": 32}), **options)
    assert code_of_key(made) == "AIVP0811"
    assert made.key_id is None
    assert not (tmp_path / "keys").exists()


def test_each_source_is_asked_once_by_all_threads(vault: MakeVault, root: Path) -> None:
    made = vault(source("s", "command", ["sh", "-c", "echo x >> ran; sleep 0.2; echo value"]))
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(made.value("s"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["value"] * 8
    assert (root / "ran").read_text() == "x\n"


def test_a_source_that_failed_is_not_asked_again(vault: MakeVault, root: Path) -> None:
    made = vault(source("s", "command", ["sh", "-c", "echo x >> ran; exit 3"]))
    assert [code_of(made), code_of(made)] == ["AIVP0807"] * 2
    assert (root / "ran").read_text() == "x\n"


def test_versions(vault: MakeVault) -> None:
    made = vault(source("s", "env", "DB", version="2"))
    made.require("s", "2")
    with pytest.raises(Refused, match="version 1, and declared in version 2"):
        made.require("s", "1")


LEAKS = {
    "file: not UTF-8": ("file", "f", lambda root, s: private(root / "f", s.encode() + b"\xff")),
    "file: too large": ("file", "f", lambda root, s: private(root / "f", s * 4000)),
    "file: open to others": ("file", "f", lambda root, s: private(root / "f", s, 0o644)),
    "file: in git": ("file", "f", lambda root, s: tracked(root / "f", s)),
    "env: too large": ("env", "DB", lambda root, s: None),
    "command: not UTF-8": ("command", ["sh", "-c", r"cat s; printf '\377'"], None),
    "command: too large": ("command", ["sh", "-c", "while :; do cat s; done"], None),
    "command: fails aloud": ("command", ["sh", "-c", "cat s; cat s >&2; exit 1"], None),
    "command: ended by a signal": ("command", ["sh", "-c", "cat s; kill -9 $$"], None),
}


@pytest.mark.parametrize("case", LEAKS)
def test_no_failure_shows_the_value(vault: MakeVault, root: Path, case: str) -> None:
    kind, spec, prepare = LEAKS[case]
    secret = random_secret()
    private(root / "s", secret)
    if prepare:
        prepare(root, secret)
    made = vault(source("s", kind, spec), environ={**os.environ, "DB": secret * 4000})
    for _ in range(2):
        with pytest.raises(Refused) as caught:
            made.value("s")
        assert secret not in everything_about(caught.value) + repr(made) + str(made)
        assert repr(secret.encode())[2:-1] not in everything_about(caught.value)


def test_a_vault_that_knows_shows_nothing(vault: MakeVault) -> None:
    secret = random_secret()
    made = vault(source("s", "env", "DB"), environ={"DB": secret})
    assert made.value("s") == secret
    assert repr(made) == str(made) == "Vault(s)"


def private(path: Path, content: str | bytes, mode: int = 0o600) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    path.chmod(mode)


def tracked(path: Path, content: str) -> None:
    private(path, content)
    for arguments in (["init", "-q"], ["add", path.name]):
        subprocess.run(["git", *arguments], cwd=path.parent, check=True)


def code_of_key(vault: Vault) -> str:
    with pytest.raises(Refused) as caught:
        vault.value("s")
    return caught.value.diagnostics[0].code
