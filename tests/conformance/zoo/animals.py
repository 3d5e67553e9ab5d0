"""Providers with one fault each. The table in test_zoo.py says by which check each must be found out."""

import json
import os
import subprocess
import sys
import time

import keeper
from keeper import Whole, provider

ANIMALS = {}


def animal(name):
    """An animal is a class that takes the place of Whole, or a function that takes that of main."""

    def known(found):
        ANIMALS[name] = (lambda: provider.main(found)) if isinstance(found, type) else found
        return found

    return known


def write(text):
    sys.stdout.write(text)
    sys.stdout.flush()


# --- sessions and messages -----------------------------------------------------------------------------------------


@animal("wrong-kinds")
class WrongKinds(Whole):
    def initialize(self, params):
        return {**super().initialize(params), "kinds": {"example/note": 1, "example/other": 1}}


@animal("garbage")
class Garbage(Whole):
    def observe(self, item):
        write("looking at " + item["id"] + "\n")
        return super().observe(item)


@animal("endless-line")
class EndlessLine(Whole):
    def observe(self, item):
        for _ in range(1024):
            write("x" * 1024 * 1024)  # a gigabyte in all
        return super().observe(item)


@animal("hang")
class Hang(Whole):
    def observe(self, item):
        time.sleep(3600)


@animal("double-reply")
class DoubleReply(Whole):
    def answer(self, message):
        answer = super().answer(message)
        if message["method"] == "observe":
            self.send(answer)
        return answer


@animal("wrong-id")
class WrongId(Whole):
    def answer(self, message):
        answer = super().answer(message)
        return {**answer, "id": answer["id"] + 1} if message["method"] == "observe" else answer


@animal("buggy")
class Buggy(Whole):
    def observe(self, item):
        raise provider.Problem("KeyError at provider.py:12", **{"class": "bug"})


@animal("early-exit")
class EarlyExit(Whole):
    def observe(self, item):
        os._exit(3)


@animal("progress-flood")
class ProgressFlood(Whole):
    def initialize(self, params):
        self.shown = params["capabilities"]
        return super().initialize(params)

    def answer(self, message):
        while message["method"] == "observe" and self.shown.get("progress"):
            self.send({"jsonrpc": "2.0", "method": "progress", "params": {"request": message["id"], "done": 1}})
        return super().answer(message)


@animal("chatty")
class Chatty(Whole):
    def answer(self, message):
        if message["method"] == "observe":
            self.send({"jsonrpc": "2.0", "method": "progress", "params": {"request": message["id"], "done": 1}})
        return super().answer(message)


@animal("formless")
class Formless(Whole):
    def observe(self, item):
        return {**super().observe(item), "observed": "a note"}


class Items(Whole):
    """Its answers to observe are made wrong by `items`."""

    def answer(self, message):
        answer = super().answer(message)
        if message["method"] == "observe" and "result" in answer:
            answer["result"]["items"] = self.items(answer["result"]["items"])
        return answer


@animal("wrong-item-id")
class WrongItemId(Items):
    def items(self, items):
        return [{**item, "id": item["id"].upper()} for item in items]


@animal("items-missing")
class ItemsMissing(Items):
    def items(self, items):
        return items[:-1]


@animal("reordered")
class Reordered(Items):
    def items(self, items):
        return items[::-1]


@animal("forgets-after-1000")
class ForgetsAfter1000(Items):
    def items(self, items):
        return items[:1000]


@animal("undeclared-field")
class UndeclaredField(Whole):
    def observe(self, item):
        seen = super().observe(item)
        return {**seen, "normalised": {**seen["normalised"], "inode": 7}}


@animal("major-2")
class Major2(Whole):
    def initialize(self, params):
        return super().initialize({**params, "protocol": {"major": 1, "minor": 0}})


@animal("eager")
class Eager(Whole):
    def __init__(self, *args):
        super().__init__(*args)
        self.is_initialized = True


@animal("unknown-method")
class UnknownMethod(Whole):
    def result(self, number, method, params):
        if method not in provider.METHODS:
            raise provider.Refusal(-32603, "a bug")
        return super().result(number, method, params)


@animal("strict-members")
class StrictMembers(Whole):
    def result(self, number, method, params):
        if set(params) - {"items", "key", "deadline_ms"} and method == "observe":
            raise provider.Refusal(-32602, "unknown members")
        return super().result(number, method, params)


