"""A host without python3 → one with it, installed by the host's own package manager through a plain POSIX shell.

The one thing that is done to a host outside of any plan: nothing else of ours could run there before.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from aivp.hosts.become import NoRunner, answer_sudo
from aivp.hosts.channel import Reveal, command_channel, new_hello
from aivp.hosts.failures import PYTHON_MISSING, UNREACHED, Failure, explained, lost
from aivp.hosts.link import Link
from aivp.hosts.watch import Watch
from aivp.model.resource import Host

SECONDS = 900.0
"""Until an installation that says nothing is given up."""

_PRESENT, _INSTALLED = "aivp: python3 is there", "aivp: python3 is there now"

_NOT_ROOT, _NO_MANAGER, _NOT_FIT = 77, 78, 79

_SCRIPT = f"""\
exec </dev/null
export DEBIAN_FRONTEND=noninteractive
found() {{ python3 -c 'import sys, json, hashlib, sqlite3; sys.exit(sys.version_info < (3, 9))' 2>/dev/null; }}
add() {{
    if command -v apt-get; then apt-get -q update; apt-get -q -y install --no-install-recommends python3
    elif command -v dnf; then dnf -y install python3
    elif command -v yum; then yum -y install python3
    elif command -v apk; then apk add python3
    elif command -v zypper; then zypper --non-interactive install python3
    elif command -v pacman; then pacman -Sy --noconfirm python
    else exit {_NO_MANAGER}
    fi
}}
if found; then
    echo '{_PRESENT}'
else
    [ "$(id -u)" = 0 ] || exit {_NOT_ROOT}
    add >&2 || exit
    found || exit {_NOT_FIT}
    echo '{_INSTALLED}'
fi
"""

_MENDS = {
    _NOT_ROOT: ("installing python3 needs root.", "Log in as root, or declare become: sudo."),
    _NO_MANAGER: ("it has no package manager that aivp knows.", "Install python3 (3.9 or newer) there by hand."),
    _NOT_FIT: ("its python3 is older than 3.9, or lacks parts.", "Install a newer python3 there by hand."),
}


def install_python(host: Host, withheld: AbstractSet[str], reveal: Reveal, seconds: float = SECONDS) -> bool:
    """Make sure that a python3 (3.9 or newer) is on `host`; whether it had to be installed. Raises Refused."""
    hello = new_hello()
    command = ["sh", "-c", f"printf %s '{hello}'\n{_SCRIPT}"]
    channel = command_channel(host, command, withheld, reveal, ["sh"], hello)
    try:
        link = Link.start(channel.argv, channel.environment)
    except OSError as error:
        raise lost(host, f"{channel.shown} cannot be started: {error.strerror}.") from None
    watch = Watch(link.kill, seconds)
    try:
        with watch:
            answer_sudo(link, channel)
            said = link.stdout.read()
    except NoRunner as error:
        raise lost(host, str(error), error.mend, error.code or UNREACHED) from None
    finally:
        watch.end()
    code = link.exit_code()
    said_last = said.decode(errors="replace").strip().rpartition("\n")[2]
    if said_last.endswith((_PRESENT, _INSTALLED)):
        link.close()
        return said_last.endswith(_INSTALLED)
    if code in _MENDS:
        why, mend = _MENDS[code]
        raise lost(host, why, mend, PYTHON_MISSING)
    words = link.last_words().decode(errors="replace").strip()
    raise explained(host, channel, Failure("python3 cannot be installed", code, words))
