"""The provider of the protocol's document: notes, kept as JSON files. Python's standard library and nothing of aivp.

One thread reads, so that `cancel` is seen while a request is in hand; the other answers.
"""

import json
import os
import queue
import sys
import threading

KIND = "example/note"
FIELDS = ("path", "pin", "tags", "text")


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
    """Answers requests. `is_canceled(request)`: the caller wants no further item of it."""

    def __init__(self, is_canceled):
        self.is_canceled = is_canceled
        self.is_initialized = False

    def answer(self, message):
        """The answer to one request."""
        answer = {"jsonrpc": "2.0", "id": message["id"]}
        try:
            return {**answer, "result": self.result(message["id"], message["method"], message["params"])}
        except Refusal as refusal:
            return {**answer, "error": refusal.form}
        except (KeyError, TypeError, AttributeError):
            return {**answer, "error": {"code": -32602, "message": "the parameters have another form"}}

    def result(self, number, method, params):
        if method not in ("initialize", "observe", "apply", "list", "shutdown"):
            raise Refusal(-32601, f"no method {method}")
        if not self.is_initialized and method != "initialize":
            raise Refusal(-32600, "initialize comes first")
        if method == "observe":
            return {"items": [self.one(number, item, "observation", self.observe) for item in params["items"]]}
        if method == "apply":
            return {"items": [self.one(number, item, "outputs", self.apply) for item in params["items"]]}
        return {} if method == "shutdown" else getattr(self, method)(params)

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

    def one(self, number, item, member, handle):
        """The answer for one item."""
        if self.is_canceled(number):
            return {"id": item["id"], "error": {"class": "canceled", "message": "canceled"}}
        if item["kind"] != KIND:
            raise Refusal(-32602, f"{item['kind']} is not served here")
        try:
            return {"id": item["id"], member: handle(item)}
        except Problem as problem:
            return {"id": item["id"], "error": problem.form}
        except OSError as error:
            return {"id": item["id"], "error": Problem(error.strerror or "it failed", path="/path").form}

    def observe(self, item):
        config, hidden = item["config"], secret_fields(item)
        folder = os.path.dirname(config["path"])
        if not os.path.isdir(folder):
            mend = "Declare the folder, or choose another one."
            raise Problem(f"the folder {folder} does not exist", path="/path", mend=mend)
        normalised = {name: without_value(config[name]) for name in sorted(config) if config[name] is not None}
        if "tags" in normalised:
            normalised["tags"] = sorted(set(config["tags"]))
        note = read(config["path"])
        if note is None:
            return {"observed": None, "normalised": normalised, "computed": {"size": size(plain(config.get("text")))}}
        observed = {"path": config["path"], "size": size(note.get("text"))}
        for name in ("pin", "tags", "text"):
            if name in hidden:
                wanted = plain(config.get(name))
                observed[name] = {"$aivp": "verdict", "matches": None if wanted is None else note.get(name) == wanted}
            elif note.get(name) is not None and name != "pin":
                observed[name] = note[name]
        text = config["text"] if config.get("text") is not None else note.get("text")
        return {"observed": observed, "normalised": normalised, "computed": {"size": size(plain(text))}}

    def apply(self, item):
        config, action = item["config"], item["action"]
        if action == "delete":
            if os.path.lexists(config["path"]):
                os.unlink(config["path"])
            return {}
        note = read(config["path"]) or {}
        for name in ("pin", "tags", "text"):
            if config.get(name) is not None:
                note[name] = sorted(set(config[name])) if name == "tags" else plain(config[name])
        write(config["path"], note)
        return {"size": size(note.get("text"))}

    def list(self, params):
        """Notes could lie anywhere: those of the folder that $HOME/folder names, if there is one."""
        if params["kind"] != KIND:
            raise Refusal(-32602, f"{params['kind']} is not served here")
        try:
            with open(os.path.join(os.environ["HOME"], "folder")) as file:
                folder = file.read().strip()
        except OSError:
            return {"items": []}
        found = []
        for path in sorted(os.path.join(folder, name) for name in os.listdir(folder)):
            note = read(path)
            if note is not None:
                attributes = {name: note[name] for name in ("tags", "text") if note.get(name)}
                identity = {"path": path}
                found.append(
                    {"id": str(len(found) + 1), "identity": identity, "attributes": {**identity, **attributes}}
                )
        return {"items": found}


def secret_fields(item):
    """Names of fields that must not be shown: sensitive, secret now, or secret before."""
    secret = {name for name, value in item["config"].items() if isinstance(value, dict)}
    return {"pin"} & set(item["config"]) | secret | set(item.get("tainted", ()))


def plain(value):
    """What a value is made of, for use on this host only."""
    return value["value"] if isinstance(value, dict) else value


def without_value(value):
    """A declared value as it may leave this host."""
    return {"$aivp": "secret", "origin": value["origin"]} if isinstance(value, dict) else value


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
    return note


def write(path, note):
    """Whole or not at all: a kill at any moment leaves the old note or the new one."""
    temporary = f"{path}.new"
    with open(temporary, "w", encoding="utf-8") as file:
        json.dump(note, file, sort_keys=True)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def main():
    """Serve until stdin ends."""
    canceled, inbox = set(), queue.Queue()

    def listen():
        for line in sys.stdin.buffer:
            message = json.loads(line)
            if "id" in message:
                inbox.put(message)
            elif message.get("method") == "cancel":
                canceled.add(message["params"]["request"])
        inbox.put(None)

    threading.Thread(target=listen, daemon=True).start()
    notes = Notes(canceled.__contains__)
    while (message := inbox.get()) is not None:
        print(json.dumps(notes.answer(message)), flush=True)


if __name__ == "__main__":
    main()
