"""What a delivery holds, told from its files' names and its delivery.toml."""

from pathlib import Path

import pytest

from sundbench.errors import DeliveryError
from sundbench.registers.catalogue import catalogue
from sundbench.registers.delivery import read_delivery, register_of


@pytest.mark.parametrize(
    ("stem", "register"),
    [
        ("lmdb", "lmdb"),
        ("LMDB2012", "lmdb"),
        ("bef_2019", "bef"),
        ("BEF201912", "bef"),
        ("lpr_diag", "lpr_diag"),
        ("T_ADM", "lpr_adm"),
        ("LPR_A_Kontakt2021", "lpr3a_kontakt"),
        ("dodsaars2001", "dodsaars"),
        ("dodsaarsager", "dodsaarsager"),
        ("lmdbx", None),
        ("beskrivelse", None),
    ],
)
def test_a_file_is_known_by_its_name(stem: str, register: str | None) -> None:
    found = register_of(stem, catalogue())
    assert (found.name if found else None) == register


def test_files_are_found_whatever_their_case_and_others_are_reported(tmp_path: Path) -> None:
    names = ["LMDB2012.CSV", "lmdb2013.csv.gz", "Bef.parquet", "dod.SAS7BDAT", "README.md", "lmdb.xlsx"]
    for name in names:
        (tmp_path / name).touch()
    (tmp_path / "sub").mkdir()
    delivery = read_delivery(tmp_path, catalogue())
    assert [(file.register, file.format) for file in delivery.files] == [
        ("bef", "parquet"),
        ("dod", "sas7bdat"),
        ("lmdb", "csv"),
        ("lmdb", "csv"),
    ]
    assert delivery.unknown == ("README.md", "lmdb.xlsx", "sub")
    assert delivery.registers == ("bef", "dod", "lmdb")
    assert delivery.settings.person_identifiers == "opaque"


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ('person_identifiers = "name"', "person_identifiers"),
        ("separator = 1", "separator"),
        ("sepparator = ';'", "sepparator"),
        ("= 3", "not valid TOML"),
        ('person_changes = "gone.csv"', "gone.csv is not in the delivery"),
    ],
)
def test_a_wrong_delivery_toml_is_one_line(tmp_path: Path, toml: str, message: str) -> None:
    (tmp_path / "lmdb.csv").touch()
    (tmp_path / "delivery.toml").write_text(toml)
    with pytest.raises(DeliveryError, match=message) as caught:
        read_delivery(tmp_path, catalogue())
    assert "\n" not in str(caught.value)


def test_a_folder_without_any_register_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DeliveryError, match="no file of a register"):
        read_delivery(tmp_path, catalogue())
    with pytest.raises(DeliveryError, match="no such folder"):
        read_delivery(tmp_path / "gone", catalogue())
