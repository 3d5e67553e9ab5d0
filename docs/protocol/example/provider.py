"""The provider of the protocol's document: notes, kept as JSON files. Python's standard library and nothing of aivp.

One thread reads, so that `cancel` and the end of stdin are seen while a request is in hand; the other answers.
"""

import json
import os
import queue
import sys
import threading

KIND = "example/note"
LINE = 4 * 1024 * 1024  # bytes of the longest message
METHODS = ("initialize", "observe", "apply", "list", "shutdown")
ACTIONS = ("create", "update", "delete", "refresh")
UNKNOWN = {"$aivp": "unknown"}


class Problem(Exception):
    """An error of one item: message, and the members of the protocol that go with it."""

    def __init__(self, message, **members):
        super().__init__(message)
        self.form = {"class": "permanent", "message": message, **members}


class Refusal(Exception):
    """An error of a whole request."""

    def __init__(self, code, message, **members):
        super().__init__(message)
        self.form = {"code": code, "message": message, **members}


class Notes:
    """Answers requests. `is_canceled(request)`: no further item of it is wanted; `send(message)` writes a line."""

    def __init__(self, is_canceled, send):
        self.is_canceled = is_canceled
        self.send = send
        self.is_initialized = False

    def answer(self, message):
        """The answer to one request."""
        if not isinstance(message, dict) or not isinstance(message.get("method"), str):
            error = {"code": -32600, "message": "not a request"}
            return {"jsonrpc": "2.0", "id": message.get("id") if isinstance(message, dict) else None, "error": error}
        answer = {"jsonrpc": "2.0", "id": message["id"]}
        try:
            return {**answer, "result": self.result(message["id"], message["method"], message["params"])}
        except Refusal as refusal:
            return {**answer, "error": refusal.form}
        except (KeyError, TypeError, AttributeError):
            return {**answer, "error": {"code": -32602, "message": "the parameters have another form"}}

    def result(self, number, method, params):
        if method not in METHODS:
            raise Refusal(-32601, f"no method {method}")
        if not self.is_initialized and method != "initialize":
            raise Refusal(-32600, "initialize comes first")
        if method == "observe":
            return {"items": self.parts(number, self.each(number, checked(params), "observation", self.observe))}
        if method == "apply":
            for item in checked(params):
                if item["action"] not in ACTIONS:
                    raise Refusal(-32602, f"no action {item['action']}")
            return {"items": self.parts(number, self.each(number, params["items"], "outputs", self.apply))}
        if method == "list":
            return {"items": self.parts(number, self.list(params))}
        return {} if method == "shutdown" else self.initialize(params)

    def initialize(self, params):
        if params["protocol"]["major"] != 1:
            raise Refusal(1, "unsupported protocol", data={"majors": [1]})
        self.is_initialized = True
        return {
            "protocol": {"major": 1, "minor": 0},
            "provider": {"name": "example", "version": "1.0.0"},
            "kinds": {KIND: 1},
            "capabilities": {"list": True, "cancel": True},
        }

    def each(self, number, items, member, handle):
        """The answers for all items, as they come."""
        for item in items:
            if self.is_canceled(number):
                yield {"id": item["id"], "error": {"class": "canceled", "message": "canceled"}}
                continue
            try:
                answer = {"id": item["id"], member: handle(item)}
            except Problem as problem:
                answer = {"id": item["id"], "error": problem.form}
            except OSError as error:
                answer = {"id": item["id"], "error": Problem(error.strerror or "it failed", path="/path").form}
            if len(encode(answer)) > LINE - 1000:
                answer = {"id": item["id"], "error": Problem("too long for a message", path="/text").form}
            yield answer

    def parts(self, number, answers):
        """Sends what would make the answer's line too long before it; what is left."""
        part, length = [], 0
        for answer in answers:
            more = len(encode(answer))
            if length + more > LINE - 1000:
                params = {"request": number, "items": part}
                self.send({"jsonrpc": "2.0", "method": "items", "params": params})
                part, length = [], 0
            part.append(answer)
            length += more + 2
        return part

    def observe(self, item):
        config, hidden = described(item), secret_fields(item)
        folder = os.path.dirname(config["path"])
        if not os.path.isdir(folder):
            mend = "Declare the folder, or choose another one."
            raise Problem(f"the folder {folder} does not exist", path="/path", mend=mend)
        normalised = {name: without_value(config[name]) for name in sorted(config) if config[name] is not None}
        if "tags" in normalised and all(isinstance(tag, str) for tag in normalised["tags"]):
            normalised["tags"] = sorted(set(normalised["tags"]))
        note = read(config["path"])
        if note is None:
            return {"observed": None, "normalised": normalised, "computed": {"size": promised(config.get("text"))}}
        observed = {"path": config["path"], "size": size(note.get("text"))}
        for name in ("pin", "tags", "text"):
            if name in hidden:
                observed[name] = {"$aivp": "verdict", "matches": matches(name, config.get(name), note.get(name))}
            elif note.get(name) is not None and name != "pin":
                observed[name] = note[name]
        text = config["text"] if config.get("text") is not None else note.get("text")
        return {"observed": observed, "normalised": normalised, "computed": {"size": promised(text)}}

    def apply(self, item):
        config = described(item)
        if item["action"] == "delete":
            if os.path.lexists(config["path"]):
                os.unlink(config["path"])
            return {}
        note = read(config["path"]) or {}
        for name in ("pin", "tags", "text"):
            if config.get(name) is not None:
                if is_unknown(config[name]):
                    raise Problem(f"{name} is not known", path=f"/{name}")
                note[name] = plain(name, config[name])
        write(config["path"], note)
        return {"size": size(note.get("text"))}

    def list(self, params):
        """Notes could lie anywhere: those of the folder that is asked about."""
        if params["kind"] != KIND:
            raise Refusal(-32602, f"{params['kind']} is not served here")
        folder = params["within"]["folder"]
        try:
            names = os.listdir(folder)
        except OSError as error:
            message = f"{folder} cannot be read: {error.strerror}"
            raise Refusal(2, message, data=Problem(message, mend="Name another folder.").form) from None
        found = []
        for path in sorted(os.path.join(folder, name) for name in names):
            try:
                note = read(path)
            except Problem:
                continue
            if note is not None:
                attributes = {name: note[name] for name in ("tags", "text") if note.get(name)}
                identity = {"path": path}
                attributes = {**identity, **attributes}
                found.append({"id": str(len(found) + 1), "identity": identity, "attributes": attributes})
        return found


