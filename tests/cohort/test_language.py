"""Everything that a protocol says, it says in English and in Danish."""

import inspect
import pkgutil
from datetime import date
from importlib import import_module

import pytest

import sundbench as sb
import sundbench.cohort
from sundbench.cohort import language
from sundbench.cohort.exposure import Rules, daily_dose, ddd, fixed_days, given_days, units_a_day
from sundbench.errors import StudyError

AF = sb.diagnosis("DI48")
STATINS = sb.dispensing("C10AA")


@pytest.mark.parametrize(
    ("one", "en", "da"),
    [
        (18, "18", "18"),
        (1825, "1825", "1825"),
        (600_000, "600,000", "600.000"),
        (0.5, "0.5", "0,5"),
        (12345.5, "12,345.5", "12.345,5"),
        (2.0, "2", "2"),
        (True, "yes", "ja"),
        (date(2012, 1, 31), "2012-01-31", "31. januar 2012"),
        ("female", "female", "kvinde"),
        ("Zealand", "Zealand", "Region Sjælland"),
    ],
)
def test_constants(one, en, da):
    assert (language.value("en", one), language.value("da", one)) == (en, da)


def test_lists_and_days():
    assert language.listed("da", ["a", "b", "c"], "or") == "a, b eller c"
    assert language.listed("en", ["a"], "and") == "a"
    assert (language.days("en", 1), language.days("da", 30)) == ("1 day", "30 dage")


def test_another_language_is_refused():
    with pytest.raises(StudyError, match="choose 'en' or 'da'"):
        AF.in_words("sv")


@pytest.mark.parametrize(
    ("part", "danish"),
    [
        (AF, "en diagnose DI48 (diagnosetype A, B)"),
        (STATINS | sb.death(), "en indløst recept på C10AA eller død"),
        (sb.hospital_medicine("L01FF02"), "et sygehusgivet lægemiddel L01FF02"),
        (sb.procedure("KNFB"), "en procedure KNFB"),
        (sb.lab("NPU27300"), "et laboratoriesvar NPU27300"),
        (sb.emigration(), "udvandring"),
        (
            AF.before().first(),
            "første dato for en diagnose DI48 (diagnosetype A, B), på ethvert tidspunkt før indeksdatoen",
        ),
        (
            STATINS.before(days=365).sum("ddd"),
            "summen af DDD: en indløst recept på C10AA, fra dag -365 til dag -1",
        ),
        (sb.lab("NPU27300").between(0, 0).latest(), "seneste værdi: et laboratoriesvar NPU27300, på dag 0"),
        (
            AF.between(date(2010, 1, 1), date(2010, 12, 31)).any(),
            "en diagnose DI48 (diagnosetype A, B), fra 1. januar 2010 til 31. december 2010",
        ),
        (sb.sex() == "female", "køn er kvinde"),
        (
            ~(sb.region().is_in(["Capital", "Zealand"]) & (sb.age() >= 18)),
            "ikke ((bopælsregion på indeksdatoen er en af Region Hovedstaden, Region Sjælland og "
            "alder i hele år på indeksdatoen mindst 18))",
        ),
        (sb.age().is_missing(), "alder i hele år på indeksdatoen mangler"),
        (sb.resident(days=365), "bopæl i Danmark alle dage fra dag -365 til dag 0"),
        (
            sb.charlson(years=5).element("renal_disease"),
            "nyresygdom af Charlson-indeks (danske ICD-8- og ICD-10-koder, Thygesen 2011, vægte charlson), "
            "diagnosetype A, B eller G, fra dag -1826 til dag -1",
        ),
        (
            Rules(ddd(0.5).otherwise(fixed_days(30)), grace_share=0.2, stockpile=0, switching="discard"),
            "en indløst recept rækker 0,5 DDD om dagen; hvor det er ukendt, 30 dage pr. recept; "
            "huller på højst 20 % af den seneste recepts dage overses; "
            "dage, der overlapper, tæller én gang; ved skift kasseres resten af det gamle præparat",
        ),
        (units_a_day(2).limited(7, 90), "2 enheder om dagen, mindst 7 og højst 90 dage"),
        (daily_dose({"B01": 7.5}), "styrken af alle enheder, taget som B01 7,5 MG om dagen"),
        (given_days("known"), "dagene i known"),
    ],
)
def test_danish(part, danish):
    assert part.in_words("da") == danish


def test_every_condition_of_every_index_has_a_danish_name():
    for index in (
        *(sb.charlson(years=1, codes=codes) for codes in ("danish", "heaven", "quan", "swedish")),
        sb.elixhauser(years=1),
    ):
        for element in index.elements().values():
            assert element.in_words("da")


def test_everything_that_says_itself_in_words_takes_a_language():
    """Whoever adds a word to the language of studies says it in both languages."""
    found = set()
    for module in pkgutil.walk_packages(sundbench.cohort.__path__, "sundbench.cohort."):
        if module.name.endswith("__main__"):
            continue
        for _, one in inspect.getmembers(import_module(module.name), inspect.isclass):
            if one.__module__.startswith("sundbench.cohort") and hasattr(one, "in_words"):
                found.add(one)
    assert len(found) > 20
    for one in found:
        assert list(inspect.signature(one.in_words).parameters) == ["self", "language"], one
