# ruff: noqa: F821  (this text is put behind that of the zoo's animals)


def mark(word):
    with open(os.environ["HOME"] + "/marks", "a") as file:
        file.write(word + "\n")


@animal("dies-after-its-effect")
class DiesAfterItsEffect(Whole):
    def apply(self, item):
        super().apply(item)
        mark("effect")
        os._exit(9)


@animal("hangs-after-its-effect")
class HangsAfterItsEffect(Whole):
    def apply(self, item):
        super().apply(item)
        mark("effect")
        time.sleep(3600)


@animal("dies-once-after-its-effect")
class DiesOnceAfterItsEffect(Whole):
    def apply(self, item):
        is_again = os.path.exists(os.environ["HOME"] + "/marks")
        outputs = super().apply(item)
        mark("effect")
        if not is_again:
            os._exit(9)
        return outputs


@animal("temporary")
class Temporary(Whole):
    def observe(self, item):
        raise provider.Problem("the door is shut", **{"class": "temporary"})


@animal("many-values")
class ManyValues(Whole):
    def observe(self, item):
        write('{"jsonrpc":"2.0","id":2,"result":{"items":[' + "[]," * 1_300_000 + "[]]}}\n")
        time.sleep(3600)


@animal("stderr-flood")
class StderrFlood(Whole):
    def observe(self, item):
        while True:
            os.write(2, b"e" * 65536)


@animal("talks")
class Talks(Whole):
    def observe(self, item):
        self.say("log", item, level="warning", message="the key is rusty")
        self.say("log", item, level="info", message="looking through the hole")
        return super().observe(item)

    def apply(self, item):
        self.say("log", item, level="info", message="opening the door")
        self.say("log", item, level="debug", message="the hinges creak")
        self.say("log", {}, level="warning", message="the paint is\nwet\x1b[2J")
        self.say("progress", item, message="pushing", done=1, total=4)
        for _ in range(300):
            self.say("log", item, level="info", message="and again")
        return super().apply(item)

    def say(self, method, item, **params):
        about = {"id": item["id"]} if item else {}
        self.send({"jsonrpc": "2.0", "method": method, "params": {"request": 0, **about, **params}})
