"""The installation's own key: signs manifests, so that nobody edits one unseen."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from sundbench.errors import ReleaseError
from sundbench.site import Site


def canonical(content: Mapping[str, object]) -> bytes:
    """JSON with one spelling only: what is signed."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def sign(site: Site, content: Mapping[str, object]) -> str:
    """Sign content with the installation's key, which is made at first use.

    Returns:
        The Ed25519 signature, in hexadecimal.
    """
    return _private(site).sign(canonical(content)).hex()


def verify(site: Site, content: Mapping[str, object], signature: str, where: str) -> None:
    """Check a signature.

    Raises:
        ReleaseError: the installation has no key, or the content is not what it signed.
    """
    path = _folder(site) / "manifest.pub"
    if not path.is_file():
        raise ReleaseError(
            f"{where}: {path} is not there, so its signature can't be checked: restore the key"
        )
    key = load_pem_public_key(path.read_bytes())
    if not isinstance(key, Ed25519PublicKey):
        raise ReleaseError(f"{path} is not an Ed25519 key: restore it")
    try:
        key.verify(bytes.fromhex(signature), canonical(content))
    except (InvalidSignature, ValueError):
        raise ReleaseError(f"{where} has been changed after it was signed: don't use it, run again") from None


def _folder(site: Site) -> Path:
    return site.root / "keys"


def _private(site: Site) -> Ed25519PrivateKey:
    folder = _folder(site)
    path = folder / "manifest.key"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        made = Ed25519PrivateKey.generate()
        aside = folder / f".manifest.key.{os.getpid()}"
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        try:
            # A link, unlike a rename, never replaces the key that another process made meanwhile.
            os.link(aside, path)
        except FileExistsError:
            pass
        finally:
            aside.unlink()
    key = load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ReleaseError(f"{path} is not an Ed25519 key: restore it")
    public = folder / "manifest.pub"
    if not public.exists():
        aside = folder / f".manifest.pub.{os.getpid()}"
        aside.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
        aside.replace(public)
    return key
