from datetime import date

import pytest

from sundbench.errors import PermitError
from sundbench.governance.permit import Ever, Rule, check, parse, read
from sundbench.registers.catalogue import catalogue

TEXT = """
id = "lung-cancer"
title = { da = "Lungekræft", en = "Lung cancer" }
purpose = "Costs and effects of immunotherapy."
basis = "FSEID-00001234"
members = [{ user = "bo", role = "researcher" }, { user = "eva", role = "reviewer" }]
period = { since = 2010-01-01, until = 2025-12-31 }
expires = 2030-12-31

[population]
all = [
    { any = [
        { ever = { register = "lpr_diag", column = "c_diag", prefixes = ["DC34"] } },
        { ever = { register = "lpr3a_diagnose", column = "diag_kode", prefixes = ["DC34"] } },
    ] },
    { born = { since = 1920-01-01, until = 2000-12-31 } },
]

[registers]
lmdb = { columns = ["eksd", "atc"] }
bef = { columns = ["foed_dato", "mor_id"] }
"""


def changed(old: str, new: str) -> str:
    assert old in TEXT
    return TEXT.replace(old, new)


def test_what_a_file_says():
    permit = parse(TEXT, "lung.toml")

    assert permit.id == "lung-cancer"
    assert permit.registers["lmdb"].columns == ("eksd", "atc")
    assert permit.expires == date(2030, 12, 31)
    assert permit.disclosure == "default"
    assert permit.roles("eva") == {"reviewer"}
    assert permit.roles("mallory") == set()
    assert [leaf.ever.source for leaf in permit.population.leaves() if leaf.ever] == [
        "lpr_diag",
        "lpr3a_diagnose",
    ]


def test_a_digest_is_of_what_is_said_not_of_how():
    same = [
        TEXT + "\n# a comment\n",
        changed('["eksd", "atc"]', '["atc", "eksd"]'),
        changed('basis = "FSEID-00001234"', 'basis    = "FSEID-00001234"'),
        changed(
            'members = [{ user = "bo", role = "researcher" }, { user = "eva", role = "reviewer" }]',
            'members = [{ user = "eva", role = "reviewer" }, { user = "bo", role = "researcher" }]',
        ),
        changed("expires = 2030-12-31", 'expires = 2030-12-31\ndisclosure = "default"'),
    ]
    other = [
        changed("2025-12-31", "2024-12-31"),
        changed('["DC34"]', '["DC3"]'),
        changed('["eksd", "atc"]', '["eksd"]'),
        changed('{ user = "bo", role = "researcher" }', '{ user = "bo", role = "analyst" }'),
    ]
    digest = parse(TEXT, "lung.toml").digest
    assert {parse(text, "same").digest for text in same} == {digest}
    assert digest not in {parse(text, "other").digest for text in other}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id = [", r"lung.toml: not valid TOML"),
        (changed('id = "lung-cancer"', 'id = "Lung"'), r"lung\.toml: id: "),
        (changed('id = "lung-cancer"', 'id = "../up"'), r"lung\.toml: id: "),
        (changed('id = "lung-cancer"', 'id = "ab"'), r"lung\.toml: id: "),
        (changed("until = 2025-12-31", "until = 2009-12-31"), r"period: .*until is before since"),
        (changed('["eksd", "atc"]', '["*"]'), r"registers\.lmdb: .*name each approved column"),
        (changed('["eksd", "atc"]', "[]"), r"registers\.lmdb\.columns: "),
        (changed('["eksd", "atc"]', '["atc", "atc"]'), r"a column is named twice"),
        (changed('role = "researcher"', 'role = "king"'), r"members\.0\.role: "),
        (changed('["DC34"]', '[""]'), r"an empty prefix would take every code"),
        (changed("{ born =", "{ everyone = true, born ="), r"a rule is exactly one of"),
        (changed("{ born =", "{ bron ="), r"population\.all\.1\.bron: "),
        (changed("expires = 2030-12-31\n", ""), r"expires: "),
        (changed("purpose", "porpoise"), r"porpoise: "),
    ],
)
def test_a_file_that_is_wrong_is_one_line_that_says_where(text, message):
    with pytest.raises(PermitError, match=message) as caught:
        parse(text, "lung.toml")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (changed("lmdb =", "lmbd ="), "unknown register lmbd: did you mean lmdb?"),
        (changed("lmdb =", "LMDB ="), "unknown register LMDB: did you mean lmdb?"),
        (
            changed('"atc"]', '"actk"]'),
            "lung.toml: registers.lmdb: register lmdb has no column actk: did you mean",
        ),
        (changed('"foed_dato"', '"foed_dag"'), "has no column foed_dag: did you mean foed_dato?"),
        (
            changed('column = "c_diag"', 'column = "c_dag"'),
            "population: register lpr_diag has no column c_dag",
        ),
        (
            changed('column = "c_diag"', 'column = "recnum"'),
            "lpr_diag.recnum holds no codes but key: ever needs a column of codes",
        ),
    ],
)
def test_what_the_catalogue_does_not_know_is_named_with_the_nearest(text, message):
    with pytest.raises(PermitError) as caught:
        check(parse(text, "lung.toml"), catalogue(), "lung.toml")
    assert message in str(caught.value)


