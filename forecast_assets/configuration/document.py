"""The text of the configuration file, as plain values: readable YAML, each key once."""

from pathlib import Path
from typing import Any

import yaml

from forecast_assets.errors import ConfigurationError


def read_document(path: Path) -> dict[str, Any]:
    """The keys and values of a configuration file, as they are written.

    Raises ConfigurationError for a file that cannot be opened, is not YAML, or holds no keys.
    """
    try:
        text = path.read_text(encoding="utf-8")
        document = yaml.load(text, Loader=_UniqueKeys)  # noqa: S506 - a SafeLoader
    except OSError as error:
        raise ConfigurationError(
            f"{path}: {error.strerror}; FORECAST_CONFIG names the configuration file"
        ) from error
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigurationError(f"{path}: not YAML: {error}") from error
    if not isinstance(document, dict):
        raise ConfigurationError(f"{path}: found {document!r}, allowed: a mapping of keys")
    return document


class _UniqueKeys(yaml.SafeLoader):
    """YAML in which the same key twice is an error instead of the last one winning.

    A value that looks like a date and is none is told with its line.
    """

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except ValueError as error:
            raise yaml.constructor.ConstructorError(
                None, None, f"{node.value!r} is no date: {error}", node.start_mark
            ) from error

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