@animal("trusting")
class Trusting(Whole):
    """Looks at an item's form when its turn has come."""

    def result(self, number, method, params):
        if method == "apply" and self.is_initialized:
            return {"items": list(self.each(number, self.alive(params["items"]), "outputs", self.apply))}
        return super().result(number, method, params)

    def alive(self, items):
        for item in items:
            if item["action"] not in provider.ACTIONS:
                raise provider.Refusal(-32602, "no such action")
            yield item


@animal("deaf-to-garbage")
def deaf_to_garbage():
    class Lenient:
        load, dump, dumps = json.load, json.dump, json.dumps

        @staticmethod
        def loads(line):
            try:
                return json.loads(line)
            except ValueError:
                return {}

    provider.json = Lenient
    provider.main(Whole)


@animal("immortal")
def immortal():
    provider.main(Whole)
    time.sleep(3600)


@animal("uncancelable")
class Uncancelable(Whole):
    def each(self, number, items, member, handle):
        kept = self.is_canceled
        self.is_canceled = kept if member == "outputs" else lambda request: False
        yield from super().each(number, items, member, handle)
        self.is_canceled = kept


@animal("finisher")
class Finisher(Whole):
    """Does what it was asked for, whoever is still there."""

    def result(self, number, method, params):
        if method == "apply":
            self.is_canceled = lambda request: False
        return super().result(number, method, params)


# --- looking -------------------------------------------------------------------------------------------------------


@animal("toucher")
class Toucher(Whole):
    def observe(self, item):
        path = item["config"].get("path", "")
        if os.path.exists(path):
            os.utime(path)
        return super().observe(item)


@animal("moody")
class Moody(Whole):
    def observe(self, item):
        seen = super().observe(item)
        return {**seen, "replace": []} if os.environ.get("PYTHONHASHSEED") == "2" else seen


# --- acting --------------------------------------------------------------------------------------------------------


@animal("liar")
class Liar(Whole):
    def apply(self, item):
        return {"size": provider.size(provider.plain("text", item["config"].get("text")))}


@animal("half-update")
class HalfUpdate(Whole):
    def apply(self, item):
        if item["action"] == "update":
            item = {**item, "config": {n: v for n, v in item["config"].items() if n != "tags"}}
        return super().apply(item)


@animal("promise-broken")
class PromiseBroken(Whole):
    def observe(self, item):
        seen = super().observe(item)
        return {**seen, "computed": {"size": 1}} if seen["observed"] is None else seen


@animal("unknown-stays")
class UnknownStays(Whole):
    def observe(self, item):
        return {**super().observe(item), "computed": {"size": {"$aivp": "unknown"}}}


@animal("known-changes")
class KnownChanges(Whole):
    def apply(self, item):
        outputs = super().apply(item)
        return {"size": outputs["size"] + 1} if outputs else outputs


@animal("overwriter")
class Overwriter(Whole):
    """Knows no field but the declared ones."""

    def apply(self, item):
        path = item["config"].get("path", "")
        if item["action"] == "update" and os.path.exists(path):
            color = provider.read(path).get("color")
            os.unlink(path)
            provider.write(path, {"color": color} if color else {})
        return super().apply(item)


@animal("appender")
class Appender(Whole):
    def apply(self, item):
        path = item["config"].get("path", "")
        old = provider.read(path) if item["action"] == "create" else None
        outputs = super().apply(item)
        if old is not None:
            provider.write(path, {**provider.read(path), "text": "twice " + (old.get("text") or "")})
        return outputs


