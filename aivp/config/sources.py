"""Declared secrets → their sources: checked for shape only, no value is ever read here."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from aivp_contract.values import Json

from aivp.config.files import split
from aivp.config.project import Declared
from aivp.config.shape import inner, is_of, is_text_list, knows_keys
from aivp.diagnostics import Diagnostics, Refused
from aivp.model.resource import SecretSource

DEFAULT_VERSION = "1"
DEFAULT_LENGTH = 32
LENGTHS = range(8, 1025)

ENVIRONMENT_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_ENVIRONMENT_NAME = re.compile(ENVIRONMENT_NAME)


def read_secret(name: str, part: Declared, found: Diagnostics) -> SecretSource | None:
    """The source of one secret (a spec is normal: defaults written out), None where mistakes were added to `found`."""
    what = f"The secret {name}"
    is_known = knows_keys(part, (*_SOURCES, "version"), what, found)
    named = [source for source in _SOURCES if source in part.value]
    if len(named) != 1:
        why = f"{what} has {'no source' if not named else 'more than one source: ' + ', '.join(named)}."
        span = part.key_span(named[1]) if named else part.key_span()
        if is_known or named:
            found.error("AIVP0145", why, f"Give it exactly one of {', '.join(_SOURCES)}.", span=span)
        return None
    source = named[0]
    before = len(found.items)
    version = _version(part, what, found)
    spec = _SOURCES[source](inner(part, source), f"`{source}` of the secret {name}", found)
    return SecretSource(name, version, source, spec) if is_known and len(found.items) == before else None


def _version(part: Declared, what: str, found: Diagnostics) -> str:
    version = part.value.get("version", DEFAULT_VERSION)
    if type(version) is int:
        return str(version)
    if type(version) is not str or not version:
        why = f"The version of {what[0].lower()}{what[1:]} is a text or a whole number."
        found.error("AIVP0145", why, span=part.span("version"))
    return str(version)


def _env(part: Declared, what: str, found: Diagnostics) -> Json:
    if is_of(part, "string", what, found) and not _ENVIRONMENT_NAME.fullmatch(part.value):
        why = f"{what} does not name an environment variable."
        found.error("AIVP0145", why, "Such as DB_PASSWORD; the value itself never stands in a file.", span=part.span())
    return part.value


def _file(part: Declared, what: str, found: Diagnostics) -> Json:
    """Relative to the project root and beneath it, or absolute (such as /run/secrets/…)."""
    if not is_of(part, "string", what, found):
        return None
    text: str = part.value
    if text.startswith("/"):
        if "\0" in text or ".." in text.split("/") or text.endswith("/"):
            found.error("AIVP0145", f"{what} is not the path of a file.", span=part.span())
        return text
    try:
        return "/".join(split(text, part.span()))
    except Refused as error:
        found.items.extend(error.diagnostics)
        return None


def _command(part: Declared, what: str, found: Diagnostics) -> Json:
    if type(part.value) is str:
        found.error(
            "AIVP0145", f"{what} is a list of arguments, not one text.", "Such as [pass, otp].", span=part.span()
        )
    elif not is_text_list(part, what, found):
        return None
    elif not (part.value and part.value[0]):
        found.error("AIVP0145", f"{what} names no program.", "Such as [pass, otp].", span=part.span())
    elif any("\0" in item for item in part.value):
        found.error("AIVP0145", f"{what} holds a NUL character.", span=part.span())
    return part.value


def _generate(part: Declared, what: str, found: Diagnostics) -> Json:
    value = {} if part.value is None else part.value
    if part.value is not None and not is_of(part, "map", what, found):
        return None
    part = Declared(value, part.path, part.spans)
    knows_keys(part, ("length", "alphabet"), what, found)
    length = value.get("length", DEFAULT_LENGTH)
    if type(length) is not int or length not in LENGTHS:
        why = f"The length in {what} is a whole number from {LENGTHS.start} to {LENGTHS.stop - 1}."
        found.error("AIVP0145", why, span=part.span("length"))
    if "alphabet" not in value:
        return {"length": length}
    alphabet = value["alphabet"]
    if type(alphabet) is not str or len(alphabet) < 2 or len(set(alphabet)) != len(alphabet):
        why = f"The alphabet in {what} is a text of at least two characters, each only once."
        found.error("AIVP0145", why, span=part.span("alphabet"))
    return {"alphabet": alphabet, "length": length}


_SOURCES: Mapping[str, Callable[[Declared, str, Diagnostics], Json]] = {
    "env": _env,
    "file": _file,
    "command": _command,
    "generate": _generate,
}
