"""An extract of invented patients with a known truth, and a study's notebook run on it."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pandas as pd
import polars as pl
import pytest

from sundbench.economics import discount
from sundbench.release.parameters import bind
from sundbench.release.study import StudyFolder

HORIZON = 3.0
END = pd.Timestamp("2024-12-31")
PRICE = {0: 1_900.0, 1: 46_400.0}
VISIT, TARIFF, DOSES = 2_450.0, 42_000.0, {0: 5, 1: 12}
STEP = 21


def hazard(patients: pd.DataFrame) -> np.ndarray:
    """Old patients and those with squamous tumours die sooner."""
    return np.exp(0.02 * (patients["age"] - 70) + 0.5 * patients["squamous"]).to_numpy() / 420


def draw_patients(n: int, seed: int) -> pd.DataFrame:
    """Young patients without squamous tumours get the new medicine more often; it almost halves hazards."""
    draw = np.random.default_rng(seed)
    index = pd.Timestamp("2018-06-01") + pd.to_timedelta(draw.integers(0, 1900, n), "D")
    frame = pd.DataFrame(
        {
            "person": draw.choice(2**31 - 2, n, replace=False) + 1,
            "index": index,
            "age": draw.integers(50, 86, n),
        }
    )
    frame["man"], frame["squamous"] = draw.random(n) < 0.5, draw.random(n) < 0.35
    score = 0.4 - 0.05 * (frame["age"] - 68) - 0.8 * frame["squamous"]
    frame["new"] = (draw.random(n) < 1 / (1 + np.exp(-score))).astype(int)
    scale = 1 / (hazard(frame) * np.where(frame["new"] == 1, 0.55, 1.0))
    frame["days"] = np.ceil(draw.exponential(scale)).astype(int)
    frame["died"] = frame["index"] + pd.to_timedelta(frame["days"], "D") <= END
    return frame


def integrate(frame: pd.DataFrame) -> tuple[float, float]:
    """Cost and life-years gained if everybody got the new medicine rather than nobody, by integration."""
    total = []
    for new in (0, 1):
        rate = hazard(frame) * (0.55 if new else 1.0)
        days = np.arange(int(HORIZON * 365.25))
        alive = np.exp(-rate[:, None] * days)
        lived = np.diff(discount.life_years(np.append(days, HORIZON * 365.25) / 365.25))
        given = STEP * np.arange(DOSES[new])
        worth = discount.factor(given / 365.25)
        cost = (alive[:, given] * worth).sum(axis=1) * (PRICE[new] + VISIT)
        monthly = np.arange(60, days.size, 120)
        cost = cost + (alive[:, monthly] * discount.factor(monthly / 365.25)).sum(axis=1) * TARIFF
        total.append((cost.mean(), (alive * lived).sum(axis=1).mean()))
    return total[1][0] - total[0][0], total[1][1] - total[0][1]


def registers(frame: pd.DataFrame) -> dict[str, pl.DataFrame]:
    """The patients as registers know them; everything else about them is the same for all."""
    last = frame["index"] + pd.to_timedelta(frame["days"], "D")
    last = last.where(frame["died"], END)

    def every(first: int, step: int, most: pd.Series) -> pd.DataFrame:
        rows = frame.loc[frame.index.repeat(most)].copy()
        rows["date"] = rows["index"] + pd.to_timedelta(first + step * rows.groupby(level=0).cumcount(), "D")
        return rows[rows["date"] <= last.loc[rows.index]]

    doses = every(0, STEP, frame["new"].map(DOSES))
    stays = every(60, 120, pd.Series(20, index=frame.index))
    years = pd.date_range("2015-12-31", END, freq="YE")
    known = frame.loc[frame.index.repeat(len(years))].assign(snapshot=np.tile(years, len(frame)))
    known = known[known["snapshot"] <= last.loc[known.index]]
    dead = frame[frame["died"]]
    spells = pd.concat(
        [doses.assign(group="27MP90", tariff=15_500.0), stays.assign(group="04MA13", tariff=TARIFF)]
    )

    def table(person: pd.Series, **columns: Any) -> pl.DataFrame:
        values = {
            name: np.asarray(column) if not isinstance(column, str) else column
            for name, column in columns.items()
        }
        return pl.from_pandas(pd.DataFrame({"person": person.to_numpy(dtype=np.int32), **values}))

    nobody = pd.Series([1], dtype="int32")
    at_index = frame["index"]
    return {
        "bef": table(
            known["person"],
            referencetid=known["snapshot"],
            koen=np.where(known["man"], "1", "2"),
            foed_dato=known["index"] - pd.to_timedelta(known["age"] * 365.25 + 100, "D"),
            reg="84",
        ),
        "dod": table(dead["person"], doddato=last.loc[dead.index]),
        "vnds": table(nobody, haend_dato=[pd.Timestamp("2016-01-01")], indud_kode="U"),
        "smr": table(
            doses["person"], d_adm=doses["date"], c_atc=np.where(doses["new"] == 1, "L01FF02", "L01XA02")
        ),
        "lpr3a_diagnose": table(
            frame["person"],
            kont_starttidspunkt=at_index - pd.Timedelta(days=30),
            diag_kode="DC349",
            diag_type="A",
            senere_afkraeftet="nej",
            lprindberetningssystem="LPR3",
        ),
        "cancer": table(
            frame["person"],
            d_diagnosedato=at_index - pd.Timedelta(days=30),
            c_icd10="C349",
            c_morfo03=np.where(frame["squamous"], "M80703", "M81403"),
        ),
        "lmdb": table(frame["person"], eksd=at_index, atc="N02BE01", vnr="1", apk=1, eksp=10_000),
        "sssy": table(
            frame["person"], honuge=at_index, speciale="800110", ydlant=1, bruhon=20_000, barnmak="0"
        ),
        "drg_forloeb": table(
            spells["person"],
            sygehusforloeb_id=np.arange(len(spells)),
            forloeb_start=spells["date"],
            forloeb_slut=spells["date"],
            totalpris_drg=(spells["tariff"] * 100).astype("int64"),
            drg_gruppe=spells["group"],
        ),
    }


@pytest.fixture(scope="session")
def patients() -> Callable[[int, int], pd.DataFrame]:
    """So many patients, by seed."""
    return draw_patients


@pytest.fixture(scope="session")
def truth() -> Callable[[pd.DataFrame], tuple[float, float]]:
    """The cost and the life-years that the new medicine adds in these patients."""
    return integrate


DATETIMES = ("d_adm", "kont_starttidspunkt", "kont_sluttidspunkt", "forloeb_start", "forloeb_slut")

Tables = dict[str, pl.DataFrame]


@pytest.fixture(scope="session")
def write_extract(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Write registers, by name, as an extract of one bucket."""

    def write(tables: Tables, *, since: str = "2010-01-01", until: str = END.date().isoformat()) -> Path:
        root = tmp_path_factory.mktemp("extract")
        about = {}
        for name, rows in tables.items():
            casts = [
                pl.col(column).cast(pl.Datetime("ms") if column in DATETIMES else pl.Date)
                for column, kind in rows.schema.items()
                if kind == pl.Datetime
            ]
            (root / name).mkdir()
            rows.with_columns(casts).sort("person").write_parquet(root / name / "bucket-00000.parquet")
            columns = {column: str(kind) for column, kind in rows.schema.items()}
            coverage = {"since": since, "until": until}
            about[name] = {"columns": columns, "rows": rows.height, "coverage": coverage, "files": {}}
        persons = max(rows["person"].n_unique() for rows in tables.values())
        manifest = {"registers": about, "buckets": 1, "persons": persons, "digest": "0", "permit": "test"}
        (root / "extract.json").write_text(json.dumps(manifest), encoding="utf-8")
        return root

    return write