def encode(message):
    """A message as bytes of UTF-8, without the newline; what a file name may hold beyond that is replaced."""
    return json.dumps(message, ensure_ascii=False).encode("utf-8", "replace")


def checked(params):
    """The items of a request, whose form is right: looked at before anything is done, so that nothing is half done."""
    if not isinstance(params["items"], list):
        raise Refusal(-32602, "items is no list")
    for item in params["items"]:
        if item["kind"] != KIND:
            raise Refusal(-32602, f"{item['kind']} is not served here")
        if not isinstance(item["id"], str) or not isinstance(item["config"], dict):
            raise Refusal(-32602, "an item has another form")
    return params["items"]


def described(item):
    """What is known of the thing: its declared fields, with texts, unknown values and secrets in them, and its path."""
    config = {**item.get("identity", {}), **item["config"]}
    for name, value in config.items():
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, dict) and part.get("$aivp") not in ("secret", "unknown"):
                raise Problem(f"{name} takes text", path=f"/{name}")
    if not isinstance(config.get("path"), str):
        raise Problem("where it lies must be known", path="/path")
    return config


def secret_fields(item):
    """Names of fields that must not be shown: sensitive, secret now, or secret before."""
    config = item["config"]
    secret = {name for name in config if holds_secret(config[name])}
    return {"pin"} & set(config) | secret | set(item.get("tainted", ()))


def holds_secret(value):
    parts = value if isinstance(value, list) else [value]
    return any(isinstance(part, dict) and part["$aivp"] == "secret" for part in parts)


def is_unknown(value):
    parts = value if isinstance(value, list) else [value]
    return UNKNOWN in parts


def plain(name, value):
    """What a declared value is made of, for use on this host only, as it is kept."""
    parts = [part["value"] if isinstance(part, dict) else part for part in (value if name == "tags" else [value])]
    return sorted(set(parts)) if name == "tags" else parts[0]


def matches(name, wanted, kept):
    """The verdict on a field: is it as declared? None where that is not declared, or not known."""
    return None if wanted is None or is_unknown(wanted) else kept == plain(name, wanted)


def without_value(value):
    """A declared value as it may leave this host."""
    if isinstance(value, list):
        return [without_value(part) for part in value]
    if isinstance(value, dict):
        return {name: value[name] for name in value if name not in ("value", "parts")}
    return value


def promised(text):
    """The size that a declared text will have."""
    return UNKNOWN if is_unknown(text) else size(plain("text", text))


def size(text):
    """Bytes of a text."""
    return len((text or "").encode())


def read(path):
    """The note at `path`, None where there is none."""
    try:
        with open(path, encoding="utf-8") as file:
            note = json.load(file)
    except FileNotFoundError:
        return None
    except (ValueError, IsADirectoryError):
        raise Problem("something that is no note lies there", path="/path") from None
    if not isinstance(note, dict):
        raise Problem("something that is no note lies there", path="/path")
    for name, form in (("pin", str), ("tags", list), ("text", str)):
        if not isinstance(note.get(name), (form, type(None))):
            raise Problem("something that is no note lies there", path="/path")
    return note


def write(path, note):
    """Whole or not at all: a kill at any moment leaves the old note or the new one."""
    temporary = f"{path}.new"
    with open(temporary, "w", encoding="utf-8") as file:
        json.dump(note, file, sort_keys=True)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def main(make=Notes):
    """Serve until stdin ends, or brings a line that is none: then finish the item in hand, and start no other."""
    canceled, is_over, inbox = set(), threading.Event(), queue.Queue()

    def listen():
        while (line := sys.stdin.buffer.readline(LINE)).endswith(b"\n"):
            try:
                message = json.loads(line)
            except (ValueError, RecursionError):
                break
            if not isinstance(message, dict) or "id" in message:
                inbox.put(message)
            elif message.get("method") == "cancel":
                canceled.add((message.get("params") or {}).get("request"))
        is_over.set()
        inbox.put(None)

    def send(message):
        sys.stdout.buffer.write(encode(message) + b"\n")
        sys.stdout.flush()

    threading.Thread(target=listen, daemon=True).start()
    notes = make(lambda request: is_over.is_set() or request in canceled, send)
    while (message := inbox.get()) is not None:
        send(notes.answer(message))


if __name__ == "__main__":
    main()
