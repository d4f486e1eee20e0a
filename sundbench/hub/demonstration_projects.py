"""The demonstration's two projects: their permits."""

from __future__ import annotations

import json
from datetime import date

from sundbench.governance import database, permits
from sundbench.governance.permit import check, parse
from sundbench.registers.catalogue import catalogue
from sundbench.release import content
from sundbench.release.study import find
from sundbench.site import Site

STUDY = "drug_cost_effectiveness"
"""What is studied in the first."""
PROJECTS = ("lung-cancer", "blood-thinners")

_LUNG_CANCER = """\
id = "lung-cancer"
title = { da = "Immunterapi ved lungekræft", en = "Immunotherapy in lung cancer" }
purpose = "Costs and effects of immunotherapy against chemotherapy; every person is invented."
basis = "None needed: every person is invented"
members = [
    { user = "anna", role = "researcher" },
    { user = "mikkel", role = "researcher" },
    { user = "sofie", role = "analyst" },
]
period = { since = 1995-01-01, until = 2025-12-31 }
disclosure = "sundhedsdatastyrelsen"

[population]
any = [
    { ever = { register = "cancer", column = "c_icd10", prefixes = ["C34"] } },
    { ever = { register = "lpr_diag", column = "c_diag", prefixes = ["DC34"] } },
    { ever = { register = "lpr3a_diagnose", column = "diag_kode", prefixes = ["DC34"] } },
]
"""

_BLOOD_THINNERS = """\
id = "blood-thinners"
title = { da = "Blodfortyndende medicin ved atrieflimren", en = "Blood thinners in atrial fibrillation" }
purpose = "Bleeding under apixaban and warfarin; every person is invented."
basis = "None needed: every person is invented"
members = [
    { user = "freja", role = "researcher" },
    { user = "mikkel", role = "researcher" },
]
period = { since = 2008-01-01, until = 2024-12-31 }
disclosure = "sundhedsdatastyrelsen"

[population]
ever = { register = "lmdb", column = "atc", prefixes = ["B01A"] }

[registers]
bef = { columns = ["referencetid", "koen", "foed_dato", "reg"] }
dod = { columns = ["doddato"] }
vnds = { columns = ["haend_dato", "indud_kode"] }
lmdb = { columns = ["eksd", "atc", "vnr", "apk", "volume", "eksp"] }
lpr_adm = { columns = ["recnum", "d_inddto", "d_uddto", "c_pattype"] }
lpr_diag = { columns = ["recnum", "d_inddto", "c_diag", "c_diagtype"] }

[registers.lpr3a_kontakt]
columns = [
    "dw_ek_kontakt", "kont_starttidspunkt", "kont_sluttidspunkt", "kont_type", "lprindberetningssystem",
]

[registers.lpr3a_diagnose]
columns = [
    "dw_ek_kontakt", "kont_starttidspunkt", "diag_kode", "diag_type", "senere_afkraeftet",
    "lprindberetningssystem",
]
"""


def register_projects(site: Site) -> None:
    """Register the permits that are missing; they hold for a year."""
    needed = find(content.analyses(), STUDY).about.permit.registers
    registers = "".join(
        f"\n[registers.{name}]\ncolumns = {json.dumps(list(has))}\n" for name, has in needed.items()
    )
    today = permits.today()
    expires = f"expires = {date(today.year + 1, today.month, min(today.day, 28))}\n"
    for text in (_LUNG_CANCER + registers, _BLOOD_THINNERS):
        whole = text.replace("disclosure = ", f"{expires}disclosure = ", 1)
        permit = parse(whole, "the demonstration's permit")
        check(permit, catalogue(), "the demonstration's permit")
        with database.writing(site) as session:
            if permit.id not in {one.permit.id for one in permits.every(session)}:
                permits.register(session, permit, whole, "karen")
