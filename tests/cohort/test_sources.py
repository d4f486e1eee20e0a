"""What events select of the registers, and what is refused before they are read."""

import re
from datetime import date, timedelta

import polars as pl
import pytest
from drawn_lives import of_hospital
from reference import Happening, Person
from reference_extracts import ALWAYS, registers

import sundbench as sb
from sundbench.errors import StudyError

INDEX = date(2012, 6, 1)
POPULATION = sb.new_users({"apixaban": sb.dispensing("B01AF02")}, washout_days=30)
ENTRY = ("2012-01-01", "2012-12-31")
SPANS = {
    name: (date(1990, 1, 1), date(2018, 12, 31))
    for name in (
        *("lmdb", "lpr_adm", "lpr_diag", "lpr3a_kontakt", "lpr3a_diagnose", "dod", "dodsaarsager"),
        *("sssy", "cancer", "drgsoma_hel", "vnds", "lab_forsker", "udda", "faik", "bef"),
    )
}
NEW = {"person": [1], "eksd": [INDEX], "atc": ["B01AF02"], "vnr": ["000001"], "apk": [1]}


def day(n):
    return INDEX + timedelta(days=n)


@pytest.fixture
def value(write_extract):
    """``value(feature, lpr_adm=frame)``: a measure of the one person who starts apixaban on the index day."""

    def one(feature, **registers):
        starts = pl.DataFrame(NEW)
        frames = {"lmdb": starts, **registers}
        if "lmdb" in registers:
            frames["lmdb"] = pl.concat([starts, registers["lmdb"]], how="diagonal")
        db = sb.connect(write_extract(frames, coverage={name: SPANS[name] for name in frames}))
        cohort = sb.Study(POPULATION, ENTRY, measures={"x": feature}).collect(db)
        return cohort.table["x"].to_pylist()[0]

    return one


def of_person(**columns):
    return pl.DataFrame({"person": [1] * len(next(iter(columns.values()))), **columns})


# An acute admission to cardiology, a planned visit there, and a contact of which nothing is known.
LPR2 = {
    "lpr_adm": of_person(
        recnum=[1, 2, 3],
        d_inddto=[day(-9), day(-8), day(-7)],
        d_uddto=[day(-5), day(-8), None],
        c_pattype=["0", "2", None],
        c_indm=["1", "2", None],
        c_spec=["06", "06", None],
    ),
    "lpr_diag": of_person(
        d_inddto=[day(-9), day(-8), day(-7)],
        recnum=[1, 2, 3],
        c_diag=["DI480", "DI481", "DI489"],
        c_diagtype=["A", "A", "A"],
    ),
}
LPR3 = {
    "lpr3a_kontakt": of_person(
        dw_ek_kontakt=[7],
        kont_starttidspunkt=["2012-05-20 08:00"],
        kont_sluttidspunkt=["2012-05-22 08:00"],
        kont_type=["ALCA00"],
        prioritet=["ATA3"],
        kont_ans_hovedspec=["Kardiologi"],
    ),
    "lpr3a_diagnose": of_person(
        kont_starttidspunkt=["2012-05-20 08:00"], dw_ek_kontakt=[7], diag_kode=["DI489"], diag_type=["A"]
    ),
}


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        ({}, 4),
        ({"contact": "inpatient"}, 2),
        ({"contact": ("inpatient", "outpatient")}, 3),
        ({"contact": "emergency"}, 0),
        ({"acute": True}, 1),
        ({"acute": False}, 2),
        ({"specialty": "06"}, 3),
        ({"specialty": ["kardiologi", "geriatri"]}, 3),
        ({"specialty": "geriatri"}, 0),
        ({"contact": "inpatient", "acute": True, "specialty": "06"}, 1),
        ({"exclude": "DI489"}, 2),
        ({"exclude": ["DI480-DI481"]}, 2),
    ],
)
def test_diagnoses_by_their_contact(value, asked, count):
    event = sb.diagnosis("DI48", **asked)
    assert value(event.before().count(), **LPR2, **LPR3) == count
    # Beside an event without conditions, which needs all the rows, it is the same.
    both = (event.before().count() == count) & (sb.diagnosis("DI48").before().count() == 4)
    assert value(both, **LPR2, **LPR3) is True


