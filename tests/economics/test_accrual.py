"""Care costs from registers: each krone once."""

from datetime import date, datetime, time, timedelta

import pandas as pd
import pytest

from sundbench import economics
from sundbench.errors import StudyError

INDEX = date(2021, 3, 1)
NEW = {"new": economics.Medicine("L01FF02", price=40_000, visit=2_500)}


def day(number):
    return INDEX + timedelta(days=number)


def moment(number):
    return datetime.combine(day(number), time())


def spell(key, first, last, kroner, group, person=1):
    return {
        "person": person,
        "sygehusforloeb_id": key,
        "forloeb_start": moment(first),
        "forloeb_slut": moment(last),
        "totalpris_drg": kroner * 100,
        "drg_gruppe": group,
    }


@pytest.fixture
def db(extract):
    return extract(
        smr=[
            {"person": 1, "d_adm": moment(0), "c_atc": "L01XC18"},
            {"person": 1, "d_adm": moment(0), "c_atc": "L01XC18"},
            {"person": 1, "d_adm": moment(21), "c_atc": "L01FF02"},
            {"person": 1, "d_adm": moment(42), "c_atc": "L01FF02"},
            {"person": 1, "d_adm": moment(21), "c_atc": "A04AA01"},
        ],
        drg_forloeb=[
            spell(1, 0, 0, 15_500, "27MP90"),
            spell(2, 21, 21, 15_500, "27MP90"),
            spell(3, 21, 21, 2_600, "30PR02"),
            spell(4, 30, 36, 42_000, "04MA13"),
            spell(5, -5, -1, 9_000, "04MA04"),
            spell(6, 0, 0, 9_000, "04MA04", person=2),
        ],
        lmdb=[
            {"person": 1, "eksd": day(3), "atc": "N02BE01", "vnr": "1", "apk": 1, "eksp": 4_550},
            {"person": 1, "eksd": day(200), "atc": "N02BE01", "vnr": "1", "apk": 1, "eksp": 4_550},
        ],
        sssy=[{"person": 1, "honuge": day(7), "speciale": "800110", "ydlant": 1, "bruhon": 15_075}],
    )


@pytest.fixture
def persons():
    return pd.DataFrame({"person": [1], "index": [pd.Timestamp(INDEX)], "time": [40]})


def accrue(db, persons, **more):
    options = {"medicines": NEW, "horizon_days": 1000, "medicine_groups": ("27MP90",)}
    return economics.care_costs(db, persons, **(options | more))


def sums(accrual):
    return accrual.costs.groupby("component")["cost"].sum().to_dict()


def test_the_tariff_that_holds_the_medicine_is_left_out(db, persons):
    accrual = accrue(db, persons)
    assert sums(accrual) == {
        "study medicine": 80_000,  # one a day, whatever it was called; day 42 lies after follow-up
        "study visits": 5_000,
        "hospital": 2_600 + 42_000,
        "prescriptions": 45.5,
        "primary care": 150.75,
    }
    assert (accrual.administrations, accrual.covered) == (2, 2)


def test_same_day_leaves_out_every_tariff_of_that_day(db, persons):
    assert sums(accrue(db, persons, tariff_rule="same day"))["hospital"] == 42_000


def test_tariffs_alone_count_no_medicine(db, persons):
    counted = sums(accrue(db, persons, tariff_rule="tariff"))
    assert counted["hospital"] == 15_500 * 2 + 2_600 + 42_000
    assert "study medicine" not in counted


def test_days_count_from_index_and_fees_in_the_middle_of_their_week(db, persons):
    costs = accrue(db, persons).costs.set_index("component")
    assert costs.loc["primary care", "start"] == 10
    stay = costs.loc["hospital"].set_index("start").loc[30]
    assert stay["stop"] == 36


def test_follow_up_and_horizon_end_what_counts(db, persons):
    assert "prescriptions" not in sums(accrue(db, persons.assign(time=2)))
    assert sums(accrue(db, persons, horizon_days=10))["study medicine"] == 40_000
    assert sums(accrue(db, persons.assign(time=300)))["prescriptions"] == 91


def test_medicine_is_never_counted_twice_in_silence(db, persons):
    with pytest.raises(StudyError, match="no tariff of 27MP99 spans an administration"):
        accrue(db, persons, medicine_groups=("27MP99",))
    with pytest.raises(StudyError, match="needs medicine_groups"):
        accrue(db, persons, medicine_groups=())
    with pytest.raises(StudyError, match="tariff_rule 'all': choose among groups, same day, tariff"):
        accrue(db, persons, tariff_rule="all")


def test_follow_up_ends_where_costs_are_no_longer_known(db):
    until = economics.covered_until(db)
    assert until == date(2024, 12, 31)
    persons = pd.DataFrame(
        {
            "person": [1, 2, 3],
            "index": pd.to_datetime(["2024-12-01", "2024-12-01", "2025-01-05"]),
            "time": [20, 90, 5],
            "event": [True, True, True],
        }
    )
    kept = economics.follow_up_within(persons, until)
    assert kept["person"].tolist() == [1, 2]
    assert kept["time"].tolist() == [20, 30]
    assert kept["event"].tolist() == [True, False]
