"""The parts of the language that no kind has a say in: variables, secrets, places of state, hosts, groups, treatment.

tests/schema holds each of them to the readers in `config` and `compile`: what those admit is admitted here, and what
they refuse for its form is refused.
"""

from __future__ import annotations

from dataclasses import replace

from aivp.compile.reserved import MAX_RETRIES, MAX_TIMEOUT
from aivp.compile.transports import ADDRESS, FILE, JUMP, MOST_JUMPS, PORTS, USER
from aivp.config.places import SSL_MODES
from aivp.config.sources import ENVIRONMENT_NAME, LENGTHS
from aivp.schema.shape import (
    Anything,
    Either,
    Flag,
    ListOf,
    Literal,
    Map,
    Named,
    Number,
    Shape,
    Text,
    optional,
    referring,
)


def whole(pattern: str) -> str:
    """`pattern` for a whole text."""
    return f"^(?:{pattern})$"


LABELS = Map(others=referring(Text()), can_refer=True, note="Labels: texts by name.")
SELECTOR = Map(
    {
        "hosts": ListOf(referring(Text()), can_refer=True, note="Names of hosts."),
        "labels": Map(others=referring(Text()), can_refer=True, note="Hosts that carry all of these labels."),
    },
    note="The hosts that are listed, and those that carry all of the labels.",
)


def types() -> dict[str, Shape]:
    """`variable` and, for what stands in its `items`, `type`."""
    return {
        "variable": Either(
            tuple(_type(name, is_variable=True) for name in _WORDS), note="A variable: its type and default."
        ),
        "type": Either(
            tuple(_type(name, is_variable=False) for name in _WORDS), note="The type of elements or members."
        ),
    }


_BOUNDS: dict[str, Shape] = {
    "minimum": Number(is_whole=False, is_optional=True, note="The least value."),
    "maximum": Number(is_whole=False, is_optional=True, note="The largest value."),
}
_ITEMS: dict[str, Shape] = {"items": Named("type", is_optional=True, note="The type of every element or member.")}
_PATTERN: Shape = Text(is_optional=True, note="A regular expression that is found in the text.")
_WORDS: dict[str, tuple[Shape, dict[str, Shape]]] = {
    "string": (Text(), {"pattern": _PATTERN}),
    "integer": (Number(), dict(_BOUNDS)),
    "number": (Number(is_whole=False), dict(_BOUNDS)),
    "boolean": (Flag(), {}),
    "list": (ListOf(), dict(_ITEMS)),
    "map": (Map(others=Anything()), dict(_ITEMS)),
}


def _type(name: str, *, is_variable: bool) -> Map:
    value, words = _WORDS[name]
    members: dict[str, Shape] = {
        "type": Literal((name,), note="The type of the value."),
        "enum": ListOf(value, 1, is_optional=True, note="The values that fit."),
        **words,
    }
    if is_variable:
        members["default"] = replace(value, note="The value where nobody sets another.")
        members["description"] = Text(note="For people.")
    return Map(members, ("type",))


_VERSION = Either((Text(least=1), Number()), note="Counts up when the secret changes; plans show it.")
_SOURCES: dict[str, Shape] = {
    "env": Text(whole(ENVIRONMENT_NAME), note="The environment variable that holds it."),
    "file": Text(least=1, note="A file that holds it: beneath the project, or an absolute path."),
    "command": ListOf(Text(), 1, note="A program that prints it, and its arguments."),
    "generate": Map(
        {
            "length": Number(minimum=LENGTHS.start, maximum=LENGTHS.stop - 1, note="Characters."),
            "alphabet": Text(least=2, note="The characters that it is made of."),
        },
        is_optional=True,
        note="Derived from the project key.",
    ),
}
SECRET = Either(
    tuple(Map({name: shape, "version": _VERSION}, (name,)) for name, shape in _SOURCES.items()),
    note="A secret: its source, and a version.",
)

_VARIABLE = Map({"env": Text(whole(ENVIRONMENT_NAME), note="The environment variable that holds it.")}, ("env",))
_LIBPQ = Text("^[^$]|\\$[^{]|\\$$", least=1, note="As libpq has it.")
SETTINGS: dict[str, Shape] = {
    "connect_timeout": Number(minimum=1, maximum=600, note="Seconds."),
    "database": _LIBPQ,
    "dsn": _VARIABLE,
    "host": _LIBPQ,
    "password": _VARIABLE,
    "port": Number(minimum=1, maximum=PORTS),
    "role": _LIBPQ,
    "schema": Text("^[a-z_][a-z0-9_]{0,39}$", note="The environment's name is put behind it."),
    "service": _LIBPQ,
    "sslcert": _LIBPQ,
    "sslkey": _LIBPQ,
    "sslmode": Literal(tuple(SSL_MODES)),
    "sslrootcert": _LIBPQ,
    "timeout": Number(minimum=1, maximum=3600, note="Seconds."),
    "user": _LIBPQ,
}
STATE = Either(
    (
        Map({"sqlite": Text(least=1, note="A folder; the database is ENVIRONMENT/state.db in it.")}, ("sqlite",)),
        Map({"postgres": Map(SETTINGS, is_optional=True, note="A PostgreSQL server.")}, ("postgres",)),
    ),
    is_optional=True,
    note="Where state lives.",
)

