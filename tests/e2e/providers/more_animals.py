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
