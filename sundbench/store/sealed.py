"""Files encrypted at rest: AES-256-GCM in chunks, under keys derived from the vault's.

A sealed file is a header (magic, the master key's fingerprint, a random salt) and a row of chunks, each a
four-byte length and its ciphertext. Every file has its own key (HKDF-SHA256 of the master key, the salt and
the file's name); a chunk's nonce is its number and whether it is the last, so that chunks can't be cut off,
swapped or moved to another file without the seal breaking (the STREAM construction of Hoang, Reyhanitabar,
Rogaway and Vizár, CRYPTO 2015).
"""

from __future__ import annotations

import base64
import binascii
import os
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sundbench import aside
from sundbench.errors import StoreError

_MAGIC = b"SBSEAL01"
_FINGERPRINT = 16
_SALT = 32
_CHUNK = 16 * 1024 * 1024


class Key:
    """The vault's master key; it never shows itself.

    Args:
        secret: 32 bytes.
    """

    def __init__(self, secret: bytes) -> None:
        if len(secret) != 32:
            raise ValueError("a key has 32 bytes")
        self._secret = secret

    def __repr__(self) -> str:
        return "Key(...)"

    @classmethod
    def create(cls, path: Path) -> None:
        """Write a new random key, base64, readable by its owner alone.

        Raises:
            StoreError: the file is there already (a vault whose key is lost can't be read again), or can't be
                made.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"vault key {path}: its folder can't be made: {error.strerror}") from None
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            raise StoreError(
                f"{path} is there already: a vault can't be read without its key, so it is not overwritten"
            ) from None
        except OSError as error:
            raise StoreError(f"vault key {path}: could not be made: {error.strerror}") from None
        with os.fdopen(descriptor, "wb") as file:
            file.write(base64.b64encode(secrets.token_bytes(32)) + b"\n")
            file.flush()
            os.fsync(file.fileno())

    @classmethod
    def read(cls, path: Path | None) -> Key:
        """Read a key that `create` wrote.

        Raises:
            StoreError: no path, no such file, not a key, or readable by everyone on the machine.
        """
        if path is None:
            raise StoreError(
                "the vault needs its key: name its file in SUNDBENCH_VAULT_KEY_FILE"
                " (`sundbench vault key FILE` makes one)"
            )
        try:
            mode = path.stat().st_mode
            text = path.read_bytes()
        except OSError as error:
            raise StoreError(f"vault key {path}: {error.strerror}") from None
        if mode & 0o007:
            raise StoreError(f"vault key {path}: everyone on this machine may read it: chmod 600 it")
        try:
            secret = base64.b64decode(text.strip(), validate=True)
        except binascii.Error:
            secret = b""
        if len(secret) != 32:
            raise StoreError(f"vault key {path}: not a key: it must hold 32 bytes in base64")
        return cls(secret)

    def derive(self, purpose: str, salt: bytes = b"") -> bytes:
        """A 32-byte key for one purpose: knowing it tells nothing of the master key or of other purposes."""
        return HKDF(SHA256(), length=32, salt=salt, info=f"sundbench {purpose}".encode()).derive(self._secret)

    @property
    def fingerprint(self) -> bytes:
        """16 bytes by which a sealed file knows its key."""
        return self.derive("fingerprint")[:_FINGERPRINT]


def seal(path: Path, key: Key, pieces: Iterable[bytes | memoryview]) -> None:
    """Write a sealed file: aside, flushed to disk, then renamed, so that it is there whole or not at all.

    Args:
        path: the file; its name is part of the seal.
        key: the master key.
        pieces: the content, in pieces of any size; they come back in pieces of other sizes.
    """
    salt = secrets.token_bytes(_SALT)
    header = _MAGIC + key.fingerprint + salt
    cipher = AESGCM(key.derive(f"file {path.name}", salt))
    with aside.file(path, mode=0o600, sync=True) as file:
        file.write(header)
        number, held = 0, None
        for chunk in _chunks(pieces):
            if held is not None:
                file.write(_framed(cipher.encrypt(_nonce(number, last=False), held, header)))
                number += 1
            held = chunk
        file.write(_framed(cipher.encrypt(_nonce(number, last=True), held or b"", header)))


def unseal(path: Path, key: Key) -> Iterator[bytes]:
    """Read a sealed file, chunk by chunk; each chunk is checked before it is given.

    Raises:
        StoreError: the file can't be read, was sealed with another key, or is damaged.
    """
    with _opened(path) as file:
        header = _header(path, file)
        if header[len(_MAGIC) : -_SALT] != key.fingerprint:
            raise StoreError(f"{path} was sealed with another key: give the one that this vault has now")
        cipher = AESGCM(key.derive(f"file {path.name}", header[-_SALT:]))
        number, length = 0, file.read(4)
        while length:
            ciphertext = file.read(int.from_bytes(length, "little"))
            length = file.read(4)
            try:
                yield cipher.decrypt(_nonce(number, last=not length), ciphertext, header)
            except InvalidTag:
                raise _damaged(path) from None
            number += 1
        if number == 0:
            raise _damaged(path)


def fingerprint(path: Path) -> bytes:
    """The fingerprint of the key that a file was sealed with; told without any key.

    Raises:
        StoreError: the file can't be read, or isn't a sealed one.
    """
    with _opened(path) as file:
        return _header(path, file)[len(_MAGIC) : -_SALT]


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}") from None


def _header(path: Path, file: BinaryIO) -> bytes:
    header = file.read(len(_MAGIC) + _FINGERPRINT + _SALT)
    if len(header) < len(_MAGIC) + _FINGERPRINT + _SALT or not header.startswith(_MAGIC):
        raise _damaged(path)
    return header


def _damaged(path: Path) -> StoreError:
    return StoreError(f"{path} is damaged or was tampered with: restore it from a backup")


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "little") + bytes([last])


def _framed(ciphertext: bytes) -> bytes:
    return len(ciphertext).to_bytes(4, "little") + ciphertext


def _chunks(pieces: Iterable[bytes | memoryview]) -> Iterator[memoryview]:
    for piece in pieces:
        view = memoryview(piece).cast("B")
        for start in range(0, len(view), _CHUNK):
            yield view[start : start + _CHUNK]