@animal("refuses-keys")
class RefusesKeys(Whole):
    """Remembers keys, and forgets what it answered."""

    def result(self, number, method, params):
        if method == "apply" and self.is_initialized and params["key"].startswith("conformance-once"):
            try:
                os.close(os.open(os.environ["HOME"] + "/key", os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                raise provider.Refusal(-32603, "that was asked before") from None
        return super().result(number, method, params)


@animal("stubborn-delete")
class StubbornDelete(Whole):
    def apply(self, item):
        if item["action"] == "delete" and not os.path.exists(item["config"]["path"]):
            raise provider.Problem("it is not there", path="/path")
        return super().apply(item)


@animal("color-blind")
class ColorBlind(Whole):
    def observe(self, item):
        seen = super().observe(item)
        if seen["observed"] is not None and "color" in seen["normalised"]:
            seen["normalised"]["color"] = seen["observed"]["color"]
        return seen


@animal("no-refresh")
class NoRefresh(Whole):
    def apply(self, item):
        if item["action"] == "refresh":
            raise provider.Problem("nothing to restart here")
        return super().apply(item)


@animal("hider")
class Hider(Whole):
    def apply(self, item):
        try:
            return super().apply(item)
        except OSError:
            return {"size": 0}


@animal("locked-out")
class LockedOut(Whole):
    """Leaves its lock behind when time is short."""

    def result(self, number, method, params):
        lock = os.environ["HOME"] + "/lock"
        if method == "apply" and os.path.exists(lock):
            raise provider.Refusal(-32603, "locked")
        if method == "apply" and params.get("deadline_ms") == 1:
            os.close(os.open(lock, os.O_CREAT))
        return super().result(number, method, params)


@animal("leaver")
class Leaver(Whole):
    """Writes to a name that no other process will find again."""

    def apply(self, item):
        if item["action"] == "create":
            temporary = f"{item['config']['path']}.{os.getpid()}"
            with open(temporary, "w") as file:
                file.write("half")
            time.sleep(0.03)
            os.unlink(temporary)
        return super().apply(item)


@animal("ascii")
class Ascii(Whole):
    def apply(self, item):
        text = item["config"].get("text")
        if isinstance(text, str):
            plain = text.encode("ascii", "replace").decode()
            item = {**item, "config": {**item["config"], "text": plain}}
        return super().apply(item)


@animal("short-of-breath")
class ShortOfBreath(Whole):
    def apply(self, item):
        text = item["config"].get("text")
        if isinstance(text, str):
            item = {**item, "config": {**item["config"], "text": text[:65536]}}
        return super().apply(item)


@animal("three-tags")
class ThreeTags(Whole):
    def apply(self, item):
        tags = item["config"].get("tags")
        if tags:
            item = {**item, "config": {**item["config"], "tags": tags[:3]}}
        return super().apply(item)


# --- secrets -------------------------------------------------------------------------------------------------------


def secrets_of(item):
    values = item["config"].values()
    return [value["value"] for value in values if isinstance(value, dict) and "value" in value]


@animal("leak-on-stderr")
class LeakOnStderr(Whole):
    def apply(self, item):
        print("applying", item["config"], file=sys.stderr, flush=True)
        return super().apply(item)


@animal("leak-in-error")
class LeakInError(Whole):
    def observe(self, item):
        try:
            return super().observe(item)
        except provider.Problem as problem:
            for value in secrets_of(item):
                raise provider.Problem(f"{problem}: {value}", path="/path") from None
            raise


@animal("leak-in-observed")
class LeakInObserved(Whole):
    def observe(self, item):
        seen = super().observe(item)
        if seen["observed"] is not None and secrets_of(item):
            seen["observed"]["text"] = secrets_of(item)[0]
        return seen


@animal("leak-in-argv")
class LeakInArgv(Whole):
    def apply(self, item):
        for value in secrets_of(item):
            subprocess.run(["sh", "-c", "sleep 0.1; : $0", value], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        return super().apply(item)


@animal("leak-in-file")
class LeakInFile(Whole):
    def apply(self, item):
        with open(os.environ["HOME"] + "/journal", "a") as journal:
            json.dump(item["config"], journal)
        return super().apply(item)


@animal("yes-man")
class YesMan(Whole):
    def observe(self, item):
        seen = super().observe(item)
        for name, value in (seen["observed"] or {}).items():
            if isinstance(value, dict) and isinstance(item["config"].get(name), dict):
                seen["observed"][name] = {"$aivp": "verdict", "matches": True}
        return seen


@animal("taint-blind")
class TaintBlind(Whole):
    def observe(self, item):
        return super().observe({**item, "tainted": []})


# --- capabilities --------------------------------------------------------------------------------------------------


@animal("unsorted")
class Unsorted(Whole):
    def list(self, params):
        return super().list(params)[::-1]


@animal("lists-computed")
class ListsComputed(Whole):
    def list(self, params):
        return [{**item, "attributes": {**item["attributes"], "size": 1}} for item in super().list(params)]


@animal("lists-none")
class ListsNone(Whole):
    def list(self, params):
        return super().list(params)[1:]


@animal("no-upgrade")
class NoUpgrade(Whole):
    def upgraded(self, attributes):
        return attributes


assert keeper
