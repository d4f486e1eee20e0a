"""The classifier at the end of the data's way: delivery, freeze, permit, extract, phenotype."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

import sundbench as sb
from sundbench.governance import database, permits
from sundbench.governance.permit import parse
from sundbench.site import Site
from sundbench.store.extract import extract
from sundbench.store.freeze import create
from sundbench.store.vault import Vault

PERMIT = """
id = "diabetes"
title = {{ da = "Diabetes", en = "Diabetes" }}
purpose = "To learn."
basis = "Sundhedsdatastyrelsen FSEID-00000000"
members = [{{ user = "bo", role = "researcher" }}]
period = {{ since = 1977-01-01, until = 2025-12-31 }}
expires = {expires}
population = {{ everyone = true }}

[registers]
bef = {{ columns = ["koen", "foed_dato"], undated = true }}
lmdb = {{ columns = ["eksd", "atc", "apk", "volume", "indo"] }}
lab_forsker = {{ columns = ["samplingdate", "analysiscode", "value"] }}
sysi = {{ columns = ["barnmak", "speciale", "honuge"] }}
sssy = {{ columns = ["barnmak", "speciale", "honuge"] }}
lpr_adm = {{ columns = ["c_spec", "recnum", "d_inddto"] }}
lpr_diag = {{ columns = ["recnum", "c_diag", "c_diagtype"] }}
lpr3a_kontakt = {{ columns = ["dw_ek_kontakt", "kont_ans_hovedspec", "kont_starttidspunkt"] }}
lpr3a_diagnose = {{ columns = ["dw_ek_kontakt", "diag_kode", "diag_type", "senere_afkraeftet"] }}
lpr3f_kontakter = {{ columns = ["dw_ek_kontakt", "hovedspeciale_ans", "dato_start"] }}
lpr3f_diagnoser = {{ columns = ["dw_ek_kontakt", "diagnosekode", "diagnosetype", "senere_afkraeftet"] }}
"""


@pytest.fixture
def extracted(shared, tmp_path):
    """The extract of the whole delivery, and whose pseudonym is whose."""
    Vault.create_key(tmp_path / "key")
    site = Site(tmp_path / "home", f"sqlite:///{tmp_path}/governance.db", tmp_path / "key")
    database.upgrade(site)
    create(site, shared / "deliveries" / "osdc", "osdc")
    text = PERMIT.format(expires=datetime.now(UTC).date() + timedelta(days=2))
    with database.writing(site) as session:
        permits.register(session, parse(text, "diabetes.toml"), text, "ann")
    made = extract(site, "diabetes", "osdc")
    with Vault.open(site) as vault:
        known = vault.identifiers
        pseudonyms = vault.pseudonyms("diabetes", known["person"].to_numpy().astype(np.int32))
    return sb.connect(made.path), known.select("identifier", pl.Series("pid", pseudonyms))


def test_18_of_24_persons_have_diabetes(extracted):
    db, names = extracted
    found = sb.phenotype("diabetes_osdc").collect(db)
    ours = pl.from_pandas(found.frame).join(names, on="pid", how="inner").sort("identifier")
    assert ours.height == 18
    told = [("t1d" if row["has_t1d"] else "t2d") for row in ours.iter_rows(named=True)]
    assert told == [name.split("_")[1] for name in ours["identifier"]]
    without_date = ours.filter(pl.col("stable_inclusion_date").is_null())
    assert without_date["identifier"].to_list() == ["23_t2d_gldT_1995_1999"]
    assert without_date["raw_inclusion_date"].dt.date().to_list() == [date(1995, 6, 16)]
