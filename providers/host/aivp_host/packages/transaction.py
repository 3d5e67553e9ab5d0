"""Package changes → one transaction of the package manager, simulated first, and what became of each package."""

from __future__ import annotations

from typing import Dict, List, Optional, Sequence, Tuple

from aivp_sdk import Change, Done, Interrupted, Permanent, ProviderError, Result, Session

from .declaration import Package, deleted
from .managers import Available, Forecast, PackageManager, Transaction
from .view import View, lists, look

Errors = Dict[str, ProviderError]
"""Name of the package → why it may not have reached its goal."""


def apply_changes(manager: PackageManager, changes: Sequence[Change[Package]], session: Session) -> List[Result]:
    """Bring every package to its goal. What counts for each is what is there afterwards."""
    goals = [deleted(change.desired) if change.action == "delete" else change.desired for change in changes]
    before = look(manager, goals, session)
    errors: Errors = {}
    if not all(view.is_reached for view in before):
        errors = _attempt(manager, before, session)
    return [_result(manager, view, errors) for view in look(manager, goals, session)]


def refuse_unplanned(transaction: Transaction, forecast: Forecast) -> None:
    """Raise Permanent where the manager would do more than the transaction says."""
    removals = set(forecast.removals) - {*transaction.remove, *transaction.purge}
    for names, what, mend in (
        (removals, "remove", "Declare them with state: absent, so that the plan shows it."),
        (set(forecast.downgrades) - transaction.downgrade, "downgrade", "allow_downgrade: true permits it."),
        (set(forecast.held) - transaction.held, "change the held", "allow_change_held: true permits it."),
    ):
        if names:
            listed = ", ".join(sorted(names))
            raise Permanent(f"nothing was changed: this would {what} {listed}, which is not in the plan", mend=mend)


def refuse_what_would_fail(manager: PackageManager, view: View, session: Session) -> None:
    """Raise Permanent for what the declaration does not permit. What becomes of other packages, a simulation tells."""
    desired, installed = view.desired, view.installed
    wanted = _version(view) or installed.version
    if installed.condition not in ("installed", "broken") or not (desired.is_absence or wanted != installed.version):
        return
    if installed.is_held and not _may_change_held(desired):
        mend = "" if desired.is_absence else ", or hold: true, which keeps it held at the new version"
        raise Permanent(
            f"{desired.name} is held on this host at {installed.version}",
            path="/state" if desired.is_absence else "/version",
            mend=f"Set allow_change_held: true{mend}.",
        )
    if desired.is_absence or desired.allow_downgrade or "*" in wanted:
        return
    if manager.is_older(wanted, installed.version, session):
        raise Permanent(
            f"{desired.name} is installed in version {installed.version}: {wanted} would be a downgrade",
            path="/version",
            mend="If that is meant, set allow_downgrade: true.",
        )


def _attempt(manager: PackageManager, views: Sequence[View], session: Session) -> Errors:
    goals = [view.desired for view in views]
    try:
        views = _mended(manager, views, session)
        pending = [view for view in views if not view.is_reached]
        offered = lists(manager, [view.desired for view in pending if _installs(view)], session)
        errors = _impossible(manager, pending, offered, session)
        if errors:
            return errors
        for transaction in transactions(pending, offered):
            refuse_unplanned(transaction, manager.forecast(transaction, session))
            manager.commit(transaction, session)
        _set_holds(manager, views, session)
    except Interrupted:
        raise
    except ProviderError as error:
        return {goal.name: error for goal in goals}
    return {}


def _mended(manager: PackageManager, views: Sequence[View], session: Session) -> Sequence[View]:
    """First finish what an interrupted run left, where it is in the way."""
    broken = [view for view in views if view.installed.condition == "broken" and not view.desired.is_absence]
    if not broken and not manager.is_interrupted(session):
        return views
    goals = [view.desired for view in views]
    manager.mend(_lock_timeout(goals), session)
    return look(manager, goals, session)


def _installs(view: View) -> bool:
    """True where the manager has to bring something, not only to set a hold."""
    if view.desired.is_absence:
        return False
    observed, wanted = view.seen.observed, view.seen.normalised or {}
    managed = [name for name in ("state", "version") if name in wanted]
    return observed is None or any(observed.get(name) != wanted[name] for name in managed)


