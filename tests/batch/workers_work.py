"""What the processes of test_workers do; a module of its own, light to import."""

from __future__ import annotations

import os
import signal


def double(number):
    return 2 * number


def where(_):
    return os.getpid()


def fail(name):
    raise FileNotFoundError(2, "no such file", name)


def die_once(mark):
    if not os.path.exists(mark):
        open(mark, "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    return "done"


def die(really):
    if really:
        os.kill(os.getpid(), signal.SIGKILL)
    return "alive"
