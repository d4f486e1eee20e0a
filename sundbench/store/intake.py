"""Read a delivery's files into staged rows: typed, with their person's index, partitioned by bucket.

DuckDB streams each file: it splits the text strictly (what doesn't split is rejected with its line), casts
strictly (what doesn't cast gives the row a reason), joins persons or parents, and writes Parquet by bucket.
Rows with a reason go to partition -1 with what was delivered, and from there to the quarantine.
"""

# ruff: noqa: S608 - names and texts are quoted where they enter a query

from __future__ import annotations

import itertools
import os
import shutil
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import duckdb
import polars as pl
import pyarrow.parquet as pq

from sundbench.errors import DeliveryError, StoreError
from sundbench.registers.casting import (
    COMPLAINTS,
    DUCKDB_TYPES,
    as_text,
    literal,
    present,
    quick,
    quoted,
    typed,
)
from sundbench.registers.catalogue import Catalogue, ColumnType, Register
from sundbench.registers.delivery import Delivery, SourceFile
from sundbench.registers.formats import Table, csv_table, latin_1_table, parquet_table
from sundbench.registers.persons import normal, well_formed
from sundbench.store.feed import fed
from sundbench.store.sources import Source

PEOPLE_PER_BUCKET = 10_000
_BAD = -1  # the partition of rows that will be quarantined
# DuckDB's memory, in bytes: some, and more for each person, since the persons are looked up in memory and the
# rows wait in as many partitions as there are buckets. It does not grow with the files.
_MEMORY = 1_200_000_000
_MEMORY_A_PERSON = 2_000
# Rows that DuckDB may hold back in all partitions together before it writes them.
_BUFFERED_ROWS = 3_000_000
_REJECTIONS = {
    "MISSING COLUMNS": "too few fields",
    "TOO MANY COLUMNS": "too many fields",
    "UNQUOTED VALUE": "text after a closing quote",
    "LINE SIZE OVER MAXIMUM": "a line of more than 2 MB",
    "INVALID ENCODING": "not UTF-8",
}
_BETWEEN = "chr(31)"  # stands between the fields of a row that will be quarantined
_FULL = ("No space left", "File too large", "Disk quota")

T = TypeVar("T")


@dataclass(frozen=True)
class FileRead:
    """What became of one file's rows: ``read == kept + sum(quarantined)``.

    Attributes:
        file: the file.
        read: rows in the file.
        kept: rows that went on.
        expanded: copies beyond the first, of rows that belong to several persons.
        quarantined: rows by reason.
        missing: columns of the catalogue that the file lacks.
        unknown: columns of the file that the catalogue lacks; they are left out.
    """

    file: SourceFile
    read: int
    kept: int
    expanded: int
    quarantined: Counter[str]
    missing: tuple[str, ...]
    unknown: tuple[str, ...]


@dataclass(frozen=True)
class _Rejected:
    line: int
    error: str
    text: str


