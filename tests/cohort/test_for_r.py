"""R gets a register's columns as its own vectors, without reading Parquet."""

import io
import os
import shutil
import subprocess
import sys
from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest

from sundbench.cohort.for_r.__main__ import HELPERS, main
from sundbench.cohort.for_r.columns import write

RSCRIPT = shutil.which("Rscript")


@pytest.fixture
def extract(write_extract, monkeypatch) -> Path:
    rows = pl.DataFrame(
        {
            "person": [5, 6, 7],
            "eksd": [date(2012, 1, 1), None, date(2020, 2, 29)],
            "atc": ["C10AA01", "C10AA01", None],
            "eksp": [4850, None, 2**40],
            "volume": [0.1, None, 3.5],
            "name": ["Lægemiddel 'A'", "to\nlinjer", ""],
        },
        schema_overrides={"person": pl.Int32},
    )
    contacts = pl.DataFrame(
        {
            "person": [5],
            "dw_ek_kontakt": [2**61 + 1],
            "kont_starttidspunkt": [datetime(2020, 1, 1, 13, 30)],  # noqa: DTZ001 - registers have no time zone
        },
        schema_overrides={"person": pl.Int32},
    )
    root = write_extract({"lmdb": rows, "lpr3a_kontakt": contacts})
    monkeypatch.setenv("SUNDBENCH_EXTRACT", str(root))
    return root


def answer(*arguments: str) -> tuple[int, str]:
    stream = io.BytesIO()
    status = main(arguments, stream)
    return status, stream.getvalue().decode("utf-8", errors="replace")


def test_it_says_where_the_r_file_is():
    assert answer() == (0, f"{HELPERS}\n")
    assert HELPERS.is_file()


def test_a_frame_is_a_heading_and_bytes():
    stream = io.BytesIO()
    write(pl.DataFrame({"a": [1, None], "b": ["x", "x"]}, schema_overrides={"a": pl.Int32}), stream)
    ints = (1).to_bytes(4, "little") + (2**31).to_bytes(4, "little")
    assert stream.getvalue() == (
        b"rows 2\ncolumns 2\ninteger a\n" + ints + b"text b\n1\nx\n" + 2 * (1).to_bytes(4, "little")
    )


def test_no_rows_and_no_texts():
    stream = io.BytesIO()
    write(pl.DataFrame(schema={"person": pl.Int32, "atc": pl.String}), stream)
    assert stream.getvalue() == b"rows 0\ncolumns 2\ninteger person\ntext atc\n0\n"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("read", "dod", "", ""), "the extract has lmdb, lpr3a_kontakt"),
        (("read", "lmdb", "nope", ""), "its columns are person, eksd"),
        (("read", "lmdb", "", "atc LIKE"), "register lmdb:"),
        (("sing",), "unknown question sing"),
    ],
)
def test_what_the_user_can_mend_is_one_line(extract, arguments, says):
    status, shown = answer(*arguments)
    assert status == 1
    assert shown.startswith("error ")
    assert says in shown
    assert shown.count("\n") == 1


def test_overview_and_describe_are_those_of_python(extract):
    assert "Prescriptions at community pharmacies" in answer("overview")[1]
    assert "ATC-kode / ATC code" in answer("describe", "lmdb")[1]


@pytest.mark.skipif(RSCRIPT is None and os.environ.get("CI") != "true", reason="R is not installed here")
def test_in_r(extract):
    code = f"""
    source("{HELPERS}")
    all <- register("lmdb")
    stopifnot(
      identical(all$person, 5:7),
      identical(all$eksd, as.Date(c("2012-01-01", NA, "2020-02-29"))),
      identical(all$atc, c("C10AA01", "C10AA01", NA)),
      identical(all$eksp, c(4850, NA, 2^40)),
      identical(all$volume, c(0.1, NA, 3.5)),
      identical(all$name[2:3], c("to linjer", "")),
      !any(is.nan(all$volume))
    )
    some <- register("lmdb", c("person", "atc"), where = "atc LIKE 'C10%' AND eksd IS NOT NULL")
    stopifnot(identical(dim(some), c(1L, 2L)), nrow(register("lmdb", where = "person = 1")) == 0)
    contact <- register("LPR_A_KONTAKT")
    stopifnot(
      identical(contact$dw_ek_kontakt, "{2**61 + 1}"),
      format(contact$kont_starttidspunkt) == "2020-01-01 13:30:00"
    )
    said <- tryCatch(register("dod"), error = conditionMessage)
    stopifnot(startsWith(said, "register dod: the permit doesn't give it"))
    cat("done")
    """
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "LC_ALL": "C.UTF-8",
    }
    done = subprocess.run(
        [str(RSCRIPT), "-e", code], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stdout.endswith("done"), done.stderr
