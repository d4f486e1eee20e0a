"""The identity vault: the one place that links persons to the national index and to permits' pseudonyms.

In ``site.vault``, each file sealed (`sundbench.store.sealed`): ``persons`` (identifier to national index; a
person may have several identifiers), ``permit-<id>`` (the permit's key, and its pseudonym for each index),
``opt-outs`` (identifiers of those who said no), and ``name`` once its key has changed (`rotation`). A freeze
and an extract open the vault, nobody else.

    with Vault.open(site) as vault:                      # exclusive until the block ends
        vault.add(identifiers)                           # newcomers get an index
        index = vault.index_of(identifiers)              # Int32, null where unknown
        names = vault.pseudonyms("2026-007", indices)    # int32, drawn where new
        vault.save()                                     # nothing above lasts without this
"""

from __future__ import annotations

import json
import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import polars as pl
import pyarrow as pa
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from sundbench.errors import StoreError
from sundbench.site import Site
from sundbench.store import pseudonyms
from sundbench.store.sealed import Key, seal, unseal
from sundbench.store.vault_folder import enter, name

_NO_CHANGES = pl.DataFrame(schema={"older": pl.String, "current": pl.String})
_PERMIT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass
class _Permit:
    """A permit's secrets: the key for its linking columns; its pseudonym for each index, 0 for none yet."""

    key: bytes
    pseudonyms: np.ndarray
    changed: bool


@dataclass
class _Changed:
    persons: bool = False
    opt_outs: bool = False


