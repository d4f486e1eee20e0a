"""The new-user cohort of bench_cohort on 1, 2 and 4 workers of one core each, jobs of a real Slurm.

    python -m benchmarks.bench_slurm                     # 60,000 persons, in some minutes
    python -m benchmarks.bench_slurm --persons 600000    # the whole delivery

The cluster is the small one of ``sundbench hub cluster``, so all nodes share this machine's cores: with more
workers than cores there is nothing to win, and what is seen is the overhead of spreading. The study runs as a
run does (``sundbench run --on slurm --workers N``): kernel and workers in sandboxes, without a network, their
connections relayed over TLS. Timed inside the notebook, when all workers are there and have loaded their
libraries: the best of three collections after a first. The row of one thread is the same study in the same
kernel without workers; ``speed-up`` is to one worker, ``overhead`` what is beyond one thread's time shared
among as many of this machine's cores as there are workers. Digests are checked equal. It needs root, for
Slurm's daemons and the permit's account.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import nbformat

from benchmarks import cohort_protocol
from benchmarks.cohort_data import national_extract
from sundbench.governance import database, people, permits
from sundbench.governance.permit import parse
from sundbench.release import order
from sundbench.release.cluster import awaiting
from sundbench.release.cluster.letter import Resources
from sundbench.release.cluster.submitting import submit
from sundbench.release.study import StudyFolder
from sundbench.site import Site
from sundbench.slurm import accounts, folders
from sundbench.slurm.small.cluster import running

WORKERS = (1, 2, 4)
PERMIT = """
id = "bench-slurm"
purpose = "measurement"
basis = "none: invented"
expires = 2099-01-01
population = { everyone = true }
title = { da = "Måling", en = "Measurement" }
period = { since = 1995-01-01, until = 2024-12-31 }
members = [{ user = "bench", role = "researcher" }]
registers = { bef = { columns = ["koen"] } }
"""
STUDY = """
id = "bench"
title = { da = "Måling", en = "Measurement" }
description = { da = "Måling", en = "Measurement" }
permit = { registers = {} }
"""
CELL = """
import json, time
import sundbench as sb
from cohort_protocol import study
workers = {workers}
if workers:
    from distributed import get_client
    get_client().wait_for_workers(workers, timeout=300)
    def load():
        import polars, sundbench.cohort.engine
    get_client().run(load)
took = []
for _ in range(4):
    begin = time.perf_counter()
    cohort = study().collect(sb.connect(), **({{}} if workers else {{"workers": 1}}))
    took.append(time.perf_counter() - begin)
print(json.dumps({{"again": min(took[1:]), "persons": len(cohort), "digest": cohort.digest}}))
"""


def installation(home: Path, extract: Path) -> Site:
    """An installation with the benchmark's extract, which its permit's account reads."""
    site = Site(home, f"sqlite:///{home / 'sundbench.db'}")
    with database.writing(site) as session:
        registered, _ = permits.register(session, parse(PERMIT, "permit"), PERMIT, "bench")
        people.add(session, "bench", "Bench")
    target = site.extracts / "bench-slurm" / "bench"
    target.parent.mkdir(parents=True)
    shutil.copytree(extract, target, copy_function=shutil.copyfile)
    for path in (target, *target.rglob("*")):
        path.chmod(0o750 if path.is_dir() else 0o640)
    about = json.loads((target / "extract.json").read_text())
    about |= {"freeze": "bench", "permit_digest": registered.digest}
    (target / "extract.json").write_text(json.dumps(about))
    account = accounts.create("bench-slurm")
    accounts.note(site, account)
    folders.hand_over(site, account)
    return site


def study_of(folder: Path, workers: int) -> StudyFolder:
    """The study, as a folder whose notebook times it."""
    target = folder / str(workers) / "bench"
    target.mkdir(parents=True)
    (target / "study.toml").write_text(STUDY)
    shutil.copy(cohort_protocol.__file__, target)
    cells = [nbformat.v4.new_code_cell(source) for source in ("", CELL.format(workers=workers))]
    cells[0].metadata["tags"] = ["parameters"]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), target / "analysis.ipynb")
    return StudyFolder(target)


def measured(site: Site, folder: Path, workers: int, memory: str) -> dict[str, float | str]:
    """One run: what its notebook printed, and how long it took from order to manifest."""
    study = study_of(folder, workers)
    begin = time.perf_counter()
    placed, extract = order.place(site, study, permit="bench-slurm", user="bench")
    resources = Resources.model_validate({"cores": 1, "memory": memory, "minutes": 120, "workers": workers})
    submit(site, study, placed, extract, resources)
    awaiting.wait(site, placed.run, "bench")
    whole = time.perf_counter() - begin
    notebook = nbformat.read(site.runs / placed.run / "notebook.ipynb", as_version=4)
    printed = "".join(out.get("text", "") for cell in notebook.cells for out in cell.get("outputs", []))
    seen: dict[str, float | str] = json.loads(printed.strip().splitlines()[-1])
    return {**seen, "whole": whole}


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--persons", type=int, default=60_000)
    parser.add_argument("--memory", default="3 GiB", help="of each job")
    given = parser.parse_args()
    source = national_extract(given.persons)
    home = Path(tempfile.mkdtemp(prefix="sb-bench-"))
    try:
        site = installation(home, source)
        with running(nodes=1 + max(WORKERS), memory_mib=16_000) as slurm, tempfile.TemporaryDirectory() as at:
            os.environ |= slurm.environment
            threads = measured(site, Path(at), 0, given.memory)
            print(f"{given.persons:,} persons, {threads['persons']:,} in the cohort; {os.cpu_count()} cores")
            print("                collect   to threads   speed-up   overhead   whole run")
            line = "{:14}  {:6.2f} s   {:8.2f}   {:8.2f}   {:6.2f} s   {:7.1f} s"
            alone = first = float(threads["again"])
            print(line.format("1 thread", alone, 1, 1, 0, float(threads["whole"])))
            for workers in WORKERS:
                seen = measured(site, Path(at), workers, given.memory)
                if seen["digest"] != threads["digest"]:
                    raise SystemExit(f"{workers} workers gave another cohort than threads")
                took = float(seen["again"])
                first = took if workers == 1 else first
                # What the workers' processors could have done it in, had spreading been free.
                least = alone / min(workers, os.cpu_count() or 1)
                print(
                    line.format(
                        f"{workers} workers",
                        took,
                        took / alone,
                        first / took,
                        took - least,
                        float(seen["whole"]),
                    )
                )
    finally:
        shutil.rmtree(home)
        subprocess.run(
            ["userdel", "--force", accounts.name_of("bench-slurm")], check=False, capture_output=True
        )


if __name__ == "__main__":
    main()
