"""What a provider author writes: a `Kind` per type of resource, from a dataclass schema to observe and apply."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import (
    Any,
    ClassVar,
    Dict,
    FrozenSet,
    Generic,
    Iterable,
    List,
    Mapping,
    Optional,
    Sequence,
    Tuple,
    Type,
    TypeVar,
    Union,
)

from aivp_contract import pointer
from aivp_contract.diff import Change as FieldChange
from aivp_contract.observation import Observation
from aivp_contract.values import Json

from .errors import Bug, Permanent, ProviderError
from .process import Session

S = TypeVar("S")


@dataclass(frozen=True)
class Item(Generic[S]):
    """One resource to observe. `declared`: names of the declared fields; `prior`: what was last applied, if ever.

    hidden: those declared fields that hold secrets. The dispatch masks them; a provider that shows another field made
    from one of them answers a `Verdict` for it, and so for what it makes of `tainted` ones, which held secrets before.
    unapplied: write-only fields that are not as they were last applied.
    identity: the identity fields as far as they are known; of those that the kind assigns, none before its create.
    """

    id: str
    desired: S
    declared: Tuple[str, ...]
    prior: Optional[Mapping[str, Json]] = None
    hidden: FrozenSet[str] = frozenset()
    tainted: FrozenSet[str] = frozenset()
    unapplied: Tuple[str, ...] = ()
    identity: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True)
class Change(Generic[S]):
    """One resource to act upon.

    action: create, update, replace, delete or refresh; changes: the field differences that this step mends;
    seen: the observation just before; refresh: how the notification asked for it; hidden, tainted, identity: as in
    `Item`. A create of a kind that assigns ids answers with them among its outputs, the same ones whenever
    `session.key` comes again.
    """

    id: str
    action: str
    desired: S
    declared: Tuple[str, ...]
    seen: Observation
    changes: Tuple[FieldChange, ...] = ()
    prior: Optional[Mapping[str, Json]] = None
    hidden: FrozenSet[str] = frozenset()
    tainted: FrozenSet[str] = frozenset()
    identity: Mapping[str, Json] = field(default_factory=dict)

    def changed(self, *names: str) -> bool:
        """True where one of these fields differs."""
        return any(change.path.split("/")[1] in names for change in self.changes)

    def removed(self, name: str) -> Tuple[str, ...]:
        """Elements of the set or keyed list `name` that have to go."""
        paths = [pointer.parts(change.path) for change in self.changes if change.op == "remove"]
        return tuple(path[1] for path in paths if len(path) == 2 and path[0] == name)


@dataclass(frozen=True)
class Listed:
    """A thing that exists: its attributes as a declaration would say them, without what is at its default.

    name: what people would call it; note: what they should know of it, such as what is left out, and why;
    identity: where the provider assigns it (else it is among the attributes).
    """

    attributes: Mapping[str, Json]
    name: str = ""
    note: str = ""
    identity: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True)
class Done:
    """A success: `outputs` are the computed fields; `absorbs_refresh`: a pending refresh is done with it."""

    outputs: Mapping[str, Json] = field(default_factory=dict)
    absorbs_refresh: bool = False


Result = Union[Done, ProviderError]
Seen = Union[Observation, ProviderError]


class Kind(Generic[S]):
    """One type of resource. Set the class variables, write `observe` and `apply`; the rest has good defaults."""

    name: ClassVar[str]
    schema: ClassVar[Type[Any]]
    identity: ClassVar[Tuple[str, ...]]
    identity_from_name: ClassVar[bool] = False
    schema_version: ClassVar[int] = 1
    phase: ClassVar[str] = "file"
    placement: ClassVar[str] = "host"
    disturbs: ClassVar[Tuple[str, ...]] = ()
    existence: ClassVar[str] = "observed"
    batch: ClassVar[bool] = False
    transaction: ClassVar[bool] = False
    at_once: ClassVar[int] = 1
    """How many of a batch `apply` acts upon side by side, each in a thread with a session of its own: for effects that
    last and hardly keep this process busy, such as a VM that starts.
    """
    refreshable: ClassVar[bool] = False
    shared: ClassVar[bool] = False
    deletable: ClassVar[bool] = True
    channel: ClassVar[Optional[str]] = None
    """Its things are hosts: the computed field with the argv that leads into one, None while it does not run."""
    platforms: ClassVar[Tuple[str, ...]] = ("linux",)
    provides: ClassVar[Tuple[Dict[str, Json], ...]] = ()
    requires: ClassVar[Tuple[Dict[str, Json], ...]] = ()
    rules: ClassVar[Tuple[Dict[str, Json], ...]] = ()
    needs: ClassVar[Tuple[Dict[str, Json], ...]] = ()
    """What must be there on a host before it works, for `aivp doctor`."""
    within: ClassVar[Optional[Type[Any]]] = None
    """A dataclass of what narrows `list`, such as the folder to look in; None: nothing does."""

    def observe(self, item: Item[S], session: Session) -> Observation:
        """What is there. Must change nothing."""
        raise NotImplementedError(f"{self.name} does not observe")

    def apply(self, change: Change[S], session: Session) -> Optional[Done]:
        """Bring the thing to `change.desired` (or away, for delete). None means Done()."""
        raise NotImplementedError(f"{self.name} does not apply")

    def list(self, within: Any, session: Session) -> Iterable[Listed]:
        """Everything of this kind that exists here. `within`: what was asked for, as a value of that class, or None."""
        raise Permanent(f"{self.name} cannot be listed")

    def upgrade(self, version: int, attributes: Mapping[str, Json]) -> Mapping[str, Json]:
        """Recorded attributes of an older `schema_version` in today's form."""
        return attributes

    def observe_many(self, items: Sequence[Item[S]], session: Session) -> List[Seen]:
        """Override where one listing is cheaper than one look each; answers in the order of `items`."""
        found: List[Seen] = []
        for item in items:
            try:
                found.append(self.observe(item, session))
            except ProviderError as error:
                found.append(error)
            except Exception as error:  # noqa: BLE001  # the author's code: a bug in one item is none of the others
                found.append(Bug.of(error))
        return found

    def apply_many(self, changes: Sequence[Change[S]], session: Session) -> List[Result]:
        """Override where one transaction serves many; answers in the order of `changes`."""
        if self.at_once > 1 and len(changes) > 1:
            from .abreast import abreast  # threads take time to import, and are for slow kinds

            return abreast(self._done, changes, session, self.at_once)
        done: List[Result] = []
        for change in changes:
            try:
                done.append(self._done(change, session))
            except ProviderError as error:
                done.append(error)
            except Exception as error:  # noqa: BLE001  # as above
                done.append(Bug.of(error))
        return done

    def _done(self, change: Change[S], session: Session) -> Done:
        return self.apply(change, session) or Done()
