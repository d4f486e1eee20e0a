"""The key that signs manifests and releases, so that nobody edits one unseen."""

from __future__ import annotations

from collections.abc import Mapping

from sundbench.errors import ReleaseError
from sundbench.governance.signing import Signer, canonical
from sundbench.site import Site

__all__ = ["canonical", "sign", "verify"]


def sign(site: Site, content: Mapping[str, object]) -> str:
    """Sign content with the installation's key, which is made at first use.

    Returns:
        The Ed25519 signature, in hexadecimal.
    """
    return _signer(site).sign(content)


def verify(site: Site, content: Mapping[str, object], signature: str, where: str) -> None:
    """Check a signature.

    Raises:
        ReleaseError: the installation has no key, or the content is not what it signed.
    """
    if not _signer(site).signed(content, signature):
        raise ReleaseError(f"{where} has been changed after it was signed: don't use it, run again")


def _signer(site: Site) -> Signer:
    return Signer(site.root / "keys", "manifest", ReleaseError)
