"""The installation's own keys: what they sign, nobody edits unseen."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
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

from sundbench import aside
from sundbench.errors import SundbenchError


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
        return _fingerprint(self._public)

    def make(self) -> None:
        """See to it that the key is there."""
        _ = self._private

    @property
    def earlier(self) -> list[Signer]:
        """The keys that signed before `renew`, as far as they are kept; they can only check now."""
        kept = sorted(self.folder.glob(f"{self.name}-*.pub"))
        return [Signer(self.folder, path.stem, self.error) for path in kept]

    def renew(self, before: Callable[[str, str], object]) -> None:
        """Sign with a new key from now on; the public key so far is kept, among `earlier`.

        Cut off at any moment, one of the two keys signs, and the public keys of both are there.

        Args:
            before: called before anything is written, with the fingerprints of the old key and the new; what
                it raises leaves the key as it is.

        Raises:
            SundbenchError: of the class `error`: there is no key yet, it is another account's, or the disk
                refuses.
        """
        path = self.folder / f"{self.name}.key"
        try:
            if path.stat().st_uid != os.geteuid():
                raise self.error(f"{path}: is another account's: run as the account that the hub runs as")
            with aside.alone(self.folder / f".{self.name}.lock"):
                old, new = Signer(self.folder, self.name, self.error)._private, Ed25519PrivateKey.generate()
                was = _fingerprint(old.public_key())
                before(was, _fingerprint(new.public_key()))
                aside.write(
                    self.folder / f"{self.name}-{was[:16]}.pub", _public_pem(old), mode=0o600, sync=True
                )
                aside.write(self.folder / f"{self.name}.pub", _public_pem(new), mode=0o600, sync=True)
                aside.write(path, _private_pem(new), mode=0o600, sync=True)
                for left in self.folder.glob(f".{path.name}.*"):  # by who was killed at the same
                    left.unlink()
        except FileNotFoundError:
            raise self.error(f"{path}: there is no key yet: what is signed first makes it") from None
        except OSError as error:
            raise self.error(f"{path}: no new key was made: {error.strerror}") from None

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
            aside.make_once(path, _private_pem(Ed25519PrivateKey.generate()))
        try:
            key = load_pem_private_key(path.read_bytes(), password=None)
        except ValueError:
            raise self.error(f"{path} is not an Ed25519 key: restore it") from None
        if not isinstance(key, Ed25519PrivateKey):
            raise self.error(f"{path} is not an Ed25519 key: restore it")
        public = self.folder / f"{self.name}.pub"
        if not public.exists():
            aside.write(public, _public_pem(key), mode=0o666)
        return key


def _fingerprint(key: Ed25519PublicKey) -> str:
    return hashlib.sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()


def _private_pem(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _public_pem(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
