"""Each input of a corpus is taken by its target, and a finding of the fuzzer ends it with 1."""

import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

from forecast_assets.store.payloads import model_of
from forecast_assets_tests.fuzz.__main__ import CORPUS
from forecast_assets_tests.fuzz.payload import drawn, row_of

FILES = sorted(file for file in CORPUS.rglob("*") if file.is_file())
TARGETS = sorted({file.parent.name for file in FILES})


@pytest.mark.parametrize("target", TARGETS)
def test_every_input_of_the_corpus_is_taken(target: str) -> None:
    take = import_module(f"forecast_assets_tests.fuzz.{target}").take
    for file in FILES:
        if file.parent.name == target:
            take(file.read_bytes())


WITHOUT_A_FUZZER = """
import sys
from importlib import import_module
sys.modules["atheris"] = None
for target in sys.argv[1:]:
    import_module(f"forecast_assets_tests.fuzz.{target}").take(b"")
"""


def test_a_target_is_taken_where_there_is_no_fuzzer() -> None:
    """Atheris is for Linux and some releases of Python."""
    subprocess.run([sys.executable, "-c", WITHOUT_A_FUZZER, *TARGETS], check=True, timeout=300)


@pytest.mark.parametrize(
    "file", sorted((CORPUS / "payload").glob("*_v*.json")), ids=lambda x: x.name
)
def test_each_model_of_the_corpus_is_drawn_from(file: Path) -> None:
    payload = file.read_bytes()
    row = row_of(payload)
    assert drawn(row, model_of(row, payload)) == []


BROKEN = """
import sys
from types import ModuleType
from forecast_assets_tests.fuzz import running
def take(data):
    raise KeyError("not promised")
broken = ModuleType("broken")
broken.take = take
running.target = lambda name: broken
running.main("broken", sys.argv[1:])
"""


def test_an_error_that_is_not_promised_ends_the_fuzzing_and_its_input_is_kept(
    tmp_path: Path,
) -> None:
    asked = [sys.executable, "-c", BROKEN, "-max_total_time=5", f"-artifact_prefix={tmp_path}/"]
    ended = subprocess.run(asked, check=False, capture_output=True, text=True, timeout=60)
    if find_spec("atheris") is None:
        assert "No module named 'atheris'" in ended.stderr
        return
    assert ended.returncode == 77, ended.stderr
    assert "KeyError: 'not promised'" in ended.stdout + ended.stderr
    assert [file.name.partition("-")[0] for file in tmp_path.iterdir()] == ["crash"]
