"""A third-party provider from the outside: the requests of protocol v1 as calls that give an answer for each item.

Nothing that it says is believed unchecked (`answers.py`), and no secret of a request comes back from it. One that
breaks the contract is ended, and its items have an error that names it. One that died is started again and asked once
more, under the same key, as the protocol promises.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Set

from aivp_contract.concealment import without
from aivp_contract.lines import BadLine
from aivp_contract.manifest import Kind
from aivp_contract.values import Json, Secret, contains
from aivp_sdk.provider import error_form
from aivp_sdk.redaction import Redaction, opened

from . import answers
from .child import Gone
from .conversation import Conversation, Program, Tell
from .faults import Broken, Refused
from .patience import Patience
from .question import Question
from .waiting import Limits

Answers = List[Dict[str, Json]]

MOST_LISTED = 100_000

ITEM = frozenset("id kind identity config prior tainted action seen changes".split())
"""Members of an item that the protocol knows; what else our own steps carry stays with us."""


class External:
    """One provider, whose process is started when it is first needed.

    tell: takes `progress` and `log` for people; is_cancelled: the run is being stopped; limits: of one answer.
    `standing`: the secrets of its configuration, which are secrets of every request.
    """

    def __init__(
        self,
        program: Program,
        tell: Tell,
        is_cancelled: Callable[[], bool] = lambda: False,
        limits: Optional[Limits] = None,
    ) -> None:
        self.program = program
        self.name = program.manifest.name
        self.tell = tell
        self.is_cancelled = is_cancelled
        self.limits = limits or Limits()
        self.patience = Patience(self._say, is_cancelled)
        self.standing: Sequence[str] = opened(dict(program.configuration))[1]
        self._entrusted: Set[str] = set(self.standing)
        self.conversation = Conversation(program, tell, self._without, is_cancelled, self.limits)

    @property
    def described(self) -> Mapping[str, Kind]:
        """Its kinds."""
        return self.program.manifest.kinds

    def observe(self, items: Sequence[Mapping[str, Json]]) -> Answers:
        """One answer per item, in order: `{id, observation}` or `{id, error}`."""
        return self._each("observe", items, {}, answers.observed, None, self.limits.look)

    def apply(self, items: Sequence[Mapping[str, Json]], key: str, timeout: Optional[float]) -> Answers:
        """One answer per item, in order: `{id, outputs}` or `{id, error}`."""
        return self._each("apply", items, {"key": key}, answers.applied, timeout)

    def list(self, kind: str, within: Optional[Mapping[str, Json]] = None) -> Answers:
        """Everything of a kind that exists: `{id, identity, attributes, name?, note?}`.

        `within` narrows it. Raises Broken or Gone, or Refused where the provider says that it cannot.
        """
        params: Dict[str, Json] = {"kind": kind, **({"within": dict(within)} if within else {})}
        try:
            self._need("list", "it cannot list")
            found = self.conversation.ask("list", params, self.limits.look, MOST_LISTED)
            return answers.listed(self.described[kind], found, self._without)
        except Refused as refused:
            error = self._freed_error(refused.error)
            raise Refused(str(error["message"]), error) from None
        except Broken as broken:
            raise Broken(self._without(self._blamed(f"broke its contract: {broken}"))) from None
        except Gone as gone:
            raise Gone(self._without(self._blamed(f"does not answer: {gone}"))) from None

    def upgrade(self, items: Sequence[Mapping[str, Json]]) -> Answers:
        """Recorded attributes in today's form: `{id, attributes}` or `{id, error}`."""
        asked = [Question(item, self.described[item["kind"]], None) for item in items]
        found = self._settled("upgrade", {"items": list(items)}, asked, answers.upgraded, self.limits.look)
        return [self._freed(one, answer) for one, answer in zip(asked, found)]

    def forget(self, run: str) -> None:
        """No key of this run will come again."""
        self.conversation.notify("forget", {"prefix": f"{run}/"})

    def close(self) -> None:
        """End it in peace, or else by force."""
        self.conversation.close()

    def _each(
        self,
        method: str,
        items: Sequence[Mapping[str, Json]],
        params: Mapping[str, Json],
        read: answers.Read,
        limit: Optional[float],
        look: Optional[float] = None,
    ) -> Answers:
        """Ask about items whose secrets are watched over; whatever goes wrong is an answer for each of them.

        limit: seconds for all tries together; look: for each of them.
        """
        questions = self._questions(items)
        asked = [one for one in questions if one.redaction is None or one.redaction.refusal is None]
        sent = [_sent(one.item) for one in asked]

        def ask(indices: Sequence[int], rest: Optional[float]) -> Answers:
            request = {**params, "items": [sent[index] for index in indices]}
            seconds = rest if look is None else look
            return self._settled(method, request, [asked[index] for index in indices], read, seconds)

        found = iter(self.patience.insist(ask, len(asked), limit) if asked else [])
        given: Answers = []
        for one in questions:
            if one.redaction is not None and one.redaction.refusal is not None:
                given.append({"id": one.id, "error": error_form(one.redaction.refusal, one.redaction.redact)})
            else:
                given.append(self._freed(one, next(found)))
        if any(one.redaction is not None and one.redaction.has_found for one in questions):
            self._report()
        return given

    def _questions(self, items: Sequence[Mapping[str, Json]]) -> List[Question]:
        """Items with what watches over them: none, where neither they nor any other one of the request has secrets."""
        is_secret = bool(self.standing) or any(contains(item["config"], (Secret,)) for item in items)
        described = self.described
        found = [
            Question(item, kind, Redaction(kind, item, self.standing) if is_veiled else None)
            for item in items
            for kind in (described[item["kind"]],)
            for is_veiled in (is_secret or kind.sensitive or item.get("tainted"),)
        ]
        if is_secret:
            watching = [one.redaction for one in found if one.redaction is not None]
            secrets = sorted({text for redaction in watching for text in redaction.secrets})
            self._entrusted.update(secrets)
            for redaction in watching:
                redaction.secrets, redaction.shared = secrets, ()
        return found

    def _freed(self, asked: Question, answer: Dict[str, Json]) -> Dict[str, Json]:
        if "error" not in answer:
            return answer
        return {"id": asked.item["id"], "error": self._freed_error(answer["error"])}

    def _freed_error(self, error: Mapping[str, Json]) -> Dict[str, Json]:
        """Its texts without secrets, bounded, and as Unicode has them; who showed one is named."""
        shown = {name: str(error[name]) for name in ("message", "path", "mend") if name in error}
        texts = {name: self._without(text) for name, text in shown.items()}
        is_shown = texts != {name: _valid(text) for name, text in shown.items()}
        texts = {name: text[:4000] for name, text in texts.items()}
        if is_shown:
            texts["message"] += f" (the provider {self.name} showed a secret here, which was taken out)"
            self._report()
        return {**error, **texts}

    def _report(self) -> None:
        text = f"the provider {self.name} showed a secret, which was taken out"
        self.tell("log", {"provider": self.name, "level": "warning", "message": text})

    def _without(self, text: str) -> str:
        return without(_valid(text), self._entrusted)

    def _settled(
        self,
        method: str,
        params: Dict[str, Json],
        asked: Sequence[Question],
        read: answers.Read,
        limit: Optional[float],
    ) -> Answers:
        """Answers that hold against the contract; an error for each item where they do not."""
        try:
            return answers.in_order(asked, self._asked_twice(method, params, limit, len(asked)), read)
        except Refused as refused:
            error = {"class": "permanent", "message": f"the provider {self.name} refuses: {refused}"}
            if refused.is_outside:
                error = dict(refused.error)
        except BadLine as bad:
            error = {"class": "permanent", "message": f"the provider {self.name} cannot be asked: {bad}"}
        except Broken as broken:
            error = {"class": "bug", "message": self._blamed(f"broke its contract: {broken}")}
        except Gone as gone:
            kind = "interrupted" if method == "apply" else "bug"
            error = {"class": kind, "message": self._blamed(f"does not answer: {gone}")}
        return [{"id": one.item["id"], "error": error} for one in asked]

    def _asked_twice(self, method: str, params: Dict[str, Json], limit: Optional[float], most: int) -> Dict[str, Any]:
        """The result; from a second process, if the first one died. One that we gave up is not asked again."""
        try:
            if method == "upgrade":
                self._need("upgrade", "it cannot upgrade what an older version of it recorded")
            return self.conversation.ask(method, params, limit, most)
        except Gone as gone:
            if gone.by_us or self.is_cancelled():
                raise
        self.conversation.end()
        return self.conversation.ask(method, params, limit, most)

    def _need(self, capability: str, otherwise: str) -> None:
        self.conversation.start()
        if not self.conversation.capabilities.get(capability):
            raise Refused(otherwise, {"class": "permanent", "message": otherwise})

    def _blamed(self, why: str) -> str:
        """End it; what it did wrong, with its name and its last words."""
        said = self.conversation.end()
        text = f"the provider {self.name} {why}"
        return f"{text}; its last words: {said}" if said else text

    def _say(self, message: str) -> None:
        self.tell("log", {"provider": self.name, "level": "info", "message": f"{self.name} {message}"})


def _sent(item: Mapping[str, Json]) -> Dict[str, Json]:
    """The members that the protocol knows; no identity rather than one of which nothing is known."""
    if item.keys() <= ITEM and None not in item.values() and item.get("identity", True):
        return dict(item)
    found = {name: value for name, value in item.items() if name in ITEM and value is not None}
    if not found.get("identity", True):
        del found["identity"]
    return found


def _valid(text: str) -> str:
    """As it can be handed on: without lone surrogates."""
    return text.encode("utf-8", "replace").decode()