@pytest.mark.parametrize(
    ("event", "count", "days"),
    [
        (sb.contact(), 4, 6),
        (sb.contact("inpatient"), 2, 6),
        (sb.contact(["outpatient"], acute=False), 1, 0),
        (sb.contact(specialty="kardiologi", acute=True), 1, 4),
        # The admission begins on the day after the other one ends: one stay, which began as planned.
        (sb.stay(), 1, 7),
        (sb.stay(acute=False), 1, 7),
        (sb.stay(acute=True), 0, 0),
    ],
)
def test_contacts_stays_and_their_nights(value, event, count, days):
    of_lpr = {name: LPR[name] for LPR in (LPR2, LPR3) for name in LPR if "diag" not in name}
    assert value(event.before().count(), **of_lpr) == count
    assert value(event.before().sum("days"), **of_lpr) == days


def test_products_and_strengths(value):
    rows = of_person(
        eksd=[day(-3), day(-2), day(-1), day(-1)],
        atc=["C10AA05", "C10AA05", "C10AA01", "C10AA01"],
        vnr=["001234", "1234", "999999", None],
        apk=[1, 1, 2, 1],
        strnum=[10.0, 20.0, 40.0, None],
        strunit=["MG", "mg", "g", None],
    )
    for event, count in (
        (sb.dispensing("C10AA"), 4),
        (sb.dispensing("C10AA", exclude="C10AA01"), 2),
        (sb.dispensing(product="1234"), 2),
        (sb.dispensing("C10AA01", product="1234"), 0),
        (sb.dispensing("C10AA", strength=(10, "mg")), 1),
        (sb.dispensing("C10AA", strength=(10, 40, "mg")), 2),
        (sb.dispensing(strength=(10, 40, "G")), 1),
        (sb.dispensing(), 4),
        (sb.dispensing(exclude="C10"), 0),
    ):
        assert value(event.before().count(), lmdb=rows) == count, event


RESULTS = ["5", "<5", "<=5", ">5", ">=5", "4,9", "5.1", "Negativ", None]


@pytest.mark.parametrize(
    ("limits", "sure"),
    [
        ({"above": 5}, [">5", "5.1"]),
        ({"at_least": 5}, ["5", ">5", ">=5", "5.1"]),
        ({"below": 5}, ["<5", "4,9"]),
        ({"at_most": 5}, ["5", "<5", "<=5", "4,9"]),
        ({"above": 4, "below": 6}, ["5", "4,9", "5.1"]),
        ({"above": 4.9}, ["5", ">5", ">=5", "5.1"]),
        ({"below": 5.1}, ["5", "<5", "<=5", "4,9"]),
        ({"at_least": 5.05}, ["5.1"]),
        ({}, RESULTS),
    ],
)
def test_a_result_fulfils_what_it_surely_fulfils(value, limits, sure):
    event = sb.lab("NPU27300", **limits)
    for result in RESULTS:
        frame = of_person(samplingdate=[day(-1)], analysiscode=["NPU27300"], value=[result])
        assert value(event.before().any(), lab_forsker=frame) == (result in sure), result


def test_results_in_other_units_do_not_count(value):
    frame = of_person(
        samplingdate=[day(-3), day(-2), day(-1)],
        analysiscode=["NPU27300"] * 3,
        value=["50", "51", "52"],
        unit=["mmol/mol ", "%", None],
    )
    event = sb.lab("NPU27300", at_least=48, unit="mmol/mol")
    assert value(event.before().count(), lab_forsker=frame) == 1


