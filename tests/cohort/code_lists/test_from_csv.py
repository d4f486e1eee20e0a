"""Lists of codes from CSV files."""

import pytest

import sundbench as sb
from sundbench.errors import StudyError

TEXT = "kode,gruppe,tekst\nDI60,blødning,a\nDI61,blødning,b\nDI61,blødning,igen\nDI63,iskæmi,c\n"


@pytest.fixture
def file(tmp_path):
    def write(content, encoding="utf-8"):
        path = tmp_path / "codes.csv"
        path.write_bytes(content.encode(encoding))
        return path

    return write


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1"])
@pytest.mark.parametrize("delimiter", [",", ";"])
def test_the_lines_of_a_group(file, encoding, delimiter):
    path = file(TEXT.replace(",", delimiter), encoding)
    found = sb.codes_from_csv(path, column="kode", where={"gruppe": "blødning"})
    assert found.codes == ("DI60", "DI61")
    assert sb.diagnosis(found).codes == ("DI60", "DI61")
    assert sb.diagnosis(found).lists == ("codes (blødning)",)


def test_all_lines(file):
    assert sb.codes_from_csv(file(TEXT), column="kode").codes == ("DI60", "DI61", "DI63")


@pytest.mark.parametrize(
    ("content", "where", "message"),
    [
        ("", {}, "codes.csv: it is empty"),
        ("code\nDI48\n", {}, "codes.csv, line 1: no column 'kode': there are code"),
        ("kode\nDI48\n", {"gruppe": "a"}, "codes.csv, line 1: no column 'gruppe'"),
        ("kode,kode\nDI48,DI50\n", {}, "line 1: several columns 'kode'"),
        ("kode,gruppe\nDI48,a,b\n", {}, "line 2: 3 fields, but the first line names 2 columns"),
        ('kode,gruppe\n"DI48","a\nb"\n\n,c\n', {}, "line 5, column kode: no code"),
        ("kode,gruppe\nDI48,a\n", {"gruppe": "b"}, "codes.csv: no lines with gruppe 'b'"),
    ],
)
def test_files_that_are_no_lists(file, content, where, message):
    with pytest.raises(StudyError) as caught:
        sb.codes_from_csv(file(content), column="kode", where=where)
    assert message in str(caught.value)


def test_a_misspelled_code_is_told_with_its_line_and_column(file):
    with pytest.raises(StudyError, match=r"codes.csv, line 3, column kode: 'I63' is no ICD-10.*write 'DI63'"):
        sb.diagnosis(sb.codes_from_csv(file("kode\nDI60\nI63\n"), column="kode"))


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(StudyError, match=r"nothing\.csv: it can't be read"):
        sb.codes_from_csv(tmp_path / "nothing.csv", column="kode")
