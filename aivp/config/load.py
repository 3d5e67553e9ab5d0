"""A project's folder → its declarations for one environment: the order of this room's steps, and its only way in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from aivp.config.documents import Document, Package, read_includes, read_root
from aivp.config.environments import apply_overrides, choose
from aivp.config.places import read_place
from aivp.config.project import Declared, Flaws, Project, Variable
from aivp.config.requirements import read_header
from aivp.config.sections import Declarations, collect
from aivp.config.sources import read_secret
from aivp.config.variables import VariableInputs, resolve
from aivp.diagnostics import Diagnostics, Span
from aivp.model.place import Place
from aivp.model.resource import SecretSource

__all__ = ["load", "project_name", "read"]

NO_INPUTS = VariableInputs()


def load(root: Path, *, environment: str | None = None, variables: VariableInputs = NO_INPUTS) -> Project:
    """The project at `root`, as `read` gives it. Raises Refused where it has a mistake."""
    project = read(root, environment=environment, variables=variables)
    Diagnostics([*project.flaws.mistakes]).refuse()
    return project


def read(root: Path, *, environment: str | None = None, variables: VariableInputs = NO_INPUTS) -> Project:
    """Read the project at `root`, as far as it can be read; its flaws say what is wrong. Raises Refused where nothing
    more can be said: no root document, another language, no such environment.

    The steps: the root document; all YAML files; what they declare, and the variables; CUE packages, which need those
    variables; overrides. It reads files beneath `root` and those that `variables` names, and starts nothing but `cue`.
    """
    found = Diagnostics()
    document = read_root(root, found)
    header = read_header(document.content, found)
    chosen = choose(document.content, environment, found)
    place = read_place(document.content, chosen[1], found)
    is_certain = not any(item.code in _UNCERTAIN for item in found)
    reading = read_includes(document, chosen[1], root, found)
    if not is_certain:
        found.refuse()
    is_partial = len(reading.documents) + len(reading.packages) < len(reading.included)

    declared = Declarations()
    collect(reading.documents, declared, found)
    values = resolve(declared.maps["variables"], chosen, variables, found)
    declared.broken |= {f"variables.{name}" for name, item in values.items() if not item.history}
    if reading.packages:
        exported = [] if found.has_errors else _export(root, reading.packages, chosen[0], values, found)
        is_partial |= len(exported) < len(reading.packages)
        collect(exported, declared, found)
    apply_overrides(chosen[1], declared, found)
    secrets = _secrets(declared.maps["secrets"], found)
    declared.broken |= {f"secrets.{name}" for name in declared.maps["secrets"].keys() - secrets.keys()}
    flaws = Flaws(found.sorted(), frozenset(declared.broken), is_partial)
    return _project(root, header, chosen[0], values, declared, secrets, place, flaws, reading.included)


def project_name(root: Path) -> str:
    """How the project at `root` is called: the same in every environment. Raises Refused."""
    found = Diagnostics()
    header = read_header(read_root(root, found).content, found)
    found.refuse()
    return header[0]


_UNCERTAIN = frozenset({"AIVP0126", "AIVP0127", "AIVP0130"})
"""Which language it is written in, or which environment is meant, is open: mistakes may be none there."""


def _export(
    root: Path, packages: Iterable[Package], environment: str, variables: Mapping[str, Variable], found: Diagnostics
) -> list[Document]:
    from aivp.config.cue import find_cue
    from aivp.config.packages import export

    packages = list(packages)
    cue = find_cue(packages[0].span)
    documents = [export(cue, root, package, environment, variables, found) for package in packages]
    return [document for document in documents if document is not None]


def _secrets(declared: Mapping[str, Declared], found: Diagnostics) -> dict[str, tuple[SecretSource, Declared]]:
    read = {name: (read_secret(name, part, found), part) for name, part in sorted(declared.items())}
    return {name: (source, part) for name, (source, part) in read.items() if source is not None}


def _project(
    root: Path,
    header: tuple[str, Declared | None],
    environment: str,
    variables: Mapping[str, Variable],
    declared: Declarations,
    secrets: Mapping[str, tuple[SecretSource, Declared]],
    place: Place,
    flaws: Flaws,
    included: Mapping[str, Span],
) -> Project:
    maps = {name: dict(sorted(parts.items())) for name, parts in declared.maps.items()}
    return Project(
        root=root,
        name=header[0],
        environment=environment,
        variables=variables,
        values=maps["values"],
        defaults=maps["defaults"],
        secrets=secrets,
        hosts=maps["hosts"],
        groups=maps["groups"],
        resources=maps["resources"],
        moved=declared.lists["moved"],
        imports=declared.lists["import"],
        removed=declared.lists["removed"],
        providers=maps["providers"],
        requires=header[1],
        state=place,
        flaws=flaws,
        included=included,
    )
