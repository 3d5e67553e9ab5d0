"""An included CUE package → one document like any other: plain JSON, the rules of YAML for numbers, positions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from aivp_contract.values import TAG, Json

from aivp.config.cue import Cue, limit_refused
from aivp.config.cue_errors import diagnostics
from aivp.config.documents import Document, Package
from aivp.config.positions import MAX_NODES
from aivp.config.probes import CueSpans
from aivp.config.project import Declared, Variable
from aivp.config.scalars import BadScalar, number
from aivp.config.staging import Module, stage
from aivp.config.yaml import MAX_DEPTH
from aivp.diagnostics import Diagnostics, Refused
from aivp.diagnostics.diagnostic import refusal


def export(
    cue: Cue, root: Path, package: Package, environment: str, variables: Mapping[str, Variable], found: Diagnostics
) -> Document | None:
    """Evaluate one package with `input: {env, var}`; None where mistakes were added to `found`."""
    given = {"input": {"env": environment, "var": {name: item.value for name, item in variables.items()}}}
    try:
        module = stage(root, package)
        value = _decode(_evaluate(cue, module, given, package), package)
    except Refused as error:
        found.items.extend(error.diagnostics)
        return None
    except OSError as error:
        why = f"The CUE package {package.folder} could not be evaluated: {error.strerror or error}."
        found.error("AIVP0154", why, "Is there room in the directory for temporary files?", span=package.span)
        return None
    return _document(cue, module, given, value, package, found)


def _evaluate(cue: Cue, module: Module, given: Json, package: Package) -> bytes:
    outcome = cue.export(module, given)
    if outcome.ended_by is not None:
        raise limit_refused(outcome, package.folder, package.span)
    if not outcome.is_success:
        raise Refused(diagnostics(outcome.complaints, module, package.span))
    return outcome.output


def _decode(output: bytes, package: Package) -> Json:
    """The exported value; a number that is not admitted is a BadScalar in its place."""
    try:
        return json.loads(output, parse_int=_number, parse_float=_number)
    except (ValueError, RecursionError):
        why = f"What the CUE package {package.folder} exports is no JSON, or nested too deep."
        raise refusal("AIVP0155", why, span=package.span) from None


def _number(text: str) -> int | float | BadScalar:
    try:
        return number(text)
    except BadScalar as error:
        return error


def _document(
    cue: Cue, module: Module, given: Json, value: Json, package: Package, found: Diagnostics
) -> Document | None:
    if type(value) is not dict:
        found.error("AIVP0155", f"The CUE package {package.folder} does not export a map.", span=package.span)
        return None
    del value["input"]  # ours: it was unified in

    def provoke(probe: Json) -> str:
        try:
            return cue.export(module, given, probe).complaints
        except OSError:
            return ""  # without positions, rather than not at all

    content = Declared(value, (), CueSpans(module, value, provoke))
    before = len(found.items)
    _admit(content, package, found)
    return None if len(found.items) > before else Document(package.folder, content, "cue")


def _admit(content: Declared, package: Package, found: Diagnostics) -> None:
    """Report what YAML would not have let pass either; a number that is not admitted becomes 0."""
    waiting: list[tuple[tuple[str | int, ...], Json]] = [((), content.value)]
    bad: list[tuple[tuple[str | int, ...], BadScalar]] = []
    seen = 0
    while waiting:
        path, value = waiting.pop()
        seen += 1 + len(value)
        if len(path) > MAX_DEPTH or seen > MAX_NODES:
            why = f"It has more than {MAX_NODES:,} values, or nests them more than {MAX_DEPTH} deep."
            found.error(
                "AIVP0155", f"What the CUE package {package.folder} exports is too large. {why}", span=package.span
            )
            return
        if type(value) is dict and TAG in value:
            bad.append(((*path, TAG), BadScalar("AIVP0114", f"The key {TAG} is reserved for aivp itself.", "")))
        for step, item in _parts(value):
            if isinstance(item, BadScalar):
                bad.append(((*path, step), item))
                value[step] = 0
            elif type(item) in (dict, list):
                waiting.append(((*path, step), item))
    for path, error in sorted(bad, key=lambda item: str(item[0]))[:20]:
        found.error(error.code, error.why, error.mend, span=content.span(*path))


def _parts(value: Json) -> Iterable[tuple[str | int, Json]]:
    return value.items() if type(value) is dict else enumerate(value)
