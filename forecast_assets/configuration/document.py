"""Reading the configuration file as plain values; what no configuration needs is refused.

Refused are what is no file, a file that is too large, texts that are not YAML, keys that occur
twice, and YAML that is nested too deep or that becomes too large where aliases stand for more.
"""

import os
import stat
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from forecast_assets.configuration.found import LONGEST_VALUE, UNSHOWN, shown
from forecast_assets.errors import ConfigurationError
from forecast_assets.outside import shortened

MOST_BYTES = 500_000
"""The largest configuration file."""

MOST_NODES = 100_000
"""The most keys and values of a configuration, with all that its aliases stand for."""

LONGEST_NUMBER = 100
"""The most characters of a number; PyYAML takes minutes for a long one such as 1:30:00:..."""

DEEPEST = 30
"""The most levels of values within values."""


def read_document(path: Path) -> dict[str, Any]:
    """The keys and values of a configuration file, before they are validated.

    Raises ConfigurationError if the file cannot be opened, is not YAML, or holds no keys.
    """
    text = _text_of(path)
    try:
        document = _parsed(path, text)
    except yaml.YAMLError as error:
        # The error itself quotes lines of the file, and so its secrets.
        raise ConfigurationError(f"{path}: not YAML: {_reason_of(error, text)}") from None
    if not isinstance(document, dict):
        raise ConfigurationError(f"{path}: found {shown(document)}, allowed: a mapping of keys")
    return document


def _text_of(path: Path) -> str:
    """The text of a file. A pipe or a device is not waited for."""
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with open(handle, "rb") as file:  # noqa: PTH123 - of a handle
            found = os.fstat(handle)
            if not stat.S_ISREG(found.st_mode):
                raise _unusable(path, "is no file, but a folder, a pipe or a device")
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise _unusable(path, str(error.strerror)) from error
    if len(content) > MOST_BYTES:
        raise _unusable(path, f"is larger than {MOST_BYTES:,} bytes")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _unusable(path, f"line {line} is not UTF-8: save the file as UTF-8") from None


def _unusable(path: Path, why: str) -> ConfigurationError:
    return ConfigurationError(f"{path}: {why}; FORECAST_CONFIG names the configuration file")


def _reason_of(error: yaml.YAMLError, text: str) -> str:
    """What is wrong with a text, and in which line."""
    if isinstance(error, yaml.reader.ReaderError):
        line = text.count("\n", 0, error.position) + 1
        return f"line {line}, character #x{ord(text[error.position]):04x} is not allowed"
    if not isinstance(error, yaml.MarkedYAMLError):
        return type(error).__name__
    said = ", ".join(
        shortened(each, LONGEST_VALUE) for each in (error.context, error.problem) if each
    )
    mark = error.problem_mark or error.context_mark
    return f"line {mark.line + 1}, column {mark.column + 1}: {said}" if mark else said


def _parsed(path: Path, text: str) -> Any:
    """Parse a text as YAML; the result of an empty text is None."""
    loader = _Strict(text)
    try:
        root = loader.get_single_node()
        if root is None:
            return None
        return _values(path, loader, root)
    finally:
        loader.dispose()


def _values(path: Path, loader: "_Strict", root: yaml.Node) -> Any:
    """Convert the nodes to values.

    Raises ConfigurationError, with line and key, for a node that cannot be converted.
    """
    try:
        return loader.construct_document(root)
    except _Unreadable as error:
        node = error.node
        key = ".".join(_keys_to(node, root) or ["the document"])
        kind, allowed = KINDS.get(node.tag.rpartition(":")[2], ("value", "another one, or quotes"))
        found = shown(node.value, key)
        reason = "" if found == UNSHOWN else str(error)
        line, where = node.start_mark.line + 1, shortened(key, LONGEST_VALUE)
        raise ConfigurationError(
            f"{path}: line {line}: {where}: found {found}, which is no {kind}{reason};"
            f" allowed: {allowed}"
        ) from None


KINDS = {
    "timestamp": ("date", "a day that there is, such as 2025-01-31"),
    "int": ("number", "a whole number, such as 14, or quotes around a text"),
    "float": ("number", "a number, such as 0.5, or quotes around a text"),
}
"""Types that YAML may mistake a text for: how an error names them, and what it allows instead."""


NUMBERS = ("int", "float")


def _keys_to(node: yaml.Node, root: yaml.Node) -> list[str] | None:
    """The keys and list positions that lead from the root to a node; None if the node is absent."""
    if root is node:
        return []
    inner: list[tuple[str, yaml.Node]] = []
    if isinstance(root, yaml.MappingNode):
        for key, value in root.value:
            inner += [(str(key.value), key), (str(key.value), value)]
    elif isinstance(root, yaml.SequenceNode):
        inner = [(str(place), each) for place, each in enumerate(root.value)]
    for name, each in inner:
        below = _keys_to(node, each)
        if below is not None:
            return [name, *below]
    return None


class _Unreadable(Exception):
    """A node whose text looks like a date or a number to YAML but is none."""

    def __init__(self, node: yaml.Node, reason: str) -> None:
        super().__init__(reason)
        self.node = node


class _Strict(yaml.SafeLoader):
    """A YAML loader that refuses what is too deep or too large, and a key that occurs twice.

    Usual loaders take the last of two equal keys.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = self._nodes = 0
        self._sizes: dict[int, int] = {}

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """A node of the text; an alias counts with all that it stands for."""
        event, before = self.peek_event(), self._nodes  # type: ignore[no-untyped-call]
        self._depth += 1
        if self._depth > DEEPEST:
            raise _refused(f"values within values, more than {DEEPEST} levels", event)
        node: yaml.Node | None = super().compose_node(parent, index)
        self._depth -= 1
        if isinstance(event, yaml.AliasEvent):
            if id(node) not in self._sizes:
                raise _refused("an alias inside of what it stands for", event)
            self._nodes += self._sizes[id(node)]
        else:
            self._nodes += 1
            self._sizes[id(node)] = self._nodes - before
        if self._nodes > MOST_NODES:
            raise _refused(f"more than {MOST_NODES:,} values, with those of aliases", event)
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """The value of a node. Raises _Unreadable if its text is none of its type."""
        if node.tag.rpartition(":")[2] in NUMBERS and len(node.value) > LONGEST_NUMBER:
            raise _Unreadable(node, f": it has {len(node.value):,} characters")
        try:
            return super().construct_object(node, deep)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            reason = f": {error}" if isinstance(error, ValueError) else ""
            raise _Unreadable(node, shortened(reason, LONGEST_VALUE)) from None

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """A mapping. Raises ConstructorError for a key that occurs twice, or that is no key."""
        seen: set[Any] = set()
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        for key_node in (key for key, _ in pairs if not key.tag.endswith(":merge")):
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable):
                raise _wrong("a list or a mapping is no key", key_node)
            if key in seen:
                raise _wrong(f"{shown(key)} stands twice", key_node)
            seen.add(key)
        return super().construct_mapping(node, deep)


def _wrong(problem: str, node: yaml.Node) -> yaml.YAMLError:
    return yaml.constructor.ConstructorError(None, None, problem, node.start_mark)


def _refused(problem: str, event: Any) -> yaml.YAMLError:
    return yaml.composer.ComposerError(None, None, f"found {problem}", event.start_mark)
