"""The cohort benchmark's extract: the benchmark's delivery, taken through freeze, permit and extract.

Built once beside the delivery (``nation.folder()``, ``extract-600000``), by the same functions that the
command line calls. The permit takes everyone and the columns that the study needs. The freeze is made for
this alone and deleted afterwards; delete the extract's folder to build it again.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from benchmarks.nation import delivery, folder
from sundbench.governance import database, permits
from sundbench.governance.permit import read
from sundbench.registers.catalogue import catalogue
from sundbench.site import Site
from sundbench.store import freeze
from sundbench.store.extract import extract
from sundbench.store.vault import Vault

FREEZE = "bench"
PERMIT = """\
id = "cohort-benchmark"
purpose = "To measure how long a cohort takes"
basis = "Invented persons: no approval is needed"
members = [{ user = "bench", role = "analyst" }]
period = { since = 1995-01-01, until = 2024-12-31 }
expires = 2099-12-31
population = { everyone = true }

[title]
da = "Måling af kohorter"
en = "Measurement of cohorts"

[registers]
bef = { columns = ["referencetid", "foed_dato", "koen"] }
lmdb = { columns = ["eksd", "atc", "vnr", "apk"] }
lpr_diag = { columns = ["d_inddto", "c_diag", "c_diagtype"] }
"""


def national_extract(persons: int) -> Path:
    """The extract's folder; it is built if it isn't there.

    Args:
        persons: of the delivery that it is made of.
    """
    target = folder() / f"extract-{persons}"
    if not target.exists():
        source = delivery(persons)
        building = target.with_name(target.name + ".part")
        _remove(building)
        building.mkdir()
        _build(source, building).rename(target)
        _remove(building)
    return target


def _build(source: Path, building: Path) -> Path:
    """Freeze the delivery, register the permit, extract; gives the extract's folder."""
    key = building / "key"
    Vault.create_key(key)
    home = building / "home"
    site = Site(home, f"sqlite:///{home / 'sundbench.db'}", key)
    begin = time.perf_counter()
    freeze.create(site, source, FREEZE)
    print(f"frozen in {time.perf_counter() - begin:.0f} s", flush=True)
    file = building / "permit.toml"
    file.write_text(PERMIT, encoding="utf-8")
    permit, text = read(file, catalogue())
    with database.writing(site) as session:
        permits.register(session, permit, text, "bench")
    begin = time.perf_counter()
    made = extract(site, permit.id, FREEZE)
    print(f"extracted in {time.perf_counter() - begin:.0f} s", flush=True)
    return made.path


def _remove(folder: Path) -> None:
    """Remove a folder whose parts may be read-only, as a freeze's are."""
    for path in (folder, *folder.rglob("*")):
        if path.is_dir():
            path.chmod(0o755)
    shutil.rmtree(folder, ignore_errors=True)