@pytest.fixture(scope="session")
def extract(write_extract: Callable[..., Path]) -> Callable[[pd.DataFrame], Path]:
    """Write patients with lung cancer as an extract."""
    return lambda frame: write_extract(registers(frame))


@dataclass
class Ran:
    """A notebook that has run: where its outputs lie, and its variables."""

    outbox: Path
    names: dict[str, Any]

    def output(self, name: str) -> pd.DataFrame:
        return pd.read_parquet(self.outbox / f"{name}.parquet")


@pytest.fixture(scope="session")
def run(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Ran]:
    """Run a study's cells here, without a kernel of its own."""

    def execute(study: str, extract: Path, **given: object) -> Ran:
        folder = StudyFolder(repository / "analyses" / study)
        outbox = tmp_path_factory.mktemp("outbox")
        names: dict[str, Any] = {"display": lambda *_: None}
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("SUNDBENCH_EXTRACT", str(extract))
            patch.setenv("SUNDBENCH_OUTBOX", str(outbox))
            for cell in nbformat.read(folder.notebook, as_version=4).cells:
                if cell.cell_type == "code":
                    exec(compile(cell.source, folder.notebook.name, "exec"), names)
                    if "parameters" in cell.metadata.get("tags", []):
                        names |= bind(folder.about.parameters, given)
        return Ran(outbox, names)

    return execute