class Intake:
    """One delivery on its way into staged rows.

    Args:
        delivery: its files; each one's structure is checked here.
        catalogue: what the registers are.
        staging: an empty folder that nobody else may read.
        workers: threads.

    Raises:
        DeliveryError: a file that is broken as a whole.
    """

    def __init__(self, delivery: Delivery, catalogue: Catalogue, staging: Path, workers: int) -> None:
        self._delivery = delivery
        self._catalogue = catalogue
        self._staging = staging
        self._workers = workers
        self._cpr = delivery.settings.person_identifiers == "cpr"
        self._local = threading.local()
        self._parents = threading.Lock()
        (staging / "quarantine").mkdir()
        self._tables = {file.name: self._table(file) for file in delivery.files}
        for file in delivery.files:
            self._check_columns(file)
        self._database = duckdb.connect(
            config={
                "threads": workers,
                "memory_limit": f"{_MEMORY}B",
                "preserve_insertion_order": False,
                "temp_directory": str(staging / "spill"),
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            }
        )

    def close(self) -> None:
        """Let go of DuckDB's memory and files."""
        self._database.close()

    @property
    def _db(self) -> duckdb.DuckDBPyConnection:
        """This thread's connection: files are read side by side, so that no thread waits for a file's end."""
        if not hasattr(self._local, "connection"):
            self._local.connection = self._database.cursor()
            # DuckDB's own would be drawn into logs, beside ours.
            self._local.connection.execute("SET enable_progress_bar = false")
        connection: duckdb.DuckDBPyConnection = self._local.connection
        return connection

    @property
    def order(self) -> list[list[SourceFile]]:
        """The files in groups that can be read side by side, parents before their children."""
        files = sorted(self._delivery.files, key=lambda file: self._depth(file.register))
        return [list(group) for _, group in itertools.groupby(files, lambda file: self._depth(file.register))]

    @property
    def quarantine(self) -> list[Path]:
        """Parquet files of all quarantined rows: register, file, line, reason, columns, values."""
        return sorted((self._staging / "quarantine").glob("*.parquet"))

    def staged(self, register: str) -> list[Path]:
        """The folders of a register's staged rows, one a file: ``bucket=<n>/*.parquet`` below each."""
        return [self._target(file) for file in self._delivery.files if file.register == register]

    def columns(self, register: str) -> tuple[str, ...]:
        """A register's columns in the freeze, in its own order: those that any of its files has."""
        entry = self._catalogue[register]
        files = [file for file in self._delivery.files if file.register == register]
        there = {name for file in files for name in self._delivered(entry, self._tables[file.name])}
        own = [name for name in entry.columns if name in there and name != entry.subject]
        return ("person", *self._carried(entry), *own)

    def identifiers(self, file: SourceFile, source: Source) -> pl.Series:
        """The well-formed person identifiers that a register's own subject column holds, each once."""
        entry = self._catalogue[file.register]
        if entry.subject is None:
            return pl.Series("identifier", [], dtype=pl.String)

        def distinct(table: Table) -> pl.Series:
            text = self._identifier(entry, str(entry.subject), table, plain=source.plain)
            query = f"SELECT DISTINCT {text} AS identifier FROM {table.relation}"
            return pl.Series(self._db.sql(query).pl()["identifier"])

        found = self._attempt(file, distinct)[0].drop_nulls()
        return found.filter(well_formed(found)) if self._cpr else found

    def know(self, persons: pl.DataFrame, buckets: int) -> None:
        """Take the persons that rows may belong to, before any row is read.

        Args:
            persons: the vault's ``identifier`` and ``person``.
            buckets: how many buckets they fill.
        """
        self._database.register("vault_persons", persons.to_arrow())
        self._database.execute("CREATE TABLE persons AS SELECT identifier, person FROM vault_persons")
        self._database.unregister("vault_persons")
        self._database.execute(f"SET memory_limit = '{memory(len(persons))}B'")
        rows = max(2048, min(524_288, _BUFFERED_ROWS // (max(1, buckets) * self._workers)))
        self._database.execute(f"SET partitioned_write_flush_threshold = {rows}")

    def read(self, file: SourceFile, source: Source) -> FileRead:
        """Stage one file's rows, its parents' having been staged before.

        Args:
            file: one of the delivery's.
            source: what a pass over its bytes has told.

        Raises:
            DeliveryError: the file is broken.
            StoreError: the disk is full.
        """
        entry = self._catalogue[file.register]
        target = self._target(file)
        target.mkdir(parents=True)
        copied, rejected = self._attempt(
            file, lambda table: self._stage(entry, table, target, plain=source.plain)
        )
        table = self._tables[file.name]
        quarantined = self._quarantine(file, table, target, rejected)
        staged = sum(pq.read_metadata(part).num_rows for part in target.glob("bucket=*/*.parquet"))
        expanded = 0
        if entry.parent is not None and entry.parent.members:
            expanded = self._copies(target)
            scanned, _ = self._attempt(file, self._count)
        else:
            scanned = copied
        result = FileRead(
            file,
            read=scanned + len(rejected),
            kept=staged - expanded,
            expanded=expanded,
            quarantined=quarantined,
            missing=tuple(n for n in entry.columns if n not in self._delivered(entry, table)),
            unknown=tuple(n for n in table.columns if entry.resolve(n) is None),
        )
        if result.read != result.kept + quarantined.total() or table.rows not in {None, result.read}:
            raise RuntimeError(f"{file.name}: rows read, kept and quarantined don't add up: {result}")
        source.check(result.read)
        return result

    # What a file has

    def _table(self, file: SourceFile) -> Table:
        settings = self._delivery.settings
        if file.format == "csv":
            return csv_table(file, settings)
        if file.format == "parquet":
            return parquet_table(file.name, [file.path])
        from sundbench.registers.sas import convert

        parts, numeric = convert(file, self._staging / "sas" / file.name)
        return parquet_table(file.name, parts, numeric)

    def _delivered(self, entry: Register, table: Table) -> dict[str, str]:
        """The catalogue's columns that a file has, with the file's own spelling."""
        found = {entry.resolve(name): name for name in table.columns}
        return {name: found[name] for name in entry.columns if name in found}

    def _check_columns(self, file: SourceFile) -> None:
        entry, table = self._catalogue[file.register], self._tables[file.name]
        owners = [own for name in table.columns if (own := entry.resolve(name)) is not None]
        twice = sorted({name for name in owners if owners.count(name) > 1})
        if twice:
            raise DeliveryError(
                f"{file.name}: two columns are register {entry.name}'s {', '.join(twice)}: drop one"
            )
        needed = [entry.subject] if entry.parent is None else [own for own, _ in entry.parent.on]
        lacking = [name for name in needed if name is not None and name not in owners]
        if lacking:
            raise DeliveryError(
                f"{file.name}: no column {', '.join(lacking)}, by which register {entry.name} finds its"
                " persons"
            )

    def _depth(self, register: str) -> int:
        parent = self._catalogue[register].parent
        return 0 if parent is None else 1 + self._depth(parent.name)

    def _target(self, file: SourceFile) -> Path:
        return self._staging / "rows" / file.register / f"{self._delivery.files.index(file):05d}"

    def _carried(self, entry: Register) -> tuple[str, ...]:
        """The parent's date column, where the register has none of its own and the parent's is there."""
        if entry.parent is None or entry.date is not None:
            return ()
        date = self._catalogue.date_column(entry.name)
        if date is None or entry.parent.name not in self._delivery.registers:
            return ()
        return (date,) if date in self.columns(entry.parent.name) else ()

    # Reading

    def _identifier(self, entry: Register, column: str, table: Table, *, plain: bool) -> str:
        """SQL for the text of a person column, as the vault spells it."""
        name = self._delivered(entry, table)[column]
        text = present(as_text(name, table.columns[name], plain=plain), entry.columns[column])
        return normal(text, number=name in table.numeric) if self._cpr else text

    def _attempt(self, file: SourceFile, run: Callable[[Table], T]) -> tuple[T, list[_Rejected]]:
        """Run a query over a file; again as Latin-1 if it turns out not to be UTF-8 after all."""
        while True:
            self._db.execute("DROP TABLE IF EXISTS reject_errors; DROP TABLE IF EXISTS reject_scans")
            try:
                with self._readable(file) as table:
                    result = run(table)
                rejected = self._rejected()
            except duckdb.Error as error:
                raise _translated(file, error) from None
            for row in rejected:
                if row.error == "UNQUOTED VALUE" and row.text.count('"') % 2:
                    raise DeliveryError(
                        f"{file.name}, line {row.line}: a quote opens and doesn't close: the file is not"
                        " whole, or its quotes are not doubled: ask for it again"
                    )
            if self._delivery.settings.encoding or all(row.error != "INVALID ENCODING" for row in rejected):
                return result, rejected
            self._tables[file.name] = latin_1_table(file, self._delivery.settings)
            shutil.rmtree(self._target(file), ignore_errors=True)

    @contextmanager
    def _readable(self, file: SourceFile) -> Iterator[Table]:
        """A file for one query: CSV comes through a pipe."""
        table = self._tables[file.name]
        if table.text is None or table.text.compressed:
            yield table
            return
        with fed(file.path, self._staging) as pipe:
            yield table.through(pipe)

    def _rejected(self) -> list[_Rejected]:
        there = self._db.execute(
            "SELECT 1 FROM duckdb_tables() WHERE table_name = 'reject_errors'"
        ).fetchone()
        if there is None:
            return []
        rows = self._db.execute(
            "SELECT line, min(CAST(error_type AS VARCHAR)), min(csv_line) FROM reject_errors"
            " GROUP BY line ORDER BY line"
        )
        return [_Rejected(*row) for row in rows.fetchall()]

    def _count(self, table: Table) -> int:
        row = self._db.execute(f"SELECT count(*) FROM (SELECT * FROM {table.relation})").fetchone()
        return int(row[0]) if row else 0

    def _stage(self, entry: Register, table: Table, target: Path, *, plain: bool) -> int:
        """Write a file's rows by bucket; the number of rows written, bad ones among them."""
        count = self._db.execute(
            f"COPY ({self._query(entry, table, plain=plain)}) TO {literal(str(target))}"
            " (FORMAT parquet, PARTITION_BY (bucket), COMPRESSION lz4, OVERWRITE_OR_IGNORE)"
        ).fetchone()
        return int(count[0]) if count else 0

    def _query(self, entry: Register, table: Table, *, plain: bool) -> str:
        """SQL for a file's rows: person, typed columns, reason, what was delivered if so, bucket."""
        delivered = self._delivered(entry, table)
        persons = [name for name in delivered if entry.columns[name].type == "person"]
        keys = [own for own, _ in entry.parent.on] if entry.parent is not None else []
        place = {name: f"raw_{number}" for number, name in enumerate(table.columns)}
        raw = ", ".join(
            f"{as_text(name, stored, plain=plain)} AS {place[name]}" for name, stored in table.columns.items()
        )

        def cast(names: Iterable[str], rows: str) -> str:
            """Add the texts (t_), DuckDB's casts (q_) and the values (v_) of some columns."""
            texts, quicks, values = [], [], []
            for name in names:
                column, given = entry.columns[name], delivered[name]
                spelled, first = quoted("t_" + name), quoted("q_" + name)
                text = present(place[given], column)
                if name in persons:
                    text = normal(text, number=given in table.numeric) if self._cpr else text
                else:
                    quicks.append(f"{quick(spelled, column.type)} AS {first}")
                    value = typed(spelled, first, column.type, self._delivery.settings.decimal)
                    values.append(f"{value} AS {quoted('v_' + name)}")
                texts.append(f"{text} AS {spelled}")
            for more in (texts, quicks, values):
                rows = f"SELECT {', '.join(['*', *more])} FROM ({rows})"
            return rows

        # The joins come before most casts: each column that goes through a join costs as much as a cast.
        joins, chosen, whose, first_copy = self._joins(entry, persons)
        ahead = [*persons, *keys]
        rows = cast(ahead, f"SELECT {raw} FROM {table.relation}")
        rows = f"SELECT * FROM ({rows}) AS delivered {joins}"
        rows = cast([name for name in delivered if name not in ahead], rows)
        complaints = " ".join(
            f"WHEN {quoted('v_' + name)} IS NULL AND {quoted('t_' + name)} IS NOT NULL"
            f" THEN {literal(f'{name}: {COMPLAINTS[entry.columns[name].type]}')}"
            for name in delivered
            if entry.columns[name].type in COMPLAINTS
        )
        kept = [f"{quoted('v_' + name)} AS {quoted(name)}" for name in delivered if name not in persons]
        # One text and not a list: a list column, though all but empty, takes a tenth of the time.
        fields = ", ".join(f"coalesce({field}, '')" for field in place.values())
        return f"""
            SELECT {", ".join([*chosen, *kept])}, reason{first_copy},
                CASE WHEN reason IS NOT NULL THEN concat_ws({_BETWEEN}, {fields}) END AS raw,
                CASE WHEN reason IS NULL THEN person // {PEOPLE_PER_BUCKET} ELSE {_BAD} END AS bucket
            FROM (SELECT *, CASE {whose} {complaints} END AS reason FROM ({rows}))"""

    def _joins(self, entry: Register, persons: list[str]) -> tuple[str, list[str], str, str]:
        """How a register's rows find their persons.

        Returns:
            SQL of the joins; the columns that they give; the reasons for which a row has no person; and the
            column that tells the first copy of a row of several persons.
        """
        joins, chosen = [], ["person"]
        for number, name in enumerate(persons):
            index = "person" if name == entry.subject else quoted("v_" + name)
            joins.append(
                f"LEFT JOIN (SELECT identifier AS identifier_{number}, person AS {index} FROM persons)"
                f" AS persons_{number} ON {quoted('t_' + name)} = identifier_{number}"
            )
            if name != entry.subject:
                chosen.append(f"{index} AS {quoted(name)}")
        if entry.parent is None:
            name = str(entry.subject)
            whose = (
                f"WHEN {quoted('t_' + name)} IS NULL THEN {literal(f'{name}: no person')}"
                f" WHEN person IS NULL THEN {literal(f'{name}: malformed person number')}"
            )
            return " ".join(joins), chosen, whose, ""
        carried = self._carried(entry)
        with self._parents:
            table = self._parent(entry, carried)
        on = " AND ".join(
            f"{quoted('v_' + own)} = {table}.key_{number}" for number, (own, _) in enumerate(entry.parent.on)
        )
        joins.append(f"LEFT JOIN {table} ON {on}")
        chosen += [f"parent_date AS {quoted(name)}" for name in carried]
        whose = "WHEN several THEN 'its parent names several persons' WHEN person IS NULL THEN 'orphan'"
        return " ".join(joins), chosen, whose, ", first_copy" if entry.parent.members else ""

    def _parent(self, entry: Register, carried: tuple[str, ...]) -> str:
        """A table of keys, person and date from a parent's staged rows; made once, then kept."""
        assert entry.parent is not None  # noqa: S101 - told to mypy; the catalogue checks it
        name = quoted(f"parent of {entry.name}")
        parent = entry.parent
        own = {theirs: entry.columns[mine].type for mine, theirs in parent.on}
        rows = self._parents_rows(entry, own, carried)
        if not rows:
            nothing = [
                f"CAST(NULL AS {DUCKDB_TYPES[own[theirs]]}) AS key_{n}"
                for n, (_, theirs) in enumerate(parent.on)
            ]
            rest = (
                "CAST(NULL AS INTEGER) AS person, CAST(NULL AS DATE) AS parent_date,"
                " false AS several, true AS first_copy"
            )
            self._db.execute(
                f"CREATE TABLE IF NOT EXISTS {name} AS SELECT {', '.join(nothing)}, {rest} LIMIT 0"
            )
            return name
        by = ", ".join(f"key_{number}" for number in range(len(parent.on)))
        some = " AND ".join(f"key_{number} IS NOT NULL" for number in range(len(parent.on)))
        if parent.members:
            query = (
                f"SELECT {by}, person, min(parent_date) AS parent_date, false AS several,"
                f" row_number() OVER (PARTITION BY {by} ORDER BY person) = 1 AS first_copy"
                f" FROM {rows} WHERE {some} GROUP BY {by}, person"
            )
        else:
            query = (
                f"SELECT {by}, min(person) AS person, min(parent_date) AS parent_date,"
                f" min(person) <> max(person) AS several FROM {rows} WHERE {some} GROUP BY {by}"
            )
        self._db.execute(f"CREATE TABLE IF NOT EXISTS {name} AS {query}")
        return name

    def _parents_rows(
        self, entry: Register, types: Mapping[str, ColumnType], carried: tuple[str, ...]
    ) -> str | None:
        """SQL for the keys, person and date of all of a parent's staged rows; None if there are none.

        Where a parent's file lacks the year by which it is found, the year is its date's, or the one in the
        file's name: yearly files of bef often come without either.
        """
        assert entry.parent is not None  # noqa: S101 - told to mypy; the catalogue checks it
        parent = self._catalogue[entry.parent.name]
        selects = []
        for file in (file for file in self._delivery.files if file.register == parent.name):
            parts = sorted(self._target(file).glob("bucket=[0-9]*/*.parquet"))
            there = self._delivered(parent, self._tables[file.name])
            keys = []
            for number, (_, theirs) in enumerate(entry.parent.on):
                key = quoted(theirs) if theirs in there else "NULL"
                if types[theirs] == "year":
                    year = file.year or "NULL"
                    dated = f"year({quoted(parent.date)})" if parent.date in there else "NULL"
                    key = f"coalesce({key}, {dated}, {year})"
                keys.append(f"CAST({key} AS {DUCKDB_TYPES[types[theirs]]}) AS key_{number}")
            if parts:
                listed = ", ".join(literal(str(part)) for part in parts)
                month = entry.parent.month
                standing = (
                    f" WHERE coalesce(month({quoted(parent.date)}), {month}) = {month}"
                    if month is not None and parent.date in there
                    else ""
                )
                date = quoted(carried[0]) if carried and carried[0] in there else "CAST(NULL AS DATE)"
                selects.append(
                    f"SELECT {', '.join(keys)}, person, {date} AS parent_date"
                    f" FROM read_parquet([{listed}], hive_partitioning=false){standing}"
                )
        return f"({' UNION ALL '.join(selects)})" if selects else None

    # What can't be kept

    def _quarantine(
        self, file: SourceFile, table: Table, target: Path, rejected: list[_Rejected]
    ) -> Counter[str]:
        """Move a file's bad rows into the quarantine; count them by reason."""
        bad = target / f"bucket={_BAD}"
        columns = "[" + ", ".join(literal(name) for name in table.columns) + "]"
        where = f"{literal(file.register)} AS register, {literal(file.name)} AS file"
        parts = []
        if bad.exists():
            source = f"read_parquet({literal(str(bad / '*.parquet'))}, hive_partitioning=false)"
            parts.append(
                f"SELECT {where}, CAST(NULL AS BIGINT) AS line, reason, {columns} AS columns,"
                f" list_transform(string_split(raw, {_BETWEEN}), lambda field: nullif(field, ''))"
                f' AS "values" FROM {source}'
            )
        if rejected:
            lines = pl.DataFrame(
                {
                    "line": [row.line for row in rejected],
                    "reason": [_REJECTIONS.get(row.error, "not readable") for row in rejected],
                    "text": [row.text.strip("\r\n") for row in rejected],
                }
            )
            self._db.register("rejected_lines", lines.to_arrow())
            parts.append(
                f"SELECT {where}, CAST(line AS BIGINT) AS line, CAST(reason AS VARCHAR) AS reason,"
                " CAST(['whole line'] AS VARCHAR[]) AS columns, [CAST(text AS VARCHAR)] AS \"values\""
                " FROM rejected_lines"
            )
        if not parts:
            return Counter()
        path = self._staging / "quarantine" / f"{self._delivery.files.index(file):05d}.parquet"
        try:
            self._db.execute(f"COPY ({' UNION ALL '.join(parts)}) TO {literal(str(path))} (FORMAT parquet)")
            counts = self._db.execute(
                f"SELECT reason, count(*) FROM read_parquet({literal(str(path))})"
                " GROUP BY reason ORDER BY reason"
            ).fetchall()
        except duckdb.Error as error:
            raise _translated(file, error) from None
        shutil.rmtree(bad, ignore_errors=True)
        return Counter(dict(counts))

    def _copies(self, target: Path) -> int:
        if not any(target.glob("bucket=*/*.parquet")):
            return 0
        source = literal(str(target / "bucket=*" / "*.parquet"))
        row = self._db.execute(f"SELECT count(*) FROM read_parquet({source}) WHERE NOT first_copy").fetchone()
        return int(row[0]) if row else 0


def memory(persons: int) -> int:
    """How many bytes DuckDB may take to read a delivery of so many persons: less than the machine has."""
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return max(_MEMORY, min(_MEMORY_A_PERSON * persons, machine * 3 // 4))


def _translated(file: SourceFile, error: duckdb.Error) -> Exception:
    """What DuckDB complains of, said without its message, which may hold a value of a person column."""
    text = str(error)
    if any(sign in text for sign in _FULL):
        return StoreError(f"{file.name}: no space left on the disk: make room and freeze again")
    if isinstance(error, duckdb.OutOfMemoryException):
        return StoreError(
            f"{file.name}: neither memory nor disk is left for sorting (2 GB of memory a million persons):"
            " make room and freeze again"
        )
    if "GZIP" in text.upper():
        return DeliveryError(f"{file.name}: the gzip file is damaged or cut off: ask for it again")
    if isinstance(error, duckdb.IOException | duckdb.InvalidInputException):
        return DeliveryError(f"{file.name}: can't be read as {file.format}: its lines or pages are damaged")
    if isinstance(error, duckdb.BinderException | duckdb.ParserException | duckdb.CatalogException):
        return error
    return RuntimeError(f"{file.name}: {type(error).__name__} while reading")
