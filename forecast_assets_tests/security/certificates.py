"""A secure server of this machine, with a certificate of an authority that nobody knows."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from forecast_assets_tests.web import Answer, Server, served

HERE, ELSEWHERE = "127.0.0.1", "192.0.2.1"
"""The address of the server, and one of another."""


@dataclass(frozen=True)
class Certified:
    """A server, and the file of its certificate for those who want to trust it."""

    server: Server
    authority: Path


@contextmanager
def certified(folder: Path, answer: Answer, host: str = HERE) -> Iterator[Certified]:
    """A server until the end of the block. ``host``: whom its certificate is of."""
    authority, secret = folder / "certificate.pem", folder / "key.pem"
    key = ec.generate_private_key(ec.SECP256R1())
    authority.write_bytes(_of(host, key).public_bytes(Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority, secret)
    with served(lambda _: answer, context) as server:
        yield Certified(server, authority)


def _of(host: str, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)]), datetime.now(UTC)
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(host))])
    authority = x509.BasicConstraints(ca=True, path_length=None)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(authority, critical=True)
        .sign(key, SHA256())
    )
