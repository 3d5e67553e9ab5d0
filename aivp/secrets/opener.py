"""What one command may open: the vault of its environment, its key checked, and the renderer of templates with secrets.

Knows neither where state is kept nor who asks; a value that is opened goes to a host's link and nowhere else.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from aivp_contract.values import Json

from aivp.diagnostics import Diagnostic, Diagnostics, Refused
from aivp.model.resource import SecretSource
from aivp.secrets.keys import check_key
from aivp.secrets.keys import folder as key_folder
from aivp.secrets.reveal import Render, reveal
from aivp.secrets.vault import Vault


@dataclass(frozen=True)
class Opener:
    """Opens values; sources are asked when the first value needs them."""

    vault: Vault
    render: Render

    @classmethod
    def of(
        cls,
        sources: Mapping[str, SecretSource],
        root: Path,
        render: Render,
        *,
        project: str,
        environment: str,
        allow_commands: bool,
    ) -> Self:
        """For the `sources` of an environment of the project in `root`, with this user's key."""
        vault = Vault(
            sources,
            root,
            project=project,
            environment=environment,
            keys=key_folder(os.environ),
            allow_commands=allow_commands,
        )
        return cls(vault, render)

    @property
    def key_id(self) -> str | None:
        """The id of the key that generated secrets come from, None where none is generated."""
        return self.vault.key_id if self.vault.needs_key else None

    def check(self, recorded: str | None) -> None:
        """Generated secrets of another key than the recorded one would silently replace every one. Raises Refused."""
        wrong = check_key(recorded, self.vault.key_id) if self.vault.needs_key else None
        if wrong is not None:
            raise Refused((wrong,))

    def open_all(self) -> None:
        """Ask every source. Raises Refused with everything that is wrong."""
        found = Diagnostics()
        for name in sorted(self.vault.sources):
            try:
                self.vault.value(name)
            except Refused as refused:
                found.items.extend(refused.diagnostics)
        found.refuse()

    def known(self) -> tuple[list[str], list[Diagnostic]]:
        """Values of all secrets that can be had now, and a warning for each that cannot."""
        values: list[str] = []
        wrong: list[Diagnostic] = []
        for name in sorted(self.vault.sources):
            try:
                values.append(self.vault.value(name))
            except Refused as refused:
                why = f"The secret {name} cannot be kept out of what is shown: {refused.diagnostics[0].why}"
                wrong.append(Diagnostic("AIVP0626", why, refused.diagnostics[0].mend, severity="warning"))
        return values, wrong

    def reveal(self, value: Json) -> Json:
        """`value` with the value of every secret in it. Raises Refused."""
        return reveal(value, self.vault, self.render)

    def configuration(self, providers: Mapping[str, Mapping[str, Json]], name: str) -> dict[str, Json]:
        """What the provider `name` is started with."""
        return dict(self.reveal(dict(providers.get(name, {}))))


def variables(sources: Iterable[SecretSource]) -> set[str]:
    """The environment variables that secrets come from."""
    return {str(source.spec) for source in sources if source.source == "env"}