_PATH = FILE.pattern.replace("{1,4094}", "+")  # CUE counts to 1000
_BECOME = Either(
    (
        Literal(("sudo",)),
        Map(
            {
                "method": Literal(("sudo",), can_refer=True),
                "user": Text(whole(USER.pattern), can_refer=True, note="The account; else root."),
                "password": Text(r"\$\{", note="Such as ${secret.sudo}; never the password itself."),
            }
        ),
    ),
    can_refer=True,
    is_optional=True,
    note="Work as another account on the host.",
)
TRANSPORTS: dict[str, dict[str, Shape]] = {
    "local": {},
    "exec": {
        "command": ListOf(referring(Text()), 1, can_refer=True, note="An argv that gives a byte stream to the host."),
    },
    "ssh": {
        "address": Text(whole(ADDRESS.pattern), can_refer=True, note="Name or IP address; else the host's name."),
        "user": Text(whole(USER.pattern), can_refer=True, note="The account to log in as."),
        "port": Number(minimum=1, maximum=PORTS, can_refer=True),
        "identity_file": Text(whole(_PATH), can_refer=True, note="A private key: an absolute path, or ~/…"),
        "jump": Either(
            (
                Text(whole(JUMP.pattern)),
                ListOf(Text(whole(JUMP.pattern), can_refer=True), 1, MOST_JUMPS),
            ),
            can_refer=True,
            note="[USER@]HOST[:PORT] to go through, or a list of them.",
        ),
    },
}
_EVERY_HOST: dict[str, Shape] = {
    "become": _BECOME,
    "labels": LABELS,
    "vars": Map(others=Anything(), is_optional=True, note="Any values, for ${host.vars.NAME}."),
}


def host() -> Either:
    """A host; where its transport is a reference, with any member."""
    options = [
        Map(
            {"transport": Literal((name,), note="How the host is reached."), **members, **_EVERY_HOST},
            ("transport", "command") if name == "exec" else ("transport",),
        )
        for name, members in TRANSPORTS.items()
    ]
    every = {name: shape for members in TRANSPORTS.values() for name, shape in members.items()}
    options.append(Map({"transport": Text(r"^\$\{"), **every, **_EVERY_HOST}, ("transport",)))
    return Either(tuple(options), note="A host: how it is reached, its labels and variables.")


_SIZE: tuple[Shape, ...] = (Number(minimum=1, maximum=100_000), Text("^([1-9][0-9]?|100)%$"))
GROUP = Map(
    {
        **SELECTOR.members,
        "serial": Either(
            (*_SIZE, ListOf(Either(_SIZE, can_refer=True), 1)),
            can_refer=True,
            note="Hosts in rounds: a number, a percentage, or a list of these.",
        ),
        "max_fail_percentage": Number(
            minimum=0, maximum=100, can_refer=True, note="How many hosts of a round may fail before the next one."
        ),
    },
    note="Hosts that are listed, and those that carry all of the labels.",
)

CONDITION = Either(
    (
        Flag(),
        Map(
            {
                "all": ListOf(Named("condition"), 1, note="All of these hold."),
                "any": ListOf(Named("condition"), 1, note="One of these holds."),
                "not": Named("condition", note="This does not hold."),
            },
            rest={
                r"(?:var|values|each|host|environment|project)(?:[.\[].*)?": Anything(
                    note="The value that this must have, or a list of such values."
                )
            },
            note="Paths and the values that they must have.",
        ),
    ),
    can_refer=True,
    note="Whether the resource is declared: true, false, a reference, or paths and the values that they must have.",
)

_TARGETS = Either((Text(), ListOf(referring(Text()))), can_refer=True, is_optional=True)
_FATE = Literal(("forget", "delete"), can_refer=True)
_HOSTS = (Text(), SELECTOR)


def reserved() -> dict[str, Shape]:
    """What every resource may have, whatever its kind."""
    return {
        "host": Either(
            (*_HOSTS, ListOf(Either(_HOSTS, can_refer=True))),
            can_refer=True,
            is_optional=True,
            note="Where: a host, a group, a selector, or a list of these. May be left out where there is one host.",
        ),
        "for_each": Either(
            (ListOf(referring(Text())), Number(minimum=0, maximum=100_000), Map(others=Anything())),
            can_refer=True,
            note="One of it for each: a list of unique texts, a mapping, or a number. See ${each.key}, ${each.value}.",
        ),
        "when": optional(Named("condition"), CONDITION.note),
        "depends_on": replace(_TARGETS, note="Addresses (one or a list) that are done before."),
        "notify": replace(_TARGETS, note="Addresses that are refreshed when this really changed, after it."),
        "lifecycle": Map(
            {
                "prevent_destroy": Flag(can_refer=True, note="A plan that would delete it is refused."),
                "retain": Flag(can_refer=True, note="When it is no longer declared, the real thing stays."),
                "ignore_changes": ListOf(referring(Text()), can_refer=True, note="Fields whose drift is left alone."),
                "on_false": _FATE,
                "on_host_destroy": _FATE,
                "create_before_destroy": Flag(
                    can_refer=True, note="A replace makes the new one before the old one goes."
                ),
            },
            can_refer=True,
            is_optional=True,
            note="How it ends, and what of it is left alone.",
        ),
        "meta": Map(
            {
                "labels": LABELS,
                "timeout": Either(
                    (Number(minimum=1, maximum=MAX_TIMEOUT), Text()), can_refer=True, note="Seconds, or such as 5m."
                ),
                "retries": Number(minimum=0, maximum=MAX_RETRIES, can_refer=True, note="After a failure."),
                "on_interrupt": Literal(("fail", "retry", "accept"), can_refer=True),
            },
            can_refer=True,
            is_optional=True,
            note="Labels, timeout, retries.",
        ),
    }
