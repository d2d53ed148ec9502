"""Chromium without a window, driven over its DevTools protocol on loopback."""

import base64
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

NAMES = ("chromium", "chromium-browser")
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
)
PATIENCE_SECONDS = 300.0


@dataclass(frozen=True)
class Screen:
    """What a page is seen on: CSS pixels, and how many dots each has."""

    width: int
    height: int
    scale: float
    mobile: bool


PHONE = Screen(390, 844, 2, mobile=True)
DESKTOP = Screen(1280, 900, 1, mobile=False)


@dataclass
class Tab:
    """One tab: commands go out, and what the page asks of the network is kept."""

    connection: ClientConnection
    session: str = ""
    sent: int = 0
    requests: list[str] = field(default_factory=list)
    loaded: int = 0

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Give a command and wait for its answer. Raises RuntimeError when it is refused."""
        self.sent += 1
        message: dict[str, Any] = {"id": self.sent, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        self.connection.send(json.dumps(message))
        while True:
            answer = self._receive()
            if answer.get("id") == self.sent:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                outcome: dict[str, Any] = answer["result"]
                return outcome

    def open(self, page: Path, screen: Screen, scheme: str = "light") -> None:
        """Load a file on a screen, and wait until it and its images are there."""
        self.requests.clear()
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=screen.width,
            height=screen.height,
            deviceScaleFactor=screen.scale,
            mobile=screen.mobile,
        )
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.send("Emulation.setEmulatedMedia", features=features)
        before = self.loaded
        self.send("Page.navigate", url=page.as_uri())
        while self.loaded == before:
            self._receive()

    def visit(self, address: str, ready: str) -> None:
        """Load an address, and wait until a JavaScript expression is true of its page."""
        before = self.loaded
        self.send("Page.navigate", url=address)
        while self.loaded == before:
            self._receive()
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self.ask(ready):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{address}: {ready} is not true of it")
            time.sleep(0.2)

    def ask(self, expression: str) -> Any:
        """The value of a JavaScript expression."""
        answer = self.send("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def photograph(self, path: Path) -> None:
        """The whole page as a PNG file."""
        answer = self.send("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(answer["data"]))

    def _receive(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self.connection.recv(timeout=PATIENCE_SECONDS))
        if message.get("method") == "Network.requestWillBeSent":
            self.requests.append(message["params"]["request"]["url"])
        if message.get("method") == "Page.loadEventFired":
            self.loaded += 1
        return message


@contextmanager
def opened(profile: Path) -> Iterator[Tab]:
    """A tab of a browser of its own, which ends with the block.

    Raises FileNotFoundError without Chromium, TimeoutError when it does not start.
    """
    program = next((found for name in NAMES if (found := shutil.which(name))), None)
    if program is None:
        raise FileNotFoundError(
            f"none of {', '.join(NAMES)} is on the PATH: install it (Debian: apt install chromium)"
        )
    process = subprocess.Popen(
        [program, *FLAGS, f"--user-data-dir={profile}"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        address = _address(process, profile / "DevToolsActivePort")
        with connect(address, proxy=None, max_size=None) as connection:
            tab = Tab(connection)
            target = tab.send("Target.createTarget", url="about:blank")["targetId"]
            attached = tab.send("Target.attachToTarget", targetId=target, flatten=True)
            tab.session = attached["sessionId"]
            for domain in ("Page", "Network", "Runtime"):
                tab.send(f"{domain}.enable")
            yield tab
    finally:
        # The process leads a group of its own, which has nobody but its children in it.
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(PATIENCE_SECONDS)


def _address(process: subprocess.Popen[bytes], announced: Path) -> str:
    """Where the browser listens, as soon as it says so."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        lines = announced.read_text().split() if announced.exists() else []
        if len(lines) == 2:
            return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
        if process.poll() is not None:
            raise TimeoutError(f"chromium ended with {process.returncode} before it listened")
        time.sleep(0.05)
    raise TimeoutError(f"chromium did not listen within {PATIENCE_SECONDS:.0f} seconds")
