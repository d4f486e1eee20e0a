"""Writing outputs: what is written, and what is refused before it is."""

from pathlib import Path

import matplotlib as mpl
import pandas as pd
import polars as pl
import pytest
from matplotlib.figure import Figure

from sundbench.disclosure.output import digest, read_card
from sundbench.errors import ReleaseError
from sundbench.release.outputs import Outputs, outputs

SEX = pd.DataFrame({"sex": ["men", "women"], "persons": [10, None]})


@pytest.fixture
def out(tmp_path: Path) -> Outputs:
    return Outputs(tmp_path)


def test_a_table_and_its_card(out: Outputs) -> None:
    out.counts("sex", SEX, by=["sex"], title={"da": "Køn", "en": "Sex"}, units={"persons": "persons"})
    card = read_card(out.folder / "sex.json")
    table = pl.read_parquet(out.folder / "sex.parquet")
    assert (card.kind, card.title.da, card.rows) == ("counts", "Køn", 2)
    assert card.having("dimension") == ["sex"]
    assert card.digest == digest(out.folder / "sex.parquet")
    assert table["persons"].to_list() == [10, None]
    assert table["persons"].dtype == pl.Int64


def test_evidence_stands_in_the_card_and_not_in_the_table(out: Outputs) -> None:
    frame = pl.DataFrame({"arm": ["a"], "persons": [9], "cost": [90.0], "first": [20.0], "second": [19.0]})
    out.magnitudes("cost", frame, by=["arm"], largest={"cost": ("first", "second")})
    card = read_card(out.folder / "cost.json")
    assert pl.read_parquet(out.folder / "cost.parquet").columns == ["arm", "persons", "cost"]
    assert card.evidence == {"first": [20.0], "second": [19.0]}
    assert card.without_evidence().evidence == {}


def test_a_result_with_a_named_index(out: Outputs) -> None:
    class Fit:
        table = pd.DataFrame({"hr": [0.8]}, index=pd.Index(["drug"], name="term"))

    out.estimates("hazard_ratios", Fit(), persons=100, events=40)
    assert pl.read_parquet(out.folder / "hazard_ratios.parquet").to_dicts() == [{"term": "drug", "hr": 0.8}]


def test_the_same_values_give_the_same_bytes(tmp_path: Path) -> None:
    written = []
    for name in ("one", "two"):
        with mpl.rc_context({}):
            figure = Figure()
            figure.add_subplot().plot([1, 2], [1, 2], label="a")
        out = outputs(tmp_path / name)
        out.counts("sex", SEX, by=["sex"])
        out.figure("drawing", figure, data="sex", alt="a line")
        written.append({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()})
    assert written[0] == written[1]
    assert b"<text" not in written[0]["drawing.svg"]


@pytest.mark.parametrize("name", ["Sex", "../sex", "sex table", "", "9lives"])
def test_names_are_plain(out: Outputs, name: str) -> None:
    with pytest.raises(ReleaseError, match="lower-case letters"):
        out.counts(name, SEX, by=["sex"])


def test_what_is_undeclared_does_not_come_along(out: Outputs) -> None:
    with pytest.raises(ReleaseError, match="column doctor is neither dimension, count nor value"):
        out.counts("sex", SEX.assign(doctor="x"), by=["sex"])
    assert list(out.folder.iterdir()) == []


@pytest.mark.parametrize(
    ("frame", "says"),
    [
        (SEX.iloc[:0], "no rows"),
        (SEX.assign(when=pd.Timestamp("2020-01-01")), "text, numbers and booleans only"),
        ([1, 2], "give a pandas or Polars frame"),
        (SEX.drop(columns="persons"), "no column persons"),
    ],
)
def test_tables_that_are_none(out: Outputs, frame: object, says: str) -> None:
    with pytest.raises(ReleaseError, match=says):
        out.counts("sex", frame, by=["sex"])


def test_each_name_once(out: Outputs) -> None:
    out.counts("sex", SEX, by=["sex"])
    with pytest.raises(ReleaseError, match="written already"):
        out.counts("sex", SEX, by=["sex"])


def test_a_figure_needs_its_table_first(out: Outputs) -> None:
    with pytest.raises(ReleaseError, match="write the output fit"):
        out.figure("drawing", Figure(), data="fit")


def test_without_an_outbox(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SUNDBENCH_OUTBOX", raising=False)
    with pytest.raises(ReleaseError, match="sundbench run"):
        outputs()
