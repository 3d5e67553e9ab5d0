"""Declared secrets → their values, each taken from its source at most once and kept in memory only."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from threading import RLock

from aivp.diagnostics.diagnostic import Diagnostic, Refused, refusal
from aivp.model.resource import SecretSource
from aivp.secrets import keys as project_keys
from aivp.secrets.command import run_command
from aivp.secrets.file import read_file
from aivp.secrets.generate import ALPHABET, LENGTHS, derive
from aivp.secrets.text import read_text


class Vault:
    """The values of one run. Threads may share it; a source that failed is not asked again.

    root: the project's directory. keys: the folder of project keys (`keys.folder`), None where there is none.
    allow_commands: False under `--untrusted`. environ: the process's own unless given.
    """

    def __init__(
        self,
        sources: Mapping[str, SecretSource],
        root: Path,
        *,
        project: str,
        environment: str,
        keys: Path | None,
        allow_commands: bool,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.sources = sources
        self.root = root
        self.project = project
        self.environment = environment
        self.keys = keys
        self.allow_commands = allow_commands
        self._environ = os.environ if environ is None else environ
        self._found: dict[str, str | tuple[Diagnostic, ...]] = {}
        self._lock = RLock()

    def __repr__(self) -> str:
        return f"Vault({', '.join(sorted(self.sources))})"

    def value(self, name: str) -> str:
        """The value of a secret. Raises Refused (AIVP0801 to 0812), never with a byte of it."""
        with self._lock:
            if name not in self._found:
                self._found[name] = self._resolve(name)
            found = self._found[name]
        if isinstance(found, str):
            return found
        raise Refused(found)

    def require(self, name: str, version: str) -> None:
        """Make sure that a secret is declared in that version. Raises Refused (AIVP0801, 0802)."""
        declared = self._source(name).version
        if declared != version:
            why = f"The secret {name} is asked for in version {version}, and declared in version {declared}."
            raise refusal("AIVP0802", why, "Plan again: what was planned used the other version.")

    @property
    def needs_key(self) -> bool:
        """True where some secret is generated: then state records `key_id`, and `check_key` compares."""
        return any(source.source == "generate" for source in self.sources.values())

    @property
    def key_id(self) -> str | None:
        """The id of the project's key, None where this user has none. Raises Refused (AIVP0812)."""
        return self._key.id if self._key else None

    @cached_property
    def _key(self) -> project_keys.ProjectKey | None:
        return project_keys.load(self.keys, self.project) if self.keys else None

    def _source(self, name: str) -> SecretSource:
        if name not in self.sources:
            known = ", ".join(sorted(self.sources)[:20])
            raise refusal("AIVP0801", f"The secret {name} is not declared.", f"Declared: {known}." if known else "")
        return self.sources[name]

    def _resolve(self, name: str) -> str | tuple[Diagnostic, ...]:
        """Diagnostics, not the exception: what it was raised from may hold bytes of the value."""
        try:
            return self._take(self._source(name))
        except Refused as error:
            return error.diagnostics

    def _take(self, source: SecretSource) -> str:
        name = source.name
        match source.source, source.spec:
            case "env", str(variable):
                return read_text(name, self._variable(name, variable))
            case "file", str(path):
                return read_text(name, read_file(name, path, self.root))
            case "command", [str(), *_] as argv:
                if not self.allow_commands:
                    why = f"The secret {name} comes from a command, and an untrusted checkout may not run any."
                    raise refusal("AIVP0809", why, "Run without --untrusted once the project is reviewed.")
                return read_text(name, run_command(name, argv, self.root, self._environ))
            case "generate", {"length": int(length), **rest} if length in LENGTHS:
                if isinstance(alphabet := rest.get("alphabet", ALPHABET), str) and len(alphabet) > 1:
                    return self._generate(source, length, alphabet)
        raise refusal("AIVP0817", f"The secret {name} has a source that this version does not know.")

    def _variable(self, name: str, variable: str) -> bytes:
        if variable not in self._environ:
            why = f"The secret {name} comes from the environment variable {variable}, which is not set."
            raise refusal("AIVP0803", why, f"Set {variable} where aivp runs.")
        return self._environ[variable].encode(errors="surrogateescape")

    def _generate(self, source: SecretSource, length: int, alphabet: str) -> str:
        if self._key is None:
            raise project_keys.missing(self.project)
        return derive(
            self._key.key,
            project=self.project,
            environment=self.environment,
            name=source.name,
            version=source.version,
            length=length,
            alphabet=alphabet,
        )
