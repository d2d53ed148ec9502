"""The hook notices each way in which a process could unpickle a file or call the network."""

import os
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pytest

from forecast_assets_tests.security.watched import Noted, environment, noted

UNPICKLING = """
import marshal, pickle, shelve, sys
from pathlib import Path
import joblib, numpy
folder = Path(sys.argv[1])
pickle.load((folder / "plain").open("rb"))
pickle.Unpickler((folder / "date").open("rb")).load()
marshal.loads((folder / "code").read_bytes())
numpy.load(folder / "objects.npy", allow_pickle=True)
joblib.load(folder / "model")
dict(shelve.open(str(folder / "shelf")))
"""

IN_PROCESSES = """
import multiprocessing, pickle, sys
from pathlib import Path
import joblib
folder = Path(sys.argv[1])
def read(place):
    return pickle.load(place.open("rb"))
joblib.Parallel(2, backend="loky")(joblib.delayed(read)(folder / "plain") for _ in range(2))
process = multiprocessing.get_context("spawn").Process(target=joblib.load, args=[folder / "model"])
process.start()
process.join()
sys.exit(process.exitcode)
"""

CALLING = """
import socket, sys, urllib.request
port = int(sys.argv[1])
socket.getaddrinfo("localhost", port)
socket.create_connection(("127.0.0.1", port)).close()
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"", ("127.0.0.1", port))
socket.gethostbyname("localhost")
urllib.request.urlopen("data:,x")
with socket.socket(socket.AF_UNIX) as door:
    door.bind(sys.argv[2])
"""


def watch(folder: Path, program: str, *arguments: str) -> list[Noted]:
    """What is noted of a program."""
    subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env=os.environ | environment(folder),
        check=True,
    )
    return list(noted(folder))


@pytest.fixture(scope="module")
def pickles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a pickle of every kind."""
    import marshal
    import pickle
    import shelve
    from datetime import date

    folder = tmp_path_factory.mktemp("pickles")
    (folder / "plain").write_bytes(pickle.dumps({"close": 1.5}))
    (folder / "date").write_bytes(pickle.dumps(date(2020, 1, 1)))
    (folder / "code").write_bytes(marshal.dumps([1, 2]))
    np.save(folder / "objects.npy", np.array([date(2020, 1, 1)], dtype=object), allow_pickle=True)
    joblib.dump({"weights": np.ones(3)}, folder / "model")
    with shelve.open(str(folder / "shelf")) as shelf:  # noqa: S301 - a pickle to be noticed
        shelf["close"] = 1.5
    return folder


def test_each_way_of_unpickling_a_file_is_noticed(pickles: Path, tmp_path: Path) -> None:
    found = [each for each in watch(tmp_path, UNPICKLING, str(pickles)) if each.is_unpickling]
    stacks = " ".join(function for each in found for function in each.stack)
    for module in ("numpy.lib", "joblib.numpy_pickle", "shelve"):
        assert module in stacks, module
    said = " ".join(f"{each.event} {each.what}" for each in found)
    for what in ("pickle.load'", "'datetime', 'date'", "marshal.loads"):
        assert what in said, what
    assert not any(each.is_from_a_pipe for each in found)


def test_what_a_process_for_training_unpickles_itself_is_from_no_pipe(
    pickles: Path, tmp_path: Path
) -> None:
    found = [each for each in watch(tmp_path, IN_PROCESSES, str(pickles)) if each.is_unpickling]
    strange = [each for each in found if not each.is_from_a_pipe]
    stacks = " ".join(function for each in strange for function in each.stack)
    for reader in ("__main__:read", "joblib.numpy_pickle:load"):
        assert reader in stacks, reader
    assert len(found) > len(strange)  # and what their parents sent them


def test_look_ups_and_connections_are_noticed(tmp_path: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        port, door = server.getsockname()[1], str(tmp_path / "door")
        found = watch(tmp_path, CALLING, str(port), door)
    assert {(each.event, each.what) for each in found if each.is_call} == {
        ("socket.getaddrinfo", f"localhost:{port}"),
        ("socket.getaddrinfo", f"127.0.0.1:{port}"),
        ("socket.connect", f"127.0.0.1:{port}"),
        ("socket.sendto", f"127.0.0.1:{port}"),
        ("socket.gethostbyname", "localhost"),
        ("urllib.Request", "data:,x"),
        ("socket.bind", door),
    }
