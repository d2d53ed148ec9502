"""Structures of Thrift's compact protocol, of which the footers and pages of Parquet are made.

https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from forecast_assets.errors import UnclearFormat

TRUE, FALSE, BYTE, DOUBLE, TEXT, STRUCT = 1, 2, 3, 7, 8, 12
INTEGERS, LISTS = (4, 5, 6), (9, 10)
"""Types of fields. Parquet has no map."""

DEEPEST = 10
"""The most levels of structures and lists within others; Parquet's own have fewer."""

LONGEST_INTEGER = 10
"""How many bytes an integer of 64 bits takes at most."""

MANY = 15
"""The length in a list's first byte if the true one follows."""

Fields = Mapping[int, Any]
"""The fields of a structure by their numbers: integers, structures and lists; others are None."""


def broken() -> UnclearFormat:
    """The error of bytes that are no such structure."""
    return UnclearFormat("cannot be read as Parquet: its footer or the header of a page is broken")


@dataclass
class Cursor:
    """A place in some bytes, from which it reads."""

    content: bytes
    place: int = 0

    def structure(self, depth: int = 0) -> Fields:
        """The structure that begins here. Raises UnclearFormat if there is none."""
        if depth > DEEPEST:
            raise broken()
        found: dict[int, Any] = {}
        number = 0
        while head := self._byte():
            step, kind = divmod(head, 16)
            number = number + step if step else self._integer()
            found[number] = None if kind in (TRUE, FALSE) else self._value(kind, depth)
        return found

    def _value(self, kind: int, depth: int) -> Any:
        if kind in INTEGERS:
            return self._integer()
        if kind == STRUCT:
            return self.structure(depth + 1)
        if kind in LISTS:
            return self._list(depth + 1)
        if kind not in (TRUE, FALSE, BYTE, DOUBLE, TEXT):
            raise broken()
        length = self._unsigned() if kind == TEXT else 8 if kind == DOUBLE else 1
        self.place += length
        return None

    def _list(self, depth: int) -> list[Any]:
        length, kind = divmod(self._byte(), 16)
        if length == MANY:
            length = self._unsigned()
        if depth > DEEPEST or length > len(self.content) - self.place:
            raise broken()
        return [self._value(kind, depth) for _ in range(length)]

    def _byte(self) -> int:
        if self.place >= len(self.content):
            raise broken()
        self.place += 1
        return self.content[self.place - 1]

    def _unsigned(self) -> int:
        value = 0
        for place in range(LONGEST_INTEGER):
            byte = self._byte()
            value |= (byte & 0x7F) << 7 * place
            if byte < 0x80:
                return value
        raise broken()

    def _integer(self) -> int:
        value = self._unsigned()
        return value >> 1 ^ -(value & 1)


def required(fields: Fields, number: int, kind: Callable[..., Any] = int) -> Any:
    """A field of a structure. Raises UnclearFormat if it is absent, of another type, or < 0."""
    value = fields.get(number)
    if not isinstance(value, kind) or (isinstance(value, int) and value < 0):  # type: ignore[arg-type]
        raise broken()
    return value
