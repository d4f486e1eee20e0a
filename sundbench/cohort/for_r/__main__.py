"""What ``sundbench.R`` asks for, on standard output."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

HELPERS = Path(__file__).with_name("sundbench.R")


def main(arguments: Sequence[str], stream: BinaryIO) -> int:
    """Answer one question.

    Args:
        arguments: nothing: the path of the R file; ``overview``; ``describe REGISTER``; ``read REGISTER
            COLUMNS WHERE`` with columns joined by commas (empty: all) and a condition in SQL (empty: none).
        stream: where to write.

    Returns:
        0; or 1 after a line ``error <why>`` that R shows.
    """
    if not arguments:
        stream.write(f"{HELPERS}\n".encode())
        return 0
    from sundbench.errors import SundbenchError

    try:
        _answer(arguments, stream)
    except SundbenchError as error:
        stream.write(f"error {error}\n".encode())
        return 1
    return 0


def _answer(arguments: Sequence[str], stream: BinaryIO) -> None:
    import polars as pl

    from sundbench.cohort.database import connect
    from sundbench.cohort.for_r import columns
    from sundbench.errors import StudyError
    from sundbench.registers.catalogue import catalogue

    db = connect()
    match list(arguments):
        case ["overview"]:
            stream.write(f"{db!r}\n".encode())
        case ["describe", register]:
            stream.write(f"{db[register].describe()!r}\n".encode())
        case ["read", register, names, where]:
            rows = db.lazy(register)
            try:
                if where:
                    rows = rows.filter(pl.sql_expr(where))
                found = rows.select(names.split(",") if names else pl.all()).collect()
            except pl.exceptions.PolarsError as error:
                held = ", ".join(db.columns(register))
                why = str(error).splitlines()[0]
                raise StudyError(f"register {register}: {why}: its columns are {held}") from error
            entry = catalogue().resolve(register)
            columns.write(found, stream, as_text=entry.keys if entry is not None else ())
        case _:
            raise StudyError(f"unknown question {' '.join(arguments)}: overview, describe or read")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], sys.stdout.buffer))