class Vault:
    """An open vault; make one with `Vault.open`, use it in a ``with`` block."""

    def __init__(self, folder: Path, key: Key, lock: int) -> None:
        self._folder = folder
        self._key = key
        self._lock = lock
        self._permits: dict[str, _Permit] = {}
        self._changed = _Changed()
        self._known, self._persons, self._merged = self._read_persons()
        self._opt_outs = self._read_opt_outs()

    @staticmethod
    def create_key(path: Path) -> None:
        """Write a new key to a file that isn't there yet, readable by its owner alone.

        Raises:
            StoreError: the file is there already.
        """
        Key.create(path)

    @classmethod
    def open(cls, site: Site) -> Self:
        """Open a site's vault, making an empty one the first time, and keep every other process out.

        Raises:
            StoreError: no key or a wrong one, a damaged file, no place for it, or another process has the
                vault open.
        """
        key = Key.read(site.vault_key_file)
        lock = enter(site.vault)
        try:
            return cls(site.vault, key, lock)
        except BaseException:
            os.close(lock)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let others in; what was not saved is forgotten."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    @property
    def folder(self) -> Path:
        """Where the vault lies, mode 0700: the place for whatever holds person identifiers."""
        return self._folder

    @property
    def key(self) -> Key:
        """The master key, to seal what belongs beside the vault."""
        return self._key

    @property
    def fingerprint(self) -> str:
        """What a freeze says of the vault it was made with (`vault_folder.name`)."""
        return name(self._folder, self._key).hex()

    @property
    def persons(self) -> int:
        """How many indices have been given: they run from 0 to this, without gaps."""
        return self._persons

    @property
    def identifiers(self) -> pl.DataFrame:
        """All known identifiers: ``identifier`` (String, distinct) and ``person`` (Int32 index)."""
        return self._known

    @property
    def permits(self) -> tuple[str, ...]:
        """The permits that have pseudonyms, sorted."""
        return tuple(sorted(path.name[7:] for path in self._folder.glob("permit-*")))

    # Persons

    def index_of(self, identifiers: pl.Series) -> pl.Series:
        """The national index of each identifier.

        Args:
            identifiers: texts, in any order, repeated or null as may be.

        Returns:
            Int32 of the same length: null where the identifier is unknown.
        """
        asked = pl.DataFrame({"identifier": identifiers.cast(pl.String)})
        return asked.join(self._known, on="identifier", how="left", maintain_order="left")["person"]

    def add(self, identifiers: pl.Series, changes: pl.DataFrame | None = None) -> int:
        """Give an index to every person who has none.

        Indices continue where they ended, in the order of a hash keyed with the vault's key: the same
        identifiers added to the same vault under the same key get the same indices, and the order reveals
        nothing of the identifiers.

        Args:
            identifiers: texts; nulls and repeats are ignored.
            changes: pairs of identifiers of one person, ``older`` and ``current`` (String). Only pairs that
                lead to a person in ``identifiers`` or in the vault are kept. If two persons turn out to be
                one, the smaller index remains and the other one leads to it from then on.

        Returns:
            The number of persons who are new.
        """
        wanted = identifiers.cast(pl.String).drop_nulls().unique().rename("identifier")
        pairs = _NO_CHANGES if changes is None else changes.select("older", "current").drop_nulls()
        nodes = pl.concat([wanted, pairs["older"], pairs["current"]]).unique()
        table = pl.DataFrame({"identifier": nodes, "known": self.index_of(nodes)})
        if len(pairs) == 0:
            table = table.with_columns(group=pl.int_range(pl.len()))
        else:
            # Apart from the window below: in it, Polars would hold all that is wanted once for every group.
            asked = pl.col("known").is_not_null() | pl.col("identifier").is_in(wanted.implode())
            table = _grouped(table, pairs).with_columns(asked=asked)
            table = table.filter(pl.col("asked").any().over("group")).drop("asked")
        newcomers = table.filter(pl.col("known").is_null().all().over("group"))
        turn = pseudonyms.order(newcomers["identifier"], self._key.derive("order"))
        added = (
            newcomers[turn]
            .select(pl.col("group").unique(maintain_order=True))
            .with_columns(new=pl.int_range(self._persons, self._persons + pl.len(), dtype=pl.Int32))
        )
        table = table.join(added, on="group", how="left").with_columns(
            person=pl.coalesce(pl.col("known").min().over("group"), "new")
        )
        self._learn(table, len(added))
        return len(added)

    def _learn(self, table: pl.DataFrame, newcomers: int) -> None:
        """Take in rows of ``identifier``, ``known`` (the index so far) and ``person`` (from now on)."""
        self._persons += newcomers
        joined = table.filter(pl.col("known") != pl.col("person")).select("known", "person").unique()
        if len(joined):
            self._merged |= dict(joined.iter_rows())
            onward = self._resolve(np.array(list(self._merged.values()), dtype=np.int32))
            self._merged = dict(zip(self._merged, onward.tolist(), strict=True))
            self._known = self._known.with_columns(
                person=pl.Series(self._resolve(self._known["person"].to_numpy()))
            )
        fresh = table.filter(pl.col("known").is_null()).select("identifier", "person")
        if len(fresh):
            self._known = pl.concat([self._known, fresh.sort("person", "identifier")]).rechunk()
        self._changed.persons |= len(joined) > 0 or len(fresh) > 0

    def _resolve(self, indices: np.ndarray) -> np.ndarray:
        """The indices that remain, for indices of which some were joined with others."""
        if not self._merged:
            return indices
        now = np.arange(self._persons, dtype=np.int32)
        now[list(self._merged)] = list(self._merged.values())
        resolved: np.ndarray = now[indices]
        return resolved

    def pseudonyms(self, permit: str, indices: np.ndarray) -> np.ndarray:
        """A permit's pseudonyms, drawn for those who have none yet.

        Args:
            permit: the permit's id.
            indices: national indices, repeated as may be.

        Returns:
            int32 of the same shape, each in [1, 2**31 - 1]. One person has one pseudonym in all of a permit's
            extracts, even where an older freeze still held him as two persons.
        """
        own = self._permit(permit)
        indices = self._resolve(np.asarray(indices))
        if len(own.pseudonyms) < self._persons:
            grown = np.zeros(self._persons, dtype=np.int32)
            grown[: len(own.pseudonyms)] = own.pseudonyms
            own.pseudonyms = grown
        new = np.unique(indices[own.pseudonyms[indices] == 0])
        if len(new):
            own.pseudonyms[new] = pseudonyms.draw(len(new), own.pseudonyms[own.pseudonyms > 0])
            own.changed = True
        answer: np.ndarray = own.pseudonyms[indices]
        return answer

    def permit_key(self, permit: str) -> bytes:
        """A permit's own 32 random bytes, made at the first call: the key for its record numbers."""
        return self._permit(permit).key

    # Opt-outs

    def opt_out(self, identifiers: pl.Series) -> int:
        """Note persons who said no, whether or not the vault knows them yet.

        Returns:
            How many of them were not on the list.
        """
        before = len(self._opt_outs)
        whole = pl.concat([self._opt_outs, identifiers.cast(pl.String).drop_nulls().rename("identifier")])
        self._opt_outs = whole.unique().sort()
        self._changed.opt_outs |= len(self._opt_outs) > before
        return len(self._opt_outs) - before

    def opt_in(self, identifiers: pl.Series) -> int:
        """Take persons off the list of those who said no, under every identifier the vault knows of them.

        Returns:
            How many identifiers were taken off.
        """
        theirs = identifiers.cast(pl.String).drop_nulls()
        indices = self.index_of(theirs).drop_nulls()
        others = self._known.filter(pl.col("person").is_in(indices.implode()))["identifier"]
        before = len(self._opt_outs)
        withdrawn = pl.concat([theirs.rename("identifier"), others])
        self._opt_outs = self._opt_outs.filter(~self._opt_outs.is_in(withdrawn.implode()))
        self._changed.opt_outs |= len(self._opt_outs) < before
        return before - len(self._opt_outs)

    @property
    def opt_outs(self) -> int:
        """How many identifiers are on the list of those who said no."""
        return len(self._opt_outs)

    def opted_out(self) -> np.ndarray:
        """The national indices (int32, sorted) of those who said no, under every index they ever had."""
        said_no = self.index_of(self._opt_outs).drop_nulls().unique().to_numpy()
        now = set(said_no.tolist())
        older = [old for old, new in self._merged.items() if new in now]
        return np.union1d(said_no, np.array(older, dtype=np.int32)).astype(np.int32)

    # Disk

    def save(self) -> None:
        """Make all that was added last: each changed file is written aside, flushed and renamed.

        Raises:
            StoreError: the disk is full or refuses.
        """
        try:
            if self._changed.persons:
                described = {
                    b"persons": str(self._persons).encode(),
                    b"merged": json.dumps(self._merged).encode(),
                }
                self._write("persons", self._known.to_arrow().replace_schema_metadata(described))
                self._changed.persons = False
            for name, permit in self._permits.items():
                if permit.changed:
                    seal(self._file(f"permit-{name}"), self._key, [permit.key, permit.pseudonyms.tobytes()])
                    permit.changed = False
            if self._changed.opt_outs:
                self._write("opt-outs", pl.DataFrame({"identifier": self._opt_outs}).to_arrow())
                self._changed.opt_outs = False
        except OSError as error:
            raise StoreError(f"vault {self._folder}: could not be written: {error.strerror}") from None

    def _file(self, name: str) -> Path:
        return self._folder / name

    def _write(self, name: str, table: pa.Table) -> None:
        buffer = pa.BufferOutputStream()
        with pa.ipc.new_file(buffer, table.schema) as writer:
            writer.write_table(table)
        seal(self._file(name), self._key, [memoryview(buffer.getvalue())])

    def _read(self, name: str) -> pa.Table | None:
        if not self._file(name).exists():
            return None
        return pa.ipc.open_file(pa.py_buffer(b"".join(unseal(self._file(name), self._key)))).read_all()

    def _read_persons(self) -> tuple[pl.DataFrame, int, dict[int, int]]:
        table = self._read("persons")
        if table is None:
            return pl.DataFrame(schema={"identifier": pl.String, "person": pl.Int32}), 0, {}
        described = table.schema.metadata
        merged = {int(old): new for old, new in json.loads(described[b"merged"]).items()}
        return pl.DataFrame(table.replace_schema_metadata(None)), int(described[b"persons"]), merged

    def _read_opt_outs(self) -> pl.Series:
        table = self._read("opt-outs")
        if table is None:
            return pl.Series("identifier", [], dtype=pl.String)
        return pl.DataFrame(table)["identifier"]

    def _permit(self, name: str) -> _Permit:
        if name not in self._permits:
            if not _PERMIT_ID.fullmatch(name):
                raise StoreError(f"permit id {name!r}: use letters, digits, dot, dash and underscore")
            if self._file(f"permit-{name}").exists():
                content = b"".join(unseal(self._file(f"permit-{name}"), self._key))
                drawn = np.frombuffer(content, dtype=np.int32, offset=32).copy()
                self._permits[name] = _Permit(content[:32], drawn, changed=False)
            else:
                self._permits[name] = _Permit(
                    secrets.token_bytes(32), np.empty(0, dtype=np.int32), changed=True
                )
        return self._permits[name]


def _grouped(table: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    """Add ``group``: one number for all identifiers that are one person's, by pairs or by what is known."""
    place = table.select("identifier", node=pl.int_range(pl.len()))
    edges = pairs.join(place, left_on="older", right_on="identifier").join(
        place, left_on="current", right_on="identifier", suffix="_current"
    )
    indices = table["known"].drop_nulls().unique().sort().to_numpy()
    known = table["known"].is_not_null().to_numpy()
    by_index = len(table) + np.searchsorted(indices, table["known"].drop_nulls().to_numpy())
    start = np.concatenate([edges["node"].to_numpy(), np.flatnonzero(known)])
    end = np.concatenate([edges["node_current"].to_numpy(), by_index])
    size = len(table) + len(indices)
    graph = coo_array((np.ones(len(start), dtype=np.int8), (start, end)), shape=(size, size))
    _, group = connected_components(graph, directed=False)
    return table.with_columns(group=pl.Series(group[: len(table)].astype(np.int64)))
