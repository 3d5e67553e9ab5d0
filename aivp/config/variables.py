"""Declared variables + what people say of them → one value each, with everything that was said.

Later wins: default, the environment's `set`, AIVP_VAR_x, then variable files and assignments in the order given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from aivp_contract.values import Json

from aivp.config import yaml
from aivp.config.files import read_given
from aivp.config.project import Declared, Provenance, Variable
from aivp.config.shape import compared, inner, is_of, members
from aivp.config.variable_types import Type, read_type
from aivp.diagnostics import Diagnostics, Refused, Span

PREFIX = "AIVP_VAR_"
MAX_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class VariableFile:
    """`--var-file PATH`: a YAML map from names to values."""

    path: Path


@dataclass(frozen=True, slots=True)
class Assignment:
    """`--var name=text`; the text is read by the variable's type."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class VariableInputs:
    """What a person says of variables. `process` may be a whole process environment: only AIVP_VAR_x counts."""

    process: Mapping[str, str] = field(default_factory=dict)
    given: Sequence[VariableFile | Assignment] = ()


@dataclass(slots=True)
class _Gathering:
    types: dict[str, Type]
    history: dict[str, list[Provenance]]
    broken: set[str]
    found: Diagnostics


def resolve(
    declared: Mapping[str, Declared],
    environment: tuple[str, Declared | None],
    inputs: VariableInputs,
    found: Diagnostics,
) -> dict[str, Variable]:
    """The value of every declared variable, by name; what is missing, undeclared or does not fit is reported, and then
    has no history.
    """
    state = _Gathering({}, {name: [] for name in declared}, set(), found)
    for name, part in sorted(declared.items()):
        _declare(state, name, part)
    _take_set(state, environment)
    for key in sorted(key for key in inputs.process if key.startswith(PREFIX)):
        _take_text(state, key.removeprefix(PREFIX), inputs.process[key], key)
    for item in inputs.given:
        match item:
            case VariableFile(path):
                _take_file(state, path)
            case Assignment(name, text):
                _take_text(state, name, text, "--var")
    return {name: _settle(state, name, declared[name]) for name in sorted(declared)}


def _declare(state: _Gathering, name: str, part: Declared) -> None:
    kind = read_type(part, f"The variable {name}", state.found)
    if kind is None:
        state.broken.add(name)
        return
    state.types[name] = kind
    if "default" in part.value:
        _take(state, name, "default", inner(part, "default"))


def _take_set(state: _Gathering, environment: tuple[str, Declared | None]) -> None:
    name, part = environment
    if part is None or part.value.get("set") is None:
        return
    values = inner(part, "set")
    if is_of(values, "map", "`set`", state.found):
        _take_members(state, values, f"environment {name}")


def _take_file(state: _Gathering, path: Path) -> None:
    try:
        data = read_given(path, MAX_BYTES)
    except Refused as error:
        state.found.items.extend(error.diagnostics)
        return
    parsed = yaml.parse(data, str(path), state.found)
    if parsed is None:
        return
    content = Declared({} if parsed.value is None else parsed.value, (), parsed.spans)
    if is_of(content, "map", "A variable file", state.found):
        _take_members(state, content, str(path))


def _take_members(state: _Gathering, values: Declared, origin: str) -> None:
    for name, part in members(values):
        if _is_declared(
            state,
            name,
            f"The {origin} sets" if origin.startswith("environment ") else f"{origin} sets",
            part.key_span(),
        ):
            _take(state, name, origin, part)


def _take_text(state: _Gathering, name: str, text: str, origin: str) -> None:
    """A value that came as text: AIVP_VAR_x or --var."""
    if not _is_declared(state, name, f"{origin} sets", None) or name in state.broken:
        return
    data = text.encode(errors="surrogateescape")
    if state.types[name].name == "string":
        if data.decode(errors="replace") == text:
            _take(state, name, origin, text)
        else:
            state.found.error("AIVP0142", f"The value of the variable {name} from {origin} is not UTF-8 text.")
            state.broken.add(name)
        return
    parsed = yaml.parse(data, origin if origin != "--var" else f"--var {name}", state.found)
    if parsed is None:
        state.broken.add(name)
    else:
        _take(state, name, origin, parsed.value)


def _take(state: _Gathering, name: str, origin: str, part: Declared | Json) -> None:
    """Note one value where it fits the variable's type."""
    if name in state.broken:
        return
    value = part.value if isinstance(part, Declared) else part
    problems = list(state.types[name].problems(value))
    for path, problem in problems:
        span = part.span(*path) if isinstance(part, Declared) else None
        why = f"The value of the variable {name} from {origin} does not fit: {problem}."
        state.found.error("AIVP0142", why, span=span)
    if problems:
        state.broken.add(name)
    else:
        span = part.span() if isinstance(part, Declared) else None
        state.history[name].append(Provenance(origin, value, span))


def _is_declared(state: _Gathering, name: str, subject: str, span: Span | None) -> bool:
    if name in state.history:
        return True
    why = f"{subject} the variable {name[:60]}, which is not declared."
    state.found.error("AIVP0141", why, compared(name, state.history, "variable"), span=span)
    return False


def _settle(state: _Gathering, name: str, part: Declared) -> Variable:
    history = state.history[name]
    if not history and name not in state.broken:
        why = f"The variable {name} has no value."
        ways = f"--var {name}=…, {PREFIX}{name}=…, a --var-file, `set` of an environment, or a `default` here"
        mend = f"Give it one: {ways}."
        state.found.error("AIVP0143", why, mend, span=part.key_span())
    if not history or name in state.broken:
        return Variable(name, None, ())
    return Variable(name, history[-1].value, tuple(history))
