"""The whole synthesis: chunks in order, by any number of workers, to a folder that appears at the end."""

from __future__ import annotations

import gzip
import json
import multiprocessing
import os
import shutil
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Condition
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from sundbench import aside
from sundbench.errors import SundbenchError
from sundbench.progress import Report, silent
from sundbench.registers.synthetic.chunk import Chunk, synthesize_chunk
from sundbench.registers.synthetic.figures import Days
from sundbench.registers.synthetic.output import FORMATS, FileKey
from sundbench.registers.synthetic.persons import Numbering, draw
from sundbench.registers.synthetic.plan import Plan
from sundbench.registers.synthetic.summary import truth

CHANGES = "person_changes.csv"
FIRST_YEAR, LAST_YEAR = 1995, 2025


@dataclass
class Sums:
    """Sums over chunks, added in chunk order so that every run gives the same bits."""

    totals: dict[str, float]
    counts: dict[str, float]
    rows: dict[str, int]

    def add(self, other: Sums) -> None:
        """Add one chunk's."""
        for name, value in other.totals.items():
            if name == "propensity_min":
                self.totals[name] = min(self.totals.get(name, 1.0), value)
            elif name == "propensity_max":
                self.totals[name] = max(self.totals.get(name, 0.0), value)
            else:
                self.totals[name] = self.totals.get(name, 0.0) + value
        for name, value in other.counts.items():
            self.counts[name] = self.counts.get(name, 0.0) + value
        for register, rows in other.rows.items():
            self.rows[register] = self.rows.get(register, 0) + rows


