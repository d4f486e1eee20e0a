"""The certificate that browsers see."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from cryptography import x509

from sundbench.hub.checks.finding import Finding
from sundbench.hub.settings import Settings
from sundbench.site import Site

_SOON = timedelta(days=21)


def certificate(_site: Site, settings: Settings) -> Iterator[Finding]:
    """It is there, for this host, for some time yet, and its key is nobody else's."""
    file, key = settings.tls.certificate, settings.tls.key
    if file is None or key is None:
        return
    try:
        shown = x509.load_pem_x509_certificates(file.read_bytes())[0]
        mode = key.stat().st_mode
        key.read_bytes()
    except (OSError, ValueError) as error:
        yield Finding("error", f"the certificate {file} or its key can't be used: {error}", "see [tls]")
        return
    if stat.S_IMODE(mode) & 0o077:
        yield Finding("error", f"others can read {key}", "chmod 600")
    left = shown.not_valid_after_utc - datetime.now(UTC)
    if left < timedelta(0):
        yield Finding("error", f"the certificate {file} has expired", "renew it")
    elif left < _SOON:
        yield Finding("warning", f"the certificate {file} expires in {left.days} days", "renew it")
    host = urlsplit(settings.hub.url).hostname or ""
    for name in [host, *([f"*.{host}"] if settings.tls.subdomains else [])]:
        if name not in _names(shown):
            yield Finding("error", f"the certificate {file} is not for {name}", "get one that is")


def _names(shown: x509.Certificate) -> set[str]:
    try:
        names = shown.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return set()
    return {*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress))}
