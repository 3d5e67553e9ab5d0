"""The small rpm packages that tests of the package kind need, as data, and the spec file of each.

aivp-probe      1.0-1 and 2.0-1, with a %config(noreplace) file that differs between them
aivp-epoch      2.0-1, and 1:1.0-1, which is the newer one
aivp-conflict   conflicts with aivp-probe
aivp-needs      needs aivp-probe, so that removing that would remove this
aivp-weak       recommends aivp-extra
aivp-replaces   obsoletes aivp-extra
aivp-Odd_name   capital letters, an underscore and a caret in its version: what no Debian package has
aivp-broken     its %pre fails
aivp-slow       its %post takes some seconds

Their scripts are Lua, which rpm has built in: a shell would have to be an rpm package.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

REPOSITORY = "/srv/rpms"


@dataclass(frozen=True, slots=True)
class Rpm:
    """A package without architecture. `fields`: further lines of the spec's head; `rest`: its other sections."""

    name: str
    version: str
    fields: tuple[str, ...] = ()
    rest: str = ""

    @property
    def spec(self) -> str:
        """The text of the spec file."""
        head = (
            f"Name: {self.name}",
            f"Version: {self.version}",
            "Release: 1",
            f"Summary: test package {self.name} of the aivp lab",
            "License: Apache-2.0",
            "BuildArch: noarch",
            *self.fields,
        )
        text = "\n".join(head) + f"\n\n%description\n{self.name}\n\n"
        return text + (self.rest if "%files" in self.rest else f"{self.rest}\n%files\n")


def own_rpms() -> tuple[Rpm, ...]:
    """All rpm packages that the lab makes itself."""
    return (
        _probe("1.0"),
        _probe("2.0"),
        Rpm("aivp-epoch", "2.0"),
        Rpm("aivp-epoch", "1.0", ("Epoch: 1",)),
        Rpm("aivp-conflict", "1.0", ("Conflicts: aivp-probe",)),
        Rpm("aivp-needs", "1.0", ("Requires: aivp-probe",)),
        Rpm("aivp-weak", "1.0", ("Recommends: aivp-extra",)),
        Rpm("aivp-extra", "1.0"),
        Rpm("aivp-replaces", "1.0", ("Obsoletes: aivp-extra < 9",)),
        Rpm("aivp-Odd_name", "1.0^git1"),
        Rpm("aivp-broken", "1.0", rest="%pre -p <lua>\nerror('aivp-broken: this always fails')\n"),
        Rpm("aivp-slow", "1.0", rest="%post -p <lua>\nposix.sleep(4)\n"),
    )


def repository_script() -> str:
    """Shell, for the building of a root in $root: every package built in it, and a repository of them."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield f'mkdir -p "$root/tmp/specs" "$root{REPOSITORY}"'
    for number, package in enumerate(own_rpms()):
        yield f"cat > \"$root/tmp/specs/{number}.spec\" <<'END'\n{package.spec}END"
    options = f"--define '_rpmdir {REPOSITORY}' --define '_topdir /tmp/rpmbuild' --define '_build_id_links none'"
    yield f'chroot "$root" sh -c "rpmbuild -bb --quiet {options} /tmp/specs/*.spec"'
    yield f'chroot "$root" createrepo_c --quiet --simple-md-filenames {REPOSITORY}'
    yield 'rm -rf "$root/tmp/specs" "$root/tmp/rpmbuild"'


def _probe(version: str) -> Rpm:
    install = (
        f"%install\nmkdir -p %{{buildroot}}/etc\necho 'version = {version}' > %{{buildroot}}/etc/aivp-probe.conf\n"
    )
    return Rpm("aivp-probe", version, rest=f"{install}\n%files\n%config(noreplace) /etc/aivp-probe.conf\n")
