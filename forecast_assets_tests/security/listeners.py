"""At which addresses and files a process and all its children listen, as Linux tells it."""

import ipaddress
import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

LISTENING = "0A"
"""The state of a listening socket in the tables of Linux."""

ACCEPTS = 1 << 16
"""The flag of a listening socket that is a file, in the table of Linux."""


def family_of(leader: int) -> list[int]:
    """A process and all that descend from it."""
    parents: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            parents.setdefault(int(fields[1]), []).append(int(folder.name))
    found = [leader]
    for process in found:
        found += parents.get(process, [])
    return found


def sockets_of(processes: list[int]) -> set[str]:
    """The numbers of the sockets that processes have open."""
    found = set()
    for process in processes:
        with suppress(OSError):
            for handle in (Path("/proc") / str(process) / "fd").iterdir():
                with suppress(OSError):
                    found.add(os.readlink(handle).removeprefix("socket:[").rstrip("]"))  # noqa: PTH115
    return found


def addresses(processes: list[int]) -> Iterator[tuple[str, str, bool]]:
    """The own and the other address of each TCP socket of processes, and whether it listens."""
    own = sockets_of(processes)
    for table in ("tcp", "tcp6"):
        for line in (Path("/proc/net") / table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[9] in own:
                yield address_of(fields[1]), address_of(fields[2]), fields[3] == LISTENING


def doors(processes: list[int]) -> Iterator[Path]:
    """The files at which processes listen for others of the same machine."""
    own = sockets_of(processes)
    for line in Path("/proc/net/unix").read_text().splitlines()[1:]:
        _, _, _, flags, _, _, number, *path = line.split(maxsplit=7)
        if number in own and int(flags, 16) & ACCEPTS and path and not path[0].startswith("@"):
            yield Path(path[0])


def address_of(written: str) -> str:
    """An address as Linux writes it, in words of four bytes each: its IP address and port."""
    host, _, port = written.partition(":")
    words = [bytes.fromhex(host[place : place + 8])[::-1] for place in range(0, len(host), 8)]
    packed = b"".join(words)
    family = socket.AF_INET if len(packed) == 4 else socket.AF_INET6
    return f"{ipaddress.ip_address(socket.inet_ntop(family, packed))}:{int(port, 16)}"
