"""A network with nothing but loopback, and how often something tried to leave it.

What Python's own sockets do is seen by the hook. The libraries that bring sockets of their own
(curl, gRPC, DuckDB) are not, but Linux counts each of their calls that found no way.
"""

import fcntl
import os
import socket
import struct
import sys
from pathlib import Path

FLAGS_OF, SET_FLAGS, IS_UP = 0x8913, 0x8914, 0x1
"""Numbers of <linux/sockios.h> and <linux/if.h>."""

INTERFACE = struct.Struct("16sh22x")

NO_WAY = (("Ip", "OutNoRoutes"), ("Udp", "NoPorts"))
"""The counters of calls of other machines, and of a name server on this one, which is not here."""


def command(program: list[str]) -> list[str]:
    """The command that runs a program where nothing but loopback is.

    Who is not root needs the right to make a name space of users.
    """
    own = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    return ["unshare", *own, "--net", *program]


def is_alone() -> bool:
    """Whether this process has no network but loopback."""
    return [name for _, name in socket.if_nameindex()] == ["lo"]


def switch_on() -> None:
    """Switch loopback on, which is off in a new network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        asked = INTERFACE.pack(b"lo", 0)
        name, flags = INTERFACE.unpack(fcntl.ioctl(any_socket, FLAGS_OF, asked))
        if not flags & IS_UP:
            fcntl.ioctl(any_socket, SET_FLAGS, INTERFACE.pack(name, flags | IS_UP))


def attempts() -> int:
    """How many calls and packets found no way since this network was made, of any process in it."""
    lines = [line.split() for line in Path("/proc/net/snmp").read_text().splitlines()]
    counted = {
        (names[0].rstrip(":"), name): int(count)
        for names, counts in zip(lines[::2], lines[1::2], strict=True)
        for name, count in zip(names[1:], counts[1:], strict=True)
    }
    later = Path("/proc/net/snmp6")
    sixes = dict(line.split() for line in later.read_text().splitlines()) if later.exists() else {}
    return sum(counted[each] + int(sixes.get("6".join(each), 0)) for each in NO_WAY)


if __name__ == "__main__":
    switch_on()
    os.execv(sys.executable, [sys.executable, *sys.argv[1:]])  # noqa: S606 - the program asked for
