"""Reading the configuration file as plain values; unreadable YAML and repeated keys are errors."""

from pathlib import Path
from typing import Any

import yaml

from forecast_assets.errors import ConfigurationError


def read_document(path: Path) -> dict[str, Any]:
    """The keys and values of a configuration file, before they are validated.

    Raises ConfigurationError if the file cannot be opened, is not YAML, or holds no keys.
    """
    try:
        text = path.read_text(encoding="utf-8")
        document = _parsed(path, text)
    except OSError as error:
        raise ConfigurationError(
            f"{path}: {error.strerror}; FORECAST_CONFIG names the configuration file"
        ) from error
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigurationError(f"{path}: not YAML: {error}") from error
    if not isinstance(document, dict):
        raise ConfigurationError(f"{path}: found {document!r}, allowed: a mapping of keys")
    return document


def _parsed(path: Path, text: str) -> Any:
    """Parse a text as YAML; the result of an empty text is None."""
    loader = _UniqueKeys(text)
    try:
        root = loader.get_single_node()
        if root is None:
            return None
        return _values(path, loader, root)
    finally:
        loader.dispose()


def _values(path: Path, loader: "_UniqueKeys", root: yaml.Node) -> Any:
    """Convert the nodes to values.

    Raises ConfigurationError, with line and key, for a node that cannot be converted.
    """
    try:
        return loader.construct_document(root)
    except _Unreadable as error:
        node = error.node
        key = ".".join(_keys_to(node, root) or ["the document"])
        kind, allowed = KINDS.get(node.tag.rpartition(":")[2], ("value", "another one, or quotes"))
        raise ConfigurationError(
            f"{path}: line {node.start_mark.line + 1}: {key}: found {node.value!r}, which is no"
            f" {kind}: {error}; allowed: {allowed}"
        ) from error


KINDS = {
    "timestamp": ("date", "a day that there is, such as 2025-01-31"),
    "int": ("number", "a whole number, such as 14, or quotes around a text"),
    "float": ("number", "a number, such as 0.5, or quotes around a text"),
}
"""Types that YAML may mistake a text for: how an error names them, and what it allows instead."""


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


class _UniqueKeys(yaml.SafeLoader):
    """A YAML loader that refuses a key that occurs twice; usual loaders take the last one."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except ValueError as error:
            raise _Unreadable(node, str(error)) from error

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: list[Any] = []
        for key_node in (key for key, _ in node.value if not key.tag.endswith(":merge")):
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{key!r} stands twice", key_node.start_mark
                )
            seen.append(key)
        return super().construct_mapping(node, deep)
