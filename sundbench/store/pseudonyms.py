"""Drawing what must not be guessable: pseudonyms, and the order in which newcomers get their index."""

from __future__ import annotations

import os

import numpy as np
import polars as pl
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

LARGEST = 2**31 - 1
"""Pseudonyms are drawn from 1 to this; 0 stands for "none yet"."""


def draw(count: int, taken: np.ndarray) -> np.ndarray:
    """Draw pseudonyms uniformly without replacement from the operating system's generator.

    Args:
        count: how many.
        taken: int32, the pseudonyms that are in use already.

    Returns:
        int32 of shape (count,), each in [1, 2**31 - 1], no two equal, none in ``taken``, in the random order
        of the draw: newcomers are spread among those who were there before.
    """
    drawn = np.empty(0, dtype=np.int32)
    while len(drawn) < count:
        wanted = count - len(drawn)
        # Rejecting what is taken, and zero, leaves a uniform draw over what is free.
        fresh = np.frombuffer(os.urandom(4 * (wanted + 64)), dtype=np.uint32) & np.uint32(LARGEST)
        candidates = np.concatenate([drawn, fresh[fresh > 0].astype(np.int32)])
        _, first = np.unique(candidates, return_index=True)
        candidates = candidates[np.sort(first)]
        drawn = candidates[~np.isin(candidates, taken)][:count]
    return drawn


def order(identifiers: pl.Series, key: bytes) -> np.ndarray:
    """The order of identifiers by a keyed hash: the same with the same key, without meaning to others.

    The hash is AES-CBC-MAC with the length in front (a pseudo-random function for inputs of any length:
    Bellare, Kilian and Rogaway, JCSS 2000), computed for all identifiers at once.

    Args:
        identifiers: distinct texts.
        key: 32 bytes.

    Returns:
        int64 positions of ``identifiers``, as argsort gives them.
    """
    encrypt = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305 - one block a call is CBC-MAC
    lengths = identifiers.str.len_bytes().to_numpy().astype(np.int64)
    blocks = int(-(-lengths.max(initial=0) // 16))
    padded = np.zeros((len(identifiers), 16 * blocks), dtype=np.uint8)
    content = np.frombuffer("".join(identifiers.to_list()).encode(), dtype=np.uint8)
    rows = np.repeat(np.arange(len(lengths)), lengths)
    padded[rows, np.arange(len(content)) - np.repeat(np.cumsum(lengths) - lengths, lengths)] = content
    first = np.zeros((len(identifiers), 16), dtype=np.uint8)
    first[:, :8] = lengths.astype("<u8").view(np.uint8).reshape(-1, 8)
    state = _blocks(encrypt.update(first.tobytes()))
    for number in range(blocks):
        longer = lengths > 16 * number
        mixed = state[longer] ^ padded[longer, 16 * number : 16 * (number + 1)]
        state[longer] = _blocks(encrypt.update(mixed.tobytes()))
    tags = np.ascontiguousarray(state).view(">u8")
    return np.lexsort((tags[:, 1], tags[:, 0]))


def _blocks(content: bytes) -> np.ndarray:
    return np.frombuffer(content, dtype=np.uint8).reshape(-1, 16).copy()
