"""Certificates of one run: its members know each other by them, and nobody else.

An authority is made for each run, signs a certificate for each member, and is gone: its key is never written.
So no certificate of another run, earlier or later, is worth anything here, and none can be added.
"""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_KEY, _CERTIFICATE, _AUTHORITY = "key.pem", "certificate.pem", "authority.pem"
_SLACK = timedelta(minutes=10)  # clocks of nodes differ


def name(member: int) -> str:
    """What a member's certificate calls it."""
    return f"member-{member}.run.invalid"


def issue(folder: Path, run: str, members: int, until: datetime) -> None:
    """Make a run's authority and a key and certificate for each of its members.

    Args:
        folder: made here, for this account alone: in it the authority's certificate, and a folder a member.
        run: its id.
        members: how many.
        until: when the run ends at the latest.
    """
    authority = ec.generate_private_key(ec.SECP256R1())
    issuer = _named(f"run {run}"[:64])
    valid = (datetime.now(UTC) - _SLACK, until + _SLACK)
    top = (
        _begun(issuer, issuer, authority.public_key(), valid)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_others=True), critical=True)
        .sign(authority, hashes.SHA256())
    )
    folder.mkdir(mode=0o700)
    _put(folder / _AUTHORITY, top.public_bytes(serialization.Encoding.PEM))
    for member in range(members):
        own = ec.generate_private_key(ec.SECP256R1())
        certificate = (
            _begun(_named(name(member)), issuer, own.public_key(), valid)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name(member))]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_others=False), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
                critical=False,
            )
            .sign(authority, hashes.SHA256())
        )
        theirs = folder / str(member)
        theirs.mkdir(mode=0o700)
        _put(theirs / _CERTIFICATE, certificate.public_bytes(serialization.Encoding.PEM))
        _put(
            theirs / _KEY,
            own.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ),
        )


def answering(folder: Path, member: int) -> ssl.SSLContext:
    """How a member takes connections: from those who show a certificate of this run."""
    context = _context(ssl.PROTOCOL_TLS_SERVER, folder, member)
    context.verify_mode = ssl.CERT_REQUIRED
    context.num_tickets = 0  # nothing to resume with: every connection shows its certificate
    return context


def asking(folder: Path, member: int) -> ssl.SSLContext:
    """How a member makes connections: to the one that it names, and nobody in its place."""
    return _context(ssl.PROTOCOL_TLS_CLIENT, folder, member)


def _context(protocol: int, folder: Path, member: int) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_verify_locations(folder / _AUTHORITY)
    own = folder / str(member)
    context.load_cert_chain(own / _CERTIFICATE, own / _KEY)
    return context


def _begun(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    valid: tuple[datetime, datetime],
) -> x509.CertificateBuilder:
    return x509.CertificateBuilder(
        issuer_name=issuer,
        subject_name=subject,
        public_key=key,
        serial_number=x509.random_serial_number(),
        not_valid_before=valid[0],
        not_valid_after=valid[1],
    )


def _named(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _usage(*, signs_others: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_others,
        key_cert_sign=signs_others,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _put(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(content)
