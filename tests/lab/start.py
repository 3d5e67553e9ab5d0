"""Suite → running host, and the promise that it is gone afterwards: the order of the lab's parts, no more.

A host ends with its block: on return, on an exception, on Ctrl-C and on SIGTERM. After kill -9 the next start,
or `sweep`, finds it by its record and removes it.
"""

from __future__ import annotations

import os
import secrets
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.lab import instances, namespaces
from tests.lab.cgroups import make_cgroups
from tests.lab.errors import NotReady
from tests.lab.hosts import Host
from tests.lab.places import places
from tests.lab.recipe import DEFAULT_SUITE, recipe
from tests.lab.repository import repository
from tests.lab.roots import architecture, root
from tests.lab.signals import signals_held, terminable


@contextmanager
def host(
    suite: str = DEFAULT_SUITE,
    name: str | None = None,
    packages: Iterable[str] = (),
    environ: Mapping[str, str] | None = None,
) -> Iterator[Host]:
    """A running host, gone without a trace at the end of the block, whatever ends it.

    `packages` are further Debian packages in its root, for which a root of its own is built and cached.
    """
    with terminable():
        started = start_host(suite, name, packages, environ)
        try:
            yield started
        finally:
            with signals_held():
                started.remove()


def start_host(
    suite: str = DEFAULT_SUITE,
    name: str | None = None,
    packages: Iterable[str] = (),
    environ: Mapping[str, str] | None = None,
    prepare: Callable[[Path], None] | None = None,
    on_boot: Callable[[int], None] | None = None,
) -> Host:
    """A running host that this process owns and has to remove; tests want `host`.

    `prepare` may change its file system before the first boot; `on_boot` is as for `Host`.
    """
    environ = os.environ if environ is None else environ
    where = places(environ)
    instances.sweep(where)
    floor = root(where, recipe(suite, architecture(), packages), environ)
    offered = repository(where, floor)

    def boot() -> Host:
        instance = instances.create(where, name or f"lab-{secrets.token_hex(3)}", suite)
        started = Host(instance, offered, on_boot)
        try:
            instances.mount(instance, floor.tree)
            if prepare is not None:
                prepare(instance.merged)
            make_cgroups(instance.cgroups)
            started.start()
        except BaseException:
            with signals_held():
                started.remove()
            raise
        return started

    try:
        return boot()
    except NotReady as error:
        warnings.warn(f"a throwaway host is started again: {error}", stacklevel=2)
        return boot()


def sweep(environ: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """Remove the hosts and networks whose owner is gone; their names."""
    where = places(os.environ if environ is None else environ)
    return instances.sweep(where) + namespaces.sweep(where)
