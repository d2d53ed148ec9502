"""Watches each Python process that finds this folder on its path, from its very beginning.

It notes in a file what is unpickled and which addresses are looked up, connected to or listened at,
each with the functions that led to it. Only modules that every process has are imported.
"""

import json
import os
import sys
from types import FrameType
from typing import Any

FOLDER = os.environ["FORECAST_WATCHED"]

UNPICKLING = {"pickle.find_class", "marshal.loads", "marshal.load"}

NETWORK = {
    "socket.connect",
    "socket.bind",
    "socket.getaddrinfo",
    "socket.gethostbyname",
    "socket.gethostbyaddr",
    "socket.sendto",
    "socket.sendmsg",
    "urllib.Request",
}

OF_A_SOCKET = {"socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg"}
"""Events whose second argument is the address; the first is the socket."""

STARTED = "forecast_assets.watched"
"""The first event of a process."""

DEPTH = 40
"""How many functions are noted."""


def led_here(frame: FrameType | None) -> list[str]:
    """The functions on the stack, the innermost first, as module and name."""
    found: list[str] = []
    while frame is not None and len(found) < DEPTH:
        found.append(f"{frame.f_globals.get('__name__', '?')}:{frame.f_code.co_name}")
        frame = frame.f_back
    return found


def about(event: str, args: tuple[Any, ...]) -> str:
    """What an event is about: ``host:port``, a name, a file, a URL, or the arguments of others."""
    if event not in NETWORK:
        return repr(args)[:300]
    where = args[1] if event in OF_A_SOCKET else args[0]
    if event == "socket.getaddrinfo":
        where = args[:2]
    if not isinstance(where, tuple):
        return os.fsdecode(where) if isinstance(where, str | bytes) else repr(where)
    host, port, *_ = where
    return f"{os.fsdecode(host) if isinstance(host, str | bytes) else host}:{port}"


def note(event: str, args: tuple[Any, ...]) -> None:
    """Write an event of interest into this process's file."""
    if event not in UNPICKLING and event not in NETWORK and event != STARTED:
        return
    stack = led_here(sys._getframe(1))
    if event == "marshal.loads" and stack[0].startswith("importlib."):
        return  # the bytecode of a module that is imported
    what = about(event, args)
    line = json.dumps({"event": event, "what": what, "stack": stack, "argv": sys.orig_argv[:6]})
    handle = os.open(f"{FOLDER}/{os.getpid()}.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(handle, f"{line}\n".encode())
    finally:
        os.close(handle)


def watch_loads() -> None:
    """Have all loading of pickles noted, since plain values need no class to be found."""
    import pickle

    def watched(name: str) -> Any:
        original = getattr(pickle, name)

        def load(*args: Any, **options: Any) -> Any:
            sys.audit("pickle.find_class", f"pickle.{name}", type(args[0]).__name__)
            return original(*args, **options)

        return load

    class Unpickler(pickle.Unpickler):
        def load(self) -> Any:
            sys.audit("pickle.find_class", "pickle.Unpickler", "load")
            return super().load()

    for name in ("load", "loads"):
        setattr(pickle, name, watched(name))
    setattr(pickle, "Unpickler", Unpickler)  # noqa: B010 - mypy refuses to assign to a type


os.makedirs(FOLDER, exist_ok=True)  # noqa: PTH103 - pathlib would slow every process
sys.addaudithook(note)
watch_loads()
sys.audit(STARTED)
