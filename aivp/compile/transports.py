"""How a declared host is reached → its transport and connection, in one form however it was written.

Whatever ends up in an argv is held to a pattern here: no address is an option, and no user holds a blank.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from aivp_contract.values import Json, Secret

from aivp.compile.mistake import Mistake
from aivp.compile.scope import Scope
from aivp.compile.shape import CODE, mapping, one_of, read_members, texts, whole
from aivp.compile.text import plain, substitute
from aivp.model.address import CONTROLLER
from aivp.model.resource import GUEST
from aivp.plugins.suggestion import did_you_mean

Reader = Callable[[Json], Json]

LATER = {"pull": "pull mode"}

ADDRESS = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?|[0-9A-Fa-f:.]{2,45}(%[A-Za-z0-9_.-]{1,32})?")
USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@+-]{0,63}\$?")
JUMP = re.compile(r"([A-Za-z0-9_][A-Za-z0-9_.+-]{0,63}@)?[A-Za-z0-9_][A-Za-z0-9_.-]{0,252}(:[0-9]{1,5})?")
FILE = re.compile(r"(/|~/)[^\x00-\x1f\x7f]{1,4094}")

MOST_JUMPS = 8
PORTS = 65535


def read_transport(name: str, value: Mapping[str, Json], scope: Scope) -> tuple[str, dict[str, Json]]:
    """The transport of the host `name`, and what it needs. value: its declaration without labels and vars.

    Raises Mistake.
    """
    if name == CONTROLLER:
        raise Mistake(CODE, f"{CONTROLLER} is where aivp itself runs; no host can have that name.")
    transport = _plainly("transport", lambda item: item, scope)(value.get("transport"))
    if type(transport) is str and transport in LATER:
        why = f"transport {transport} comes with {LATER[transport]} and is refused until then."
        raise Mistake("AIVP0213", why, "Use local, exec or ssh.", "transport")
    if transport == GUEST:
        mend = "It is a host by itself: take it out of hosts, and say `host: KIND.NAME` where something is within."
        raise Mistake(CODE, "what a resource makes, such as a VM, is not declared as a host.", mend, "transport")
    if type(transport) is not str or transport not in _MEMBERS:
        mend = did_you_mean(str(transport), _MEMBERS) if transport else ""
        raise Mistake(CODE, "transport of a host is local, exec or ssh.", mend, "transport")
    readers = {member: _plainly(member, read, scope) for member, read in _MEMBERS[transport].items()}
    readers["transport"] = _plainly("transport", lambda item: item, scope)
    readers["become"] = lambda item: _become(item, scope)
    readers |= dict.fromkeys(("labels", "vars"), lambda _: None)  # read elsewhere; here so that they are known
    found = read_members(value, readers, f"a host with transport {transport}")
    if transport == "exec" and "command" not in found:
        found["command"] = _command(None)
    if transport == "ssh":
        found.setdefault("address", name)  # which `~/.ssh/config` may know
    return str(found.pop("transport")), {key: item for key, item in sorted(found.items()) if item is not None}


def _plainly(member: str, read: Reader, scope: Scope) -> Reader:
    """Without facts and secrets, which stand beneath the member itself."""

    def read_plain(value: Json) -> Json:
        try:
            found = plain(value, scope)
        except Mistake as mistake:
            raise mistake.beneath(member) from None
        return read(found)

    return read_plain


def _command(value: Json) -> Json:
    return texts(value, "command of an exec host", "command", least=1)


def _matching(pattern: re.Pattern[str], member: str, what: str, mend: str = "") -> Reader:
    def read(value: Json) -> Json:
        if type(value) is not str or not pattern.fullmatch(value):
            raise Mistake(CODE, f"{member} of a host is {what}.", mend, member)
        return value

    return read


def _jump(value: Json) -> Json:
    hops = [value] if type(value) is str else value
    if type(hops) is not list or not 0 < len(hops) <= MOST_JUMPS:
        raise Mistake(CODE, f"jump of a host is [USER@]HOST[:PORT], or a list of up to {MOST_JUMPS}.", "", "jump")
    read = _matching(JUMP, "jump", "[USER@]HOST[:PORT], or a list of these")
    return ",".join(str(read(hop)) for hop in hops)


def _become(value: Json, scope: Scope) -> Json:
    """`sudo`, or {method, user, password}; the password is a secret."""
    found = substitute(value, scope)
    if type(found) is str:
        return {"method": one_of(found, _METHODS, "become of a host", "become"), "user": "root"}
    try:
        return {"method": "sudo", "user": "root", **read_members(mapping(found, "become"), _BECOME, "become")}
    except Mistake as mistake:
        raise mistake.beneath("become") from None


def _password(value: Json) -> Json:
    if not isinstance(value, Secret):
        why = "The password in become is written out here: plans and their readers would know it."
        mend = "Declare it under secrets, and refer to it: password: ${secret.NAME}."
        raise Mistake("AIVP0308", why, mend, "password")
    return value


_METHODS = ("sudo",)

_BECOME: Mapping[str, Reader] = {
    "method": lambda item: one_of(item, _METHODS, "method of become", "method"),
    "user": _matching(USER, "user", "the name of an account"),
    "password": _password,
}

_MEMBERS: Mapping[str, Mapping[str, Reader]] = {
    "local": {},
    "exec": {"command": _command},
    "ssh": {
        "address": _matching(
            ADDRESS,
            "address",
            "a host name, an IP address or a name that ~/.ssh/config knows",
            "User and port are members of their own.",
        ),
        "user": _matching(USER, "user", "the name of an account"),
        "port": lambda item: whole(item, 1, PORTS, "port of a host", "port"),
        "identity_file": _matching(FILE, "identity_file", "an absolute path, or one beneath ~/"),
        "jump": _jump,
    },
}
