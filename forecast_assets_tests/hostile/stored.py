"""Payloads of models as the tables and the artifact store have them, before and after harm."""

import hashlib
import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from forecast_assets.forecast.records import TrainedModel
from forecast_assets.models import roster
from forecast_assets.store.artifacts import ArtifactStore
from forecast_assets_tests.hostile.cases import written
from forecast_assets_tests.records import model

GOLDEN = Path(__file__).parent.parent / "golden"

FOLDER = "Coffee/garch/2024-01-01/v1.0"

OLDER = re.compile(r"_v\d+$")
"""How the name of a golden file of an older schema ends."""

Case = Mapping[str, Any]


@cache
def golden(name: str) -> str:
    """The payload of a golden file; of an older schema if the name says so."""
    if not OLDER.search(name):
        name = f"{name}_v{roster.forecaster_class(name).fitted.schema_version}"
    return json.dumps(json.loads((GOLDEN / f"{name}.json").read_text())["payload"])


def changed(case: Case) -> bytes:
    """The bytes of a payload as a case has it."""
    content = written(case)
    if content is not None:
        return content
    document = json.loads(golden(case.get("of", "garch")))
    fills = {key: [value] * times for key, (value, times) in case.get("fill", {}).items()}
    for key, value in {**case.get("set", {}), **fills}.items():
        inner, last = _place(document, key)
        inner[last] = value
    for key in case.get("drop", ()):
        inner, last = _place(document, key)
        del inner[last]
    if "booster" in case:
        texts = document["state"]["boosters"]
        before, after = case["booster"]
        assert before in texts[0]
        texts[0] = texts[0].replace(before, after)
    return json.dumps(document).encode()


def _place(document: dict[str, Any], key: str) -> tuple[Any, str]:
    *parents, last = key.split(".")
    for parent in parents:
        document = document[parent]
    return document, last


def stored_row(case: Case, payload: bytes) -> TrainedModel:
    """The row of a payload, with its hash, size and schema version."""
    name = OLDER.sub("", case.get("of", "garch"))
    row = replace(
        model(name),
        fitted_model_json=payload.decode(errors="surrogateescape"),
        payload_sha256=hashlib.sha256(payload).hexdigest(),
        payload_schema_version=roster.forecaster_class(name).fitted.schema_version,
        model_size_bytes=len(payload),
    )
    return replace(row, **case.get("row", {}))


def harmed(store: ArtifactStore, outside: Path, what: str, payload: bytes) -> str:
    """Store a payload as a file, do harm to it, and return its address or URL."""
    sha256 = hashlib.sha256(payload).hexdigest()
    address = f"{FOLDER}/{sha256}.json"
    if what == "elsewhere":
        return address
    assert store.write(FOLDER, sha256, payload) == address
    assert store.root is not None
    HARM[what](store.root / address, outside, payload)
    return (outside / address).as_uri() if what == "outside" else address


def _moved_out(file: Path, outside: Path, _: bytes) -> None:
    place = outside / FOLDER / file.name
    place.parent.mkdir(parents=True)
    file.rename(place)


def _folder_out(file: Path, outside: Path, _: bytes) -> None:
    file.parent.rename(outside / "v1.0")
    file.parent.symlink_to(outside / "v1.0")


def _folder_no_folder(file: Path, _: Path, __: bytes) -> None:
    file.unlink()
    file.parent.rmdir()
    file.parent.write_text("no folder")


def _link(target: str) -> "Harm":
    """A link in the place of the file: to an absolute path, or to a name beside it or outside."""

    def harm(file: Path, outside: Path, payload: bytes) -> None:
        (outside / "payload").write_bytes(payload)
        file.unlink()
        file.symlink_to({"outside": outside / "payload", "itself": file}.get(target, target))

    return harm


def _instead(make: Callable[[Path], object]) -> "Harm":
    def harm(file: Path, _: Path, __: bytes) -> None:
        file.unlink()
        make(file)

    return harm


Harm = Callable[[Path, Path, bytes], object]
"""A harm to the file of a payload; it is given the file, a folder outside, and the payload."""

HARM: dict[str, Harm] = {
    "whole": lambda *_: None,
    "absent": lambda file, *_: file.unlink(),
    "longer": lambda file, _, payload: file.write_bytes(payload * 2),
    "shorter": lambda file, _, payload: file.write_bytes(payload[:-1]),
    "pipe": _instead(os.mkfifo),
    "folder": _instead(Path.mkdir),
    "outside": _moved_out,
    "folder to outside": _folder_out,
    "under a file": _folder_no_folder,
    "to outside": _link("outside"),
    "to itself": _link("itself"),
    "to zero": _link("/dev/zero"),
    "to nothing": _link("nothing"),
}
