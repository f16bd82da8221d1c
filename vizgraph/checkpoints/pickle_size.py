"""How large a value a pickle describes, found without building it.

Values share their parts: a few hundred bytes can describe one that has 2^100 parts if each is counted where it occurs,
and whoever hashes or prints it never comes back, nor can a signal stop it. An honest file shares little.
"""

from __future__ import annotations

import pickletools
from pathlib import Path
from typing import BinaryIO

from vizgraph.errors import CheckpointError

MOST_OPERATIONS = 5_000_000
"""Some hundred thousand tensors with their optimizer."""
ALLOWANCE, SHARING = 100_000, 50
"""A value may have so many parts, and so many more for each operation of its pickle."""
_ATOM, _NUMBER, _ALLOCATES = 0, 1, 2
"""Values without parts: any, a whole number, and a function that makes as many bytes as it is told."""
_NUMBERS = {"INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4"}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_EMPTY = {"EMPTY_LIST", "EMPTY_DICT", "EMPTY_SET", "EMPTY_TUPLE"}
_GATHERED = {"TUPLE", "LIST", "DICT", "FROZENSET", "OBJ", "INST"}
_IGNORED = {"PROTO", "FRAME", "STOP", "READONLY_BUFFER"}


def require_bounded(path: Path, file: BinaryIO, *, pickles: int = 1) -> None:
    """Walk through the pickles at the beginning of a file and refuse one out of all proportion.

    A pickle that is malformed is left to torch, which stops at the same place; what comes before that is measured.

    Raises:
        CheckpointError: a value has too many parts.
    """
    try:
        for _ in range(pickles):
            walk = _Walk()
            try:
                walk.through(file)
            finally:
                if walk.is_endless():
                    raise CheckpointError(
                        f"{path}: refused, because a pickle in it describes a value of more parts than any network "
                        "has, so that reading it would not end; it was not written by torch.save"
                    )
    except CheckpointError:
        raise
    except (ValueError, IndexError, KeyError, EOFError, OverflowError, AttributeError):
        return


class _Walk:
    """The stack machine of pickles on numbers that stand for values: their parts are remembered, never made."""

    def __init__(self) -> None:
        self.parts: list[list[int]] = [[], [], []]
        self.operations = 0
        self.touched: list[int] = []
        self._stack: list[int] = []
        self._marked: list[list[int]] = []
        self._memo: dict[int, int] = {}
        self._allocates = False

    def through(self, file: BinaryIO) -> None:
        """Walk to the end of a pickle.

        Raises:
            ValueError, IndexError, KeyError: it is malformed.
        """
        try:
            for operation, argument, _ in pickletools.genops(file):
                self.operations += 1
                if self.operations > MOST_OPERATIONS or self._allocates:
                    return
                self._step(operation.name, argument)
        except (MemoryError, OverflowError):  # it reads as many bytes as an operation states
            raise ValueError("an operation states more bytes than there are") from None

    def is_endless(self) -> bool:
        """Whether what was walked through has more parts than its pickle's length excuses."""
        most = ALLOWANCE + SHARING * self.operations
        sizes = self._sizes(most)
        work = sum(sizes[value] for value in self.touched)
        return self._allocates or self.operations > MOST_OPERATIONS or work > most or max(sizes) > most

    def _sizes(self, most: int) -> list[int]:
        """The parts of each value, counted as often as they occur, up to `most` + 1; a value within itself is one."""
        sizes = [0] * len(self.parts)
        entered = [False] * len(self.parts)
        for start in range(len(self.parts)):
            todo = [start]
            while todo:
                value = todo[-1]
                if sizes[value]:
                    todo.pop()
                elif entered[value]:
                    sizes[value] = min(most + 1, 1 + sum(max(1, sizes[part]) for part in self.parts[value]))
                    todo.pop()
                else:
                    entered[value] = True
                    todo += [part for part in self.parts[value] if not entered[part]]
        return sizes

    def _new(self, parts: list[int]) -> None:
        self.parts.append(parts)
        self._stack.append(len(self.parts) - 1)

    def _add(self, parts: list[int]) -> None:
        """Give the value on top of the stack more parts."""
        if self._stack[-1] not in (_ATOM, _NUMBER, _ALLOCATES):
            self.parts[self._stack[-1]] += parts

    def _since_mark(self) -> list[int]:
        gathered, self._stack = self._stack, self._marked.pop()
        return gathered

    def _step(self, name: str, argument: object) -> None:
        if name in _IGNORED:
            return
        if name == "MARK":
            self._marked.append(self._stack)
            self._stack = []
        elif name in _NUMBERS:
            self._stack.append(_NUMBER)
        elif name in _EMPTY:
            self._new([])
        elif name in _TUPLES:
            count = _TUPLES[name]
            parts = self._stack[-count:]
            if len(parts) < count:
                raise IndexError(name)
            del self._stack[-count:]
            self._new(parts)
        elif name in _GATHERED:
            parts = self._since_mark()
            self.touched += parts if name in ("DICT", "FROZENSET") else []
            self._new(parts)
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            self._stack.append(self._memo[int(str(argument))])
        elif name in ("PUT", "BINPUT", "LONG_BINPUT"):
            self._memo[int(str(argument))] = self._stack[-1]
        elif name == "MEMOIZE":
            self._memo[len(self._memo)] = self._stack[-1]
        elif name == "GLOBAL":
            self._stack.append(_ALLOCATES if str(argument).endswith(" bytearray") else _ATOM)
        else:
            self._change(name)

    def _change(self, name: str) -> None:
        """Operations that take values off the stack."""
        stack = self._stack
        if name in ("APPEND", "BUILD"):
            part = stack.pop()
            self._add([part])
        elif name in ("APPENDS", "ADDITEMS", "SETITEMS"):
            parts = self._since_mark()
            self.touched += [] if name == "APPENDS" else parts[:: 2 if name == "SETITEMS" else 1]
            self._add(parts)
        elif name == "SETITEM":
            value, key = stack.pop(), stack.pop()
            self.touched.append(key)
            self._add([key, value])
        elif name in ("REDUCE", "NEWOBJ"):
            arguments, function = stack.pop(), stack.pop()
            self.touched.append(arguments)
            self._allocates |= function == _ALLOCATES and _NUMBER in self.parts[arguments]
            self._new([arguments])
        elif name == "NEWOBJ_EX":
            parts = [stack.pop(), stack.pop()]
            stack.pop()
            self.touched += parts
            self._new(parts)
        elif name == "BINPERSID":
            self._new([stack.pop()])
        elif name == "POP":
            stack.pop()
        elif name == "POP_MARK":
            self._since_mark()
        elif name == "DUP":
            stack.append(stack[-1])
        elif name == "STACK_GLOBAL":
            stack.pop(), stack.pop()
            stack.append(_ATOM)
        else:
            stack.append(_ATOM)