@pytest.mark.parametrize(
    ("event", "dies"),
    [
        (sb.death(), True),
        (sb.death("I21"), True),
        (sb.death("I10"), False),
        (sb.death("DI10", contributing=True), True),
        (sb.death("I10-I25", exclude="I21"), False),
        (sb.death("I10-I25", exclude="I21", contributing=True), True),
        (sb.death(exclude="I21"), False),
    ],
)
def test_deaths_of_a_cause(value, event, dies):
    frame = of_person(
        doedsdato=[day(9)],
        doedsaarsag_tilgrundliggende=["I219"],
        doedsaarsag_kode_a=["I109"],
        doedsaarsag_kode_1=[None],
    )
    registers = {"dod": of_person(doddato=[day(9)]), "dodsaarsager": frame}
    assert value(event.after().any(), **registers) is dies


def test_a_death_without_a_cause_is_of_no_cause(value):
    causes = pl.DataFrame({"person": [2], "doedsdato": [day(9)], "doedsaarsag_tilgrundliggende": ["I219"]})
    registers = {"dod": of_person(doddato=[day(9)]), "dodsaarsager": causes}
    assert value(sb.death().after().any(), **registers) is True
    assert value(sb.death(exclude="I21").after().any(), **registers) is False


def test_services_are_added_not_counted(value):
    frame = of_person(
        honuge=[day(-30), day(-20), day(-10)],
        speciale=["800101", "540101", "800120"],
        ydlant=[3, 1, 2],
        bruhon=[10000, 20000, 30000],
        barnmak=["0", "0", "1"],
    )
    assert value(sb.service("80").before().sum("services"), sssy=frame) == 3
    assert value(sb.service().before().sum(), sssy=frame) == 4
    assert value(sb.service(exclude="54").before().sum("fee"), sssy=frame) == 10000
    assert value(sb.service("54").before().any(), sssy=frame) is True
    assert value(sb.service().before().distinct(), sssy=frame) == 2


TUMOURS = of_person(
    d_diagnosedato=[day(-90), day(-60), day(-30), day(-10)],
    c_icd10=["C449", "C349", "D059", None],
    c_morfo03=["M80903", "M81403", None, "M80003"],
)


@pytest.mark.parametrize(
    ("event", "days"),
    [
        (sb.tumour(), [-90, -60, -30, -10]),
        (sb.tumour("C34"), [-60]),
        (sb.tumour("C00-C97"), [-90, -60]),
        (sb.tumour("D05"), [-30]),
        (sb.tumour(first=True), [-90]),
        (sb.tumour("C34", first=True), []),
        (sb.tumour("C34", exclude="C44", first=True), [-60]),
        (sb.tumour(exclude="C44", first=True), [-60]),
        (sb.tumour(morphology="8140"), [-60]),
        (sb.tumour(morphology="M80"), [-90, -10]),
    ],
)
def test_tumours(value, event, days):
    assert value(event.before().count(), cancer=TUMOURS) == len(days)
    assert value(event.before().first(), cancer=TUMOURS) == (day(days[0]) if days else None)


def test_costs_are_oere_and_their_mean_is_no_sum(value):
    days = {"d_inddto": [day(3), day(4)], "d_uddto": [day(5), day(4)]}
    frame = of_person(**days, v_totpris=[100000, 200100], c_drg=["0501", None])
    assert value(sb.hospital_cost().after().sum(), drgsoma_hel=frame) == 300100
    assert value(sb.hospital_cost("05").after().sum(), drgsoma_hel=frame) == 100000
    assert value(sb.hospital_cost().after().mean(), drgsoma_hel=frame) == 150050


def test_moves_in_and_out(value):
    frame = of_person(haend_dato=[day(-300), day(-100)], indud_kode=["U", "I"])
    assert value(sb.emigration().before().last(), vnds=frame) == day(-300)
    assert value(sb.immigration().before().last(), vnds=frame) == day(-100)


