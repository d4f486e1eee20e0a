"""What a study would read of an extract, for people, before anything is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

import polars as pl
import pyarrow.parquet as pq

from sundbench.cohort.bucket import Bucket
from sundbench.cohort.database import Database
from sundbench.cohort.described import STYLE
from sundbench.cohort.entering import enter
from sundbench.cohort.following.running import follow
from sundbench.cohort.gathering import Gathering
from sundbench.cohort.matching.pools import pools
from sundbench.cohort.narrowed import Neighbours
from sundbench.cohort.plan import Plan, compile_study
from sundbench.cohort.program import program
from sundbench.cohort.scanning import rehearsal
from sundbench.cohort.study import Study
from sundbench.registers.catalogue import catalogue

FEW_FILES = 400
"""Up to so many files their own numbers of rows are looked up; of more the average is taken."""

_BYTES: Mapping[type[pl.DataType], float] = {
    pl.Boolean: 1 / 8,
    pl.Int8: 1,
    pl.UInt8: 1,
    pl.Int16: 2,
    pl.Int32: 4,
    pl.UInt32: 4,
    pl.Float32: 4,
    pl.Date: 4,
    pl.Categorical: 4,
}
"""What a value takes in memory; 8 bytes if nothing is said, a text 24."""

_TEXT = 24.0


@dataclass(frozen=True)
class Read:
    """What would be read of one register.

    Attributes:
        register: its name.
        columns: the columns that are read.
        held: how many columns the extract has of it.
        rows: its rows in the whole extract, as ``extract.json`` counts them: so many at most are looked at.
        task_rows: its rows in the task that has most of them.
        task_bytes: what these take in memory.
    """

    register: str
    columns: tuple[str, ...]
    held: int
    rows: int
    task_rows: int
    task_bytes: int


@dataclass(frozen=True, eq=False)
class Explanation:
    """What a study would read, printed for consoles and as a table in notebooks. Nothing has been read.

    Attributes:
        plan: the compiled study.
        reads: each register that would be read, with the columns that are read of it and estimates.
    """

    plan: Plan
    reads: tuple[Read, ...]

    @property
    def buckets(self) -> int:
        """How many buckets are read."""
        return sum(len(numbers) for numbers in self.plan.tasks)

    @property
    def rows(self) -> int:
        """An estimate from above of the rows that are looked at."""
        return sum(read.rows for read in self.reads)

    @property
    def task_bytes(self) -> int:
        """An estimate from above of the memory that a task's rows take, if none were filtered out."""
        return sum(read.task_bytes for read in self.reads)

    def __str__(self) -> str:
        width = max(len(read.register) for read in self.reads)
        lines = [
            self._heading(),
            *(
                f"  {read.register:{width}}  {read.rows:>13,} rows  {', '.join(read.columns)} "
                f"({len(read.columns)} of {read.held} columns)"
                for read in self.reads
            ),
            *self._facts(),
        ]
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td><code>{escape(read.register)}</code></td><td>{escape(_title(read.register))}</td>"
            f'<td class="number">{read.rows:,}</td><td class="number">{read.task_bytes / 2**20:,.1f}</td>'
            f"<td>{', '.join(f'<code>{escape(name)}</code>' for name in read.columns)} "
            f"<small>({len(read.columns)} of {read.held})</small></td></tr>"
            for read in self.reads
        )
        facts = "<br>".join(escape(fact) for fact in self._facts())
        return (
            f'{STYLE}<div class="sundbench-help"><p><b>{escape(self._heading())}</b></p><table><thead><tr>'
            "<th>register</th><th></th><th>rows (estimate)</th><th>MiB a task (estimate)</th>"
            f"<th>columns read</th></tr></thead><tbody>{rows}</tbody></table><p>{facts}</p></div>"
        )

    def _heading(self) -> str:
        return (
            f"{self.buckets} buckets of {len(self.reads)} registers in {len(self.plan.tasks)} tasks; "
            "nothing has been read yet:"
        )

    def _facts(self) -> list[str]:
        slots = len(self.plan.slots)
        facts = [
            f"Estimates: at most {self.rows:,} rows are looked at, and {self.task_bytes / 2**20:,.1f} MiB of "
            "them in memory in one task, if no filter on codes, persons or dates left any out.",
            f"{slots} reductions in one pass a view: {', '.join(sorted(self.plan.events()))}.",
        ]
        if self.plan.until is not None:
            facts.append(f"Follow-up ends on {self.plan.until} at the latest, with the outcomes' registers.")
        return facts + [f"Note: {note}." for note in self.plan.notes]


def explain(study: Study, db: Database) -> Explanation:
    """Compile a study and rehearse its first task without rows: what it asks for is what is read.

    Of the files the footers alone are read.

    Raises:
        StudyError: a register, column or span of time that the extract lacks; names the place.
        StoreError: a bucket file is missing or damaged.
    """
    plan = compile_study(study, db)
    with rehearsal() as noted:
        _rehearse(plan)
    for register in noted.columns:
        db.files(register)
    return Explanation(
        plan, tuple(_read(db, plan, name, noted.columns[name]) for name in sorted(noted.columns))
    )


def _rehearse(plan: Plan) -> None:
    """Ask for all that a task asks for, for a person who is nobody and fulfils every requirement.

    Of nobody at all Polars would leave unread what is joined with them.
    """
    ready, numbers = program(plan, found=True), plan.tasks[0]
    bucket = Neighbours(plan.root, numbers[0], numbers)
    gathering = Gathering(ready, bucket)
    rows = gathering.of_population()
    entered = enter(plan.study, rows, bucket)
    pools(plan.study, rows, bucket)
    frame = pl.DataFrame(
        {
            name: [plan.study.first_day if kind == pl.Date else 0]
            for name, kind in entered.frame.schema.items()
        }
    ).cast(entered.frame.schema)
    for requirement in ready.requirements:
        frame = gathering.add(frame, requirement)
    frame = gathering.add_all(frame)
    follow(plan, frame, ready.slots, gathering)


def _read(db: Database, plan: Plan, register: str, columns: list[str]) -> Read:
    held = Bucket(db.root, plan.tasks[0][0]).columns(register)
    rows = int(db.manifest["registers"][register].get("rows", 0))
    most = max(len(numbers) for numbers in plan.tasks)
    task_rows = -(-rows * most // len(db.buckets))
    if len(db.buckets) <= FEW_FILES:
        of_bucket = {
            number: pq.read_metadata(Bucket(db.root, number).path(register)).num_rows for number in db.buckets
        }
        task_rows = max(sum(of_bucket[number] for number in numbers) for numbers in plan.tasks)
    wide = sum(_bytes(held[name]) for name in columns)
    return Read(register, tuple(columns), len(held), rows, task_rows, round(task_rows * wide))


def _bytes(kind: pl.DataType) -> float:
    if isinstance(kind, pl.String):
        return _TEXT
    return _BYTES.get(type(kind), 8)


def _title(register: str) -> str:
    entry = catalogue().resolve(register)
    return entry.title.en if entry is not None else ""
