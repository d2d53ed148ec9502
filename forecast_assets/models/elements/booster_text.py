"""LightGBM's text of a booster, checked before LightGBM reads it.

LightGBM trusts such a text: a child that is no node makes it read memory that is not its own, or
walk in a circle for ever. So each tree must be one that a walk from its root leaves at a leaf, over
columns that there are, and the text must name no file.
"""

import math
import re
from collections.abc import Collection, Mapping

FORMAT = "v4"
"""The version of the text that LightGBM 4 writes."""

MOST_LEAVES = 4096
"""Most leaves of a tree."""

LONGEST_TEXT = 8_000_000
"""Most characters of a text."""

HEAD = frozenset(
    {
        *("version", "num_class", "num_tree_per_iteration", "label_index", "max_feature_idx"),
        *("objective", "feature_names", "feature_infos", "tree_sizes"),
    }
)
"""What LightGBM says of a booster before its trees."""

TREE = frozenset(
    {
        *("num_leaves", "num_cat", "split_feature", "split_gain", "threshold", "decision_type"),
        *("left_child", "right_child", "leaf_value", "leaf_weight", "leaf_count"),
        *("internal_value", "internal_weight", "internal_count", "is_linear", "shrinkage"),
    }
)
"""What LightGBM says of a tree without categories and linear leaves."""

NO_CATEGORIES = "pandas_categorical:null"

PARAMETER = re.compile(r"\[[a-z0-9_]+: [^\[\]]*\]")

NAMES_FILE = re.compile(r"\[(?:\w*filename|\w*config_file|data|valid|machines): +[^\s\]]")


def check_booster(text: str, columns: int, trees: int) -> None:
    """Raise ValueError unless a text is a booster of so many columns and at most so many trees."""
    if len(text) > LONGEST_TEXT:
        raise ValueError(f"a booster of {len(text)} characters, allowed: {LONGEST_TEXT}")
    if not text.isascii() or "\0" in text or "\r" in text:
        raise ValueError("a booster with other characters than LightGBM writes")
    model, ended, rest = text.partition("\nend of trees\n")
    head, *blocks = model.split("\nTree=")
    if not ended:
        raise ValueError("a booster without an end of its trees")
    if not 1 <= len(blocks) <= trees:
        raise ValueError(f"a booster of {len(blocks)} trees, allowed: 1 to {trees}")
    _check_head(head, columns, [len(f"Tree={block}\n") for block in blocks])
    for number, block in enumerate(blocks):
        first, _, body = block.partition("\n")
        if first != str(number):
            raise ValueError(f"a booster whose tree {number} is called {first[:20]!r}")
        _check_tree(_pairs(body, TREE), columns)
    _check_rest(rest)


def _pairs(lines: str, keys: Collection[str]) -> dict[str, str]:
    """The values of lines ``key=value`` that end with empty ones; each key is one of ``keys``.

    LightGBM passes over a "=" that begins a line, takes the last line of a key, and ends a tree at
    its first empty line. So none of these is let in: it would read another text than was checked.
    """
    found: dict[str, str] = {}
    for line in lines.rstrip("\n").split("\n"):
        key, separated, value = line.partition("=")
        if not separated or key not in keys or key in found or "=" in value:
            raise ValueError(f"a booster with the line {line[:40]!r}")
        found[key] = value
    return found


def _check_head(head: str, columns: int, sizes: list[int]) -> None:
    kind, _, lines = head.partition("\n")
    said = _pairs(lines, HEAD)
    expected = {
        "version": FORMAT,
        "num_class": "1",
        "num_tree_per_iteration": "1",
        "max_feature_idx": str(columns - 1),
        "objective": "quantile",
    }
    for key, value in expected.items():
        if kind != "tree" or said.get(key) != value:
            raise ValueError(f"a booster with {key}={said.get(key, '')[:20]}, allowed: {value}")
    for key in ("feature_names", "feature_infos"):
        if len(said.get(key, "").split(" ")) != columns:
            raise ValueError(f"a booster with {key} of other than {columns} columns")
    if said.get("tree_sizes") != " ".join(map(str, sizes)):
        raise ValueError("a booster whose tree_sizes are not those of its trees")


def _check_tree(said: Mapping[str, str], columns: int) -> None:
    """Raise ValueError unless each walk through a tree ends at a leaf with a finite value."""
    (leaves,) = _integers(said, "num_leaves", 1)
    if not 1 <= leaves <= MOST_LEAVES:
        raise ValueError(f"a tree of {leaves} leaves, allowed: 1 to {MOST_LEAVES}")
    if _integers(said, "num_cat", 1) != [0] or _integers(said, "is_linear", 1) != [0]:
        raise ValueError("a tree with categories or linear leaves")
    _numbers(said, "leaf_value", leaves)
    _numbers(said, "shrinkage", 1)
    if leaves == 1:
        return
    nodes = leaves - 1
    _numbers(said, "threshold", nodes)
    if not all(0 <= each < columns for each in _integers(said, "split_feature", nodes)):
        raise ValueError(f"a tree that splits by other than its {columns} columns")
    if not all(each in (0, 2, 4, 6, 8, 10) for each in _integers(said, "decision_type", nodes)):
        raise ValueError("a tree with other decisions than by numbers")
    children = zip(
        _integers(said, "left_child", nodes), _integers(said, "right_child", nodes), strict=True
    )
    met: list[int] = []
    for node, pair in enumerate(children):
        if not all(node < child < nodes or -leaves <= child < 0 for child in pair):
            raise ValueError(f"a tree with the children {pair} of its node {node}")
        met += pair
    if len(set(met)) != len(met):
        raise ValueError("a tree with a node that has two parents")
    for key in ("leaf_weight", "leaf_count", "internal_value", "internal_weight"):
        _numbers(said, key, leaves if key.startswith("leaf") else nodes)
    _numbers(said, "split_gain", nodes)
    _numbers(said, "internal_count", nodes)


def _texts(said: Mapping[str, str], key: str, count: int) -> list[str]:
    values = said.get(key, "").split(" ")
    if len(values) != count:
        raise ValueError(f"a tree with {len(values)} values of {key}, allowed: {count}")
    return values


def _integers(said: Mapping[str, str], key: str, count: int) -> list[int]:
    values = _texts(said, key, count)
    if not all(re.fullmatch(r"-?[0-9]{1,9}", value) for value in values):
        raise ValueError(f"a tree with a {key} that is no whole number")
    return [int(value) for value in values]


NUMBER = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,40})?(e[+-]?[0-9]{1,3})?")


def _numbers(said: Mapping[str, str], key: str, count: int) -> None:
    for value in _texts(said, key, count):
        if not NUMBER.fullmatch(value) or not math.isfinite(float(value)):
            raise ValueError(f"a tree with a {key} that is no finite number")


def _check_rest(rest: str) -> None:
    """Raise ValueError unless what follows the trees is of the parts that LightGBM writes."""
    importances, begun, settings = rest.partition("\nparameters:\n")
    settings, ended, last = settings.partition("\nend of parameters\n")
    if not (begun and ended and last.strip() == NO_CATEGORIES):
        raise ValueError("a booster that does not end as LightGBM ends one")
    for line in importances.removeprefix("\nfeature_importances:\n").split("\n"):
        if not re.fullmatch(r"(\S+=[0-9.e+-]+)?", line):
            raise ValueError(f"a booster with the importance {line[:40]!r}")
    for line in settings.split("\n"):
        if line and (not PARAMETER.fullmatch(line) or NAMES_FILE.match(line)):
            raise ValueError(f"a booster with the parameter {line[:40]!r}")