def _impossible(
    manager: PackageManager, pending: Sequence[View], offered: Dict[str, Available], session: Session
) -> Errors:
    """Why the transaction cannot even be formed, for each of its packages; empty if it can."""
    errors: Errors = {}
    for view in pending:
        try:
            if _installs(view):
                _require(manager, view, offered.get(view.desired.name))
            refuse_what_would_fail(manager, view, session)
        except Permanent as error:
            errors[view.desired.name] = error
    if not errors:
        return {}
    reason = "; ".join(error.message for error in errors.values())
    others = Permanent(
        f"nothing was changed in this transaction: {reason}", mend="Mend what keeps the others from being installed."
    )
    return {view.desired.name: errors.get(view.desired.name, others) for view in pending}


def _require(manager: PackageManager, view: View, available: Optional[Available]) -> None:
    name = view.desired.name
    if available is None:
        mend = "Check its name, and the age of the lists: a package_index with a max_age keeps them fresh."
        raise Permanent(f"{manager.name} knows no package {name}", path="/name", mend=mend)
    if available.candidate is None:
        raise Permanent(
            f"{manager.name} has nothing to install for {name}: a name that other packages provide, or one that no"
            " source offers",
            path="/name",
            mend=f"Declare a package that provides it; apt-cache showpkg {name} lists them.",
        )
    version = _version(view)
    if version is not None and version not in available.versions:
        there = ", ".join(available.versions) or "none"
        mend = "Declare one of these, or leave version out; a package_index with a max_age keeps the lists fresh."
        raise Permanent(f"{name} {version} is not available; there is: {there}", path="/version", mend=mend)


def transactions(pending: Sequence[View], offered: Dict[str, Available]) -> List[Transaction]:
    """One, unless packages ask for options that a manager can only take for a whole run."""
    groups: Dict[Tuple[bool, str, str], List[View]] = {}
    for view in pending:
        if _installs(view):
            goal = view.desired
            groups.setdefault((goal.recommends, goal.default_release or "", goal.conffiles), []).append(view)
    absent = [view for view in pending if view.desired.is_absence]
    if absent:  # with the first: what is installed may be what takes the place of what goes
        groups.setdefault(min(groups, default=(False, "", "keep")), []).extend(absent)
    return [_transaction(options, groups[options], offered) for options in sorted(groups)]


def _transaction(options: Tuple[bool, str, str], views: Sequence[View], offered: Dict[str, Available]) -> Transaction:
    goals = [view.desired for view in views]
    recommends, release, conffiles = options
    return Transaction(
        install=tuple((view.desired.name, _exact(view, offered)) for view in views if not view.desired.is_absence),
        reinstall=any(view.installed.needs_reinstall for view in views if not view.desired.is_absence),
        remove=tuple(goal.name for goal in goals if goal.state == "absent"),
        purge=tuple(goal.name for goal in goals if goal.state == "purged"),
        downgrade=frozenset(goal.name for goal in goals if goal.allow_downgrade),
        held=frozenset(
            view.desired.name for view in views if view.installed.is_held and _may_change_held(view.desired)
        ),
        recommends=recommends,
        release=release or None,
        keep_conffiles=conffiles == "keep",
        lock_timeout=_lock_timeout(goals),
    )


def _may_change_held(desired: Package) -> bool:
    """Whose hold it is: where the declaration says something of it, its own version goes through."""
    return desired.hold is not None or desired.allow_change_held


def _exact(view: View, offered: Dict[str, Available]) -> Optional[str]:
    """The version to ask for. `present` never upgrades: what is broken is installed again in the version it has."""
    version = _version(view)
    if version is None and view.installed.condition == "broken":
        there = offered[view.desired.name].versions
        return view.installed.version if view.installed.version in there else None
    return version


def _version(view: View) -> Optional[str]:
    version = (view.seen.normalised or {}).get("version")
    return None if version is None else str(version)


def _set_holds(manager: PackageManager, before: Sequence[View], session: Session) -> None:
    """As declared; where nothing is, as it was: an upgrade that a hold was overridden for makes dpkg forget it."""
    after = look(manager, [view.desired for view in before], session)
    for held in (True, False):
        names = [
            new.desired.name
            for old, new in zip(before, after)
            if not new.desired.is_absence
            and new.installed.is_held is not held
            and (old.installed.is_held if new.desired.hold is None else new.desired.hold) is held
        ]
        if names:
            manager.hold(names, held, _lock_timeout([view.desired for view in before]), session)


def _lock_timeout(goals: Sequence[Package]) -> int:
    return max(goal.lock_timeout for goal in goals)


def _result(manager: PackageManager, view: View, errors: Errors) -> Result:
    if view.is_reached:
        return Done()
    name = view.desired.name
    unexplained = Permanent(
        f"the package manager reported success, but {name} is {view.installed.condition}",
        mend=f"See what {manager.audit} says on the host.",
    )
    return errors.get(name, unexplained)
