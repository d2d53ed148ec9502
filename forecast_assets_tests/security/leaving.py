"""Whatever tries to leave a network without a way is counted, by whatever library it calls."""

import subprocess
import sys

import pytest

from forecast_assets_tests.security.alone import command

MODULE = "forecast_assets_tests.security.alone"

PROGRAM = """
import socket
from forecast_assets_tests.security.alone import attempts, is_alone
server = socket.create_server(("127.0.0.1", 0))
socket.create_connection(server.getsockname()).close()
assert is_alone()
before = attempts()
try:
{}
except Exception as error:
    print(type(error).__name__)
print(before, attempts() > before)
"""

CALLS = {
    "TCP": "    socket.create_connection(('192.0.2.1', 80), 5)",
    "UDP": "    socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 53))",
    "IPv6": "    socket.create_connection(('2001:db8::1', 80), 5)",
    "a name": "    socket.getaddrinfo('forecast.example', 80)",
    "curl": "    from curl_cffi import requests\n    requests.get('http://192.0.2.1/', timeout=5)",
    "DuckDB": "    import duckdb\n    duckdb.execute('INSTALL httpfs')",
    "nothing": "    raise KeyError",
}


@pytest.mark.parametrize("what", CALLS)
def test_what_tries_to_leave_is_counted(what: str) -> None:
    program = [sys.executable, "-m", MODULE, "-c", PROGRAM.format(CALLS[what])]
    done = subprocess.run(command(program), capture_output=True, text=True, check=False)
    assert done.stdout.split()[1:] == ["0", str(what != "nothing")], done.stderr