def synthesize(
    out: Path,
    *,
    persons: int,
    years: tuple[int, int] = (FIRST_YEAR, LAST_YEAR),
    seed: int = 1,
    workers: int | None = None,
    report: Report = silent,
) -> dict[str, Any]:
    """Write a synthetic delivery of every register.

    Args:
        out: the folder to make; it must be absent or empty.
        persons: how many distinct persons the registers know over all years.
        years: the first and last calendar year.
        seed: the same arguments and seed give the same bytes, however many workers.
        workers: worker processes; default: one for each processor that may be used.
        report: called with the number of finished chunks.

    Returns:
        What truth.json holds.

    Raises:
        SundbenchError: out isn't empty, the arguments are out of range, or a worker was killed. Nothing is
            left in ``out`` then.
    """
    plan = _checked(out, persons, years, seed)
    workers = min(workers or len(os.sched_getaffinity(0)), plan.chunks)
    out.parent.mkdir(parents=True, exist_ok=True)
    aside.sweep(out)
    try:
        with aside.folder(out) as making:
            sums = _all_chunks(plan, making, workers, report)
            _finish(plan, making)
            result = truth(plan, sums.totals, sums.counts, sums.rows)
            (making / "truth.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
            (making / "delivery.toml").write_text(
                f'synthetic = true\nperson_identifiers = "cpr"\nperson_changes = "{CHANGES}"\n',
                encoding="utf-8",
            )
            if out.exists():
                out.rmdir()
            making.rename(out)
    except OSError as error:
        raise SundbenchError(
            f"{out}: {error.strerror}: nothing was kept: make room or choose another folder"
        ) from error
    return result


def _checked(out: Path, persons: int, years: tuple[int, int], seed: int) -> Plan:
    if persons < 1:
        raise SundbenchError(f"synthesize: {persons} persons: give at least 1")
    first, last = years
    if not FIRST_YEAR <= first <= last <= LAST_YEAR:
        raise SundbenchError(
            f"synthesize: years {first}-{last}: give years from {FIRST_YEAR} to {LAST_YEAR}, the first first"
        )
    if seed < 0:
        raise SundbenchError(f"synthesize: seed {seed}: give 0 or more")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise SundbenchError(f"{out}: is there already and not empty: give another folder")
    return Plan(persons, first, last, seed)


def _ranks(plan: Plan) -> Iterator[tuple[int, Days]]:
    """Each chunk's number and the ranks of its person numbers."""
    numbering = Numbering()
    for chunk in range(plan.chunks):
        yield chunk, numbering.deal(draw(plan, chunk))


def _all_chunks(plan: Plan, folder: Path, workers: int, report: Report) -> Sums:
    sums = Sums({}, {}, {})
    if workers == 1:
        for done, (chunk, rank) in enumerate(_ranks(plan)):
            sums.add(_write(plan, chunk, rank, folder))
            report("persons", min((done + 1) * plan.size(0), plan.persons), plan.persons)
        return sums
    context = multiprocessing.get_context("spawn")
    turn, changed = context.Value("q", 0), context.Condition()
    shared = (turn, changed, os.getpid())
    with (
        _one_thread_each(),
        ProcessPoolExecutor(workers, context, initializer=_take_turns, initargs=shared) as pool,
    ):
        waiting: list[Future[Sums]] = []
        done = 0
        try:
            for chunk, rank in _ranks(plan):
                waiting.append(pool.submit(_write_in_turn, plan, chunk, rank, folder))
                while len(waiting) > 2 * workers:
                    sums.add(waiting.pop(0).result())
                    done += 1
                    report("persons", min(done * plan.size(0), plan.persons), plan.persons)
            for future in waiting:
                sums.add(future.result())
                done += 1
                report("persons", min(done * plan.size(0), plan.persons), plan.persons)
        except BrokenProcessPool as error:
            raise SundbenchError("synthesize: a worker was killed: nothing was kept: run it again") from error
        finally:
            with changed:
                turn.value = -1 if done < plan.chunks else turn.value
                changed.notify_all()
            pool.shutdown(cancel_futures=True)
    return sums


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Let worker processes, when they start, keep to one Polars thread each."""
    before = os.environ.get("POLARS_MAX_THREADS")
    os.environ["POLARS_MAX_THREADS"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["POLARS_MAX_THREADS"]
        else:
            os.environ["POLARS_MAX_THREADS"] = before


_turn: Synchronized[int]
_changed: Condition


def _take_turns(turn: Synchronized[int], changed: Condition, parent: int) -> None:
    global _turn, _changed
    _turn, _changed = turn, changed
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    """End this worker when its parent is gone: a killed parent can't tell it."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def _write_in_turn(plan: Plan, chunk: int, rank: Days, folder: Path) -> Sums:
    made = synthesize_chunk(plan, chunk, rank)
    with _changed:
        _changed.wait_for(lambda: _turn.value in (chunk, -1))
        if _turn.value == -1:
            raise SundbenchError("synthesize: stopped")
    sums = _append(made, chunk, folder)
    with _changed:
        _turn.value = chunk + 1
        _changed.notify_all()
    return sums


def _write(plan: Plan, chunk: int, rank: Days, folder: Path) -> Sums:
    return _append(synthesize_chunk(plan, chunk, rank), chunk, folder)


def _append(made: Chunk, chunk: int, folder: Path) -> Sums:
    """Append a chunk's bytes to the files; Parquet files are gathered from parts at the end."""
    output = made.output
    for key, parts in output.segments.items():
        separator = FORMATS[key.register].separator
        path = folder / _plain(key)
        if chunk == 0:
            header = separator.join(key.header(output.columns[key.register])) + "\n"
            path.write_bytes(header.encode())
        with path.open("ab") as file:
            file.writelines(parts)
    for key, frames in output.frames.items():
        for number, frame in enumerate(frames):
            frame.write_parquet(folder / f".{key.name}.{chunk:06d}.{number}", compression="zstd")
    changes = made.changes
    with (folder / CHANGES).open("ab") as file:
        changes.write_csv(file, include_header=chunk == 0)
    return Sums(made.totals, made.counts, output.rows)


def _plain(key: FileKey) -> str:
    return key.name.removesuffix(".gz")


def _finish(plan: Plan, folder: Path) -> None:
    """Compress what is delivered compressed, and join the parts of Parquet files."""
    for register, form in FORMATS.items():
        if form.container == "csv.gz":
            path = folder / FileKey(register).name
            plain = folder / _plain(FileKey(register))
            if plain.exists():
                # No name and no time in the header: the same bytes every time.
                with (
                    plain.open("rb") as source,
                    path.open("wb") as target,
                    gzip.GzipFile("", "wb", compresslevel=4, fileobj=target, mtime=0) as packed,
                ):
                    shutil.copyfileobj(source, packed, 1 << 20)
                plain.unlink()
        elif form.container == "parquet":
            parts = sorted(folder.glob(f".{FileKey(register).name}.*"))
            if not parts:
                continue
            schema = pq.read_schema(parts[0])
            with pq.ParquetWriter(folder / FileKey(register).name, schema, compression="zstd") as writer:
                for part in parts:
                    writer.write_table(pq.read_table(part, schema=schema))
                    part.unlink()
