"""The installation's own keys: what they sign, nobody edits unseen."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
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

from sundbench.errors import SundbenchError
from sundbench.governance.once import make_once


def canonical(content: Mapping[str, object]) -> bytes:
    """JSON with one spelling only: what is signed."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


@dataclass(frozen=True)
class Signer:
    """An Ed25519 key pair in two files, ``<name>.key`` (its owner's alone) and ``<name>.pub``.

    Attributes:
        folder: where they stand.
        name: what the key is for.
        error: the class of the errors that tell of a key that is missing or wrong.
    """

    folder: Path
    name: str
    error: type[SundbenchError]

    def sign(self, content: Mapping[str, object]) -> str:
        """Sign content; the key is made at first use.

        Returns:
            The signature, in hexadecimal.
        """
        return self._private.sign(canonical(content)).hex()

    def signed(self, content: Mapping[str, object], signature: str) -> bool:
        """Whether the key signed just this content.

        Raises:
            SundbenchError: of the class `error`: there is no such key.
        """
        try:
            self._public.verify(bytes.fromhex(signature), canonical(content))
        except (InvalidSignature, ValueError):
            return False
        return True

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the public key, in hexadecimal: short enough to be kept on paper."""
        return hashlib.sha256(self._public.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()

    def make(self) -> None:
        """See to it that the key is there."""
        _ = self._private

    @cached_property
    def _public(self) -> Ed25519PublicKey:
        path = self.folder / f"{self.name}.pub"
        if not path.is_file():
            raise self.error(f"{path} is not there, so a signature can't be checked: restore the key")
        try:
            key = load_pem_public_key(path.read_bytes())
        except ValueError:
            raise self.error(f"{path} is not an Ed25519 key: restore it") from None
        if not isinstance(key, Ed25519PublicKey):
            raise self.error(f"{path} is not an Ed25519 key: restore it")
        return key

    @cached_property
    def _private(self) -> Ed25519PrivateKey:
        path = self.folder / f"{self.name}.key"
        if not path.exists():
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            made = Ed25519PrivateKey.generate()
            make_once(path, made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        try:
            key = load_pem_private_key(path.read_bytes(), password=None)
        except ValueError:
            raise self.error(f"{path} is not an Ed25519 key: restore it") from None
        if not isinstance(key, Ed25519PrivateKey):
            raise self.error(f"{path} is not an Ed25519 key: restore it")
        public = self.folder / f"{self.name}.pub"
        if not public.exists():
            aside = self.folder / f".{self.name}.pub.{os.getpid()}"
            aside.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
            aside.replace(public)
        return key
