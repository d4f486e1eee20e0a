"""The checklist's items: those of the publication, each once, in both languages."""

from collections import Counter

from sundbench.cohort.record_pe import items


def test_the_items_are_those_of_the_three_statements():
    # RECORD-PE adds 15 items (Langan 2018) to the 13 of RECORD (Benchimol 2015) and the 22 of STROBE, of
    # which 1, 6, 12, 13, 14 and 16 have parts.
    assert Counter(item.statement for item in items().values()) == {
        "STROBE": 16 + 2 + 2 + 5 + 3 + 3 + 3,
        "RECORD": 13,
        "RECORD-PE": 15,
    }


def test_each_is_worded_in_both_languages_and_belongs_to_a_section():
    for item in items().values():
        assert item.asks("en") != item.asks("da")
        assert item.of_section("en")
    assert [item.number for item in items().values() if item.of_section("da") == "Øvrige oplysninger"] == [
        "22",
        "22.1",
    ]


def test_statements_are_told_from_the_number():
    assert [items()[number].statement for number in ("12a", "12.1", "12.1.a", "4.b")] == [
        "STROBE",
        "RECORD",
        "RECORD-PE",
        "RECORD-PE",
    ]