def test_a_child_registers_date_may_be_approved_for_the_child(tmp_path):
    file = tmp_path / "lung.toml"
    file.write_text(changed("lmdb = {", 'lpr_diag = { columns = ["c_diag", "d_inddto"] }\nlmdb = {'))

    permit, text = read(file, catalogue())

    assert permit.columns("lpr_diag", catalogue()) == ("d_inddto", "c_diag")
    assert permit.columns("lpr_adm", catalogue()) == ()
    assert text == file.read_text()


def test_the_subject_needs_no_mention_and_other_persons_do():
    permit = parse(changed('"foed_dato", "mor_id"', '"pnr", "foed_dato", "mor_id"'), "lung.toml")

    check(permit, catalogue(), "lung.toml")
    assert permit.columns("bef", catalogue()) == ("foed_dato", "mor_id")


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(PermitError, match=r"none\.toml: No such file"):
        read(tmp_path / "none.toml", catalogue())
    (tmp_path / "latin.toml").write_bytes(b"title = '\xe6'")
    with pytest.raises(PermitError, match="not UTF-8 text"):
        read(tmp_path / "latin.toml", catalogue())


def test_a_byte_order_mark_in_front_is_no_part_of_the_text(tmp_path):
    (tmp_path / "lung.toml").write_text(TEXT, encoding="utf-8-sig")

    assert read(tmp_path / "lung.toml", catalogue()) == (parse(TEXT, "lung.toml"), TEXT)


@pytest.mark.parametrize("number", ["0", "7258118400", "20281231", "86400.0"])
def test_a_number_is_no_date(number):
    with pytest.raises(PermitError, match=r"lung\.toml: expires: write a date as 2028-12-31"):
        parse(changed("expires = 2030-12-31", f"expires = {number}"), "lung.toml")


def test_whether_undated_rows_may_leave_is_true_or_false():
    with pytest.raises(PermitError, match=r"registers\.lmdb\.undated: Input should be a valid boolean"):
        parse(changed('"atc"]', '"atc"], undated = "yes"'), "lung.toml")


def test_a_rule_without_end_is_one_line():
    deep = "all = " + "[{ all = " * 3000 + "[{ everyone = true }]" + " }]" * 3000
    with pytest.raises(PermitError, match=r"lung\.toml: nested too deeply"):
        parse(TEXT + f"\n[population.deeper]\n{deep}", "lung.toml")


def test_rules_can_be_written_in_python_too():
    rule = Rule(every=(Rule(ever=Ever(source="lmdb", column="atc", prefixes=("L01",))), Rule(everyone=True)))

    assert [leaf.everyone for leaf in rule.leaves()] == [None, True]
