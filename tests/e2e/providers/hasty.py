"""A host whose runner has little patience with third-party providers, and tells how much memory it took.

Started as `python hasty.py FILE python3 -I -S -c BOOTSTRAP` by a host with `transport: exec`; FILE gets the runner's
peak, in KiB, when it ends. Standard library only.
"""

import os
import sys

LOOK = 3.0
PEAK, ARGV = sys.argv[1], sys.argv[2:]


RUNNER = os.getpid()


def keep_peak():
    if os.getpid() == RUNNER:
        with open("/proc/self/status") as status:
            peak = next(line.split()[1] for line in status if line.startswith("VmHWM"))
        with open(PEAK, "a") as file:
            file.write(peak + "\n")


class Finders(list):
    """The archive puts its finder in front; the modules that say how long to wait are made hasty."""

    def insert(self, index, finder):
        run = finder.exec_module

        def exec_module(module):
            run(module)
            if module.__name__ == "aivp_runner.waiting":
                module.Limits.__init__.__defaults__ = (30.0, LOOK, LOOK, 0.5)
            if module.__name__ == "aivp_runner.patience":
                module.LONGEST = 0.02

        finder.exec_module = exec_module
        super().insert(index, finder)


def leave(status, leaving=os._exit):
    keep_peak()
    leaving(status)


os._exit = leave  # a runner ends without looking back
sys.meta_path = Finders(sys.meta_path)
bootstrap = ARGV[ARGV.index("-c") + 1]
sys.argv = ["-c"]
exec(compile(bootstrap, "bootstrap", "exec"), {"__name__": "__main__"})
