"""The key that signs manifests and releases, so that nobody edits one unseen."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sundbench.errors import ReleaseError
from sundbench.governance.signing import Signer, canonical
from sundbench.site import Site

__all__ = ["canonical", "renew", "sign", "verify"]


def sign(site: Site, content: Mapping[str, object]) -> str:
    """Sign content with the installation's key, which is made at first use.

    Returns:
        The Ed25519 signature, in hexadecimal.
    """
    return _signer(site).sign(content)


def verify(site: Site, content: Mapping[str, object], signature: str, where: str) -> None:
    """Check a signature: of the installation's key, or of one that signed before it and is kept.

    Raises:
        ReleaseError: the installation has no key, or the content is not what one of its keys signed.
    """
    by = _signer(site)
    if not any(key.signed(content, signature) for key in (by, *by.earlier)):
        raise ReleaseError(
            f"{where} has been changed after it was signed, or its key isn't kept: don't use it, run again"
        )


def renew(site: Site, before: Callable[[str, str], object]) -> None:
    """Sign with a new key from now on (`Signer.renew`); what was signed so far is still believed.

    Raises:
        ReleaseError: as `Signer.renew`.
    """
    _signer(site).renew(before)


def _signer(site: Site) -> Signer:
    return Signer(site.root / "keys", "manifest", ReleaseError)