def test_the_example_of_the_guide(write_extract, repository):
    guide = (repository / "docs" / "cohorts.md").read_text(encoding="utf-8")
    example = re.search(r"## What else an event may ask for.*?```\n(.*?)```", guide, re.DOTALL)[1]
    names = {"sb": sb}
    exec(example, names)
    life = (
        Happening("dispensings", INDEX, "B01AF02"),
        *of_hospital([(day(-9), 4, "inpatient", True, "06", [])]),
    )
    someone = Person(
        1, date(1950, 1, 1), "male", ((date(2011, 12, 31), "Capital"),), life, ((2011, "1010", 5),)
    )
    db = sb.connect(write_extract(registers([someone], whole=True), coverage=ALWAYS))
    row = (
        sb.Study(
            POPULATION,
            ENTRY,
            covariates=names["covariates"],
            outcomes=names["outcomes"],
            follow_up=sb.follow_up(sb.death()),
        )
        .collect(db)
        .table.to_pylist()[0]
    )
    assert (row["bed_days"], row["emergency_visits"], row["education"], row["income"]) == (4, 0, "1010", 5)


def without(registers, register, *columns):
    return {**registers, register: registers[register].drop(columns)}


@pytest.mark.parametrize(
    ("feature", "registers", "message"),
    [
        (
            sb.diagnosis("DI48", contact="inpatient").before().any(),
            {"lpr_diag": LPR2["lpr_diag"]},
            "measures['x']: a diagnosis of DI48 (type A, B; inpatient): the extract has no register lpr_adm: "
            "the permit must ask for it with c_pattype, c_indm",
        ),
        (
            sb.diagnosis("DI48", contact="inpatient").before().any(),
            without(LPR2, "lpr_adm", "c_indm"),
            "the extract's register lpr_adm lacks c_indm",
        ),
        (
            sb.diagnosis("DI48", specialty="06").before().any(),
            without(LPR2, "lpr_diag", "recnum"),
            "the extract's register lpr_diag lacks recnum",
        ),
        (
            sb.dispensing("C10", strength=(5, "mg")).before().any(),
            {},
            "the extract's register lmdb lacks strnum",
        ),
        (sb.dispensing("C10").before().sum("ddd"), {}, "lmdb lacks volume"),
        (sb.contact().before().sum("days"), without(LPR2, "lpr_adm", "d_uddto"), "lpr_adm lacks d_uddto"),
        (
            sb.lab("NPU27300", unit="%").before().any(),
            {"lab_forsker": of_person(samplingdate=[day(1)], analysiscode=["NPU27300"], value=["1"])},
            "lab_forsker lacks unit",
        ),
        (
            sb.death("I21").after().any(),
            {"dod": of_person(doddato=[day(1)])},
            "the extract has no cause of it: the permit must ask for dodsaarsager with "
            "doedsaarsag_tilgrundliggende or dodsaasg",
        ),
        (
            sb.tumour("C34").before().any(),
            {"cancer": TUMOURS.drop("c_icd10")},
            "the extract's register cancer lacks c_icd10",
        ),
        (
            sb.hospital_cost().after().sum(),
            {"drgsoma_hel": of_person(d_uddto=[day(1)])},
            "lacks v_totpris_genop or v_totpris or v_pris",
        ),
        (sb.service().before().sum(), {}, "the permit must ask for sysi or sssy"),
    ],
)
def test_what_the_permit_lacks_is_refused_before_reading(value, feature, registers, message):
    with pytest.raises(StudyError) as caught:
        value(feature, **registers)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_deaths_of_a_cause_are_followed_while_causes_are_known(write_extract):
    frames = {
        "lmdb": pl.DataFrame(NEW),
        "dod": of_person(doddato=[day(900)]),
        "dodsaarsager": of_person(doedsdato=[day(900)], doedsaarsag_tilgrundliggende=["I219"]),
    }
    coverage = {
        **{name: SPANS[name] for name in frames},
        "dodsaarsager": (date(2010, 1, 1), date(2013, 12, 31)),
    }
    db = sb.connect(write_extract(frames, coverage=coverage))
    for outcome, end in ((sb.death(), day(900)), (sb.death("I21"), date(2013, 12, 31))):
        study = sb.Study(POPULATION, ENTRY, outcomes={"death": outcome}, follow_up=sb.follow_up(sb.death()))
        assert study.collect(db).table["end"].to_pylist() == [end]
