"""Case series against R's SCCS, on the data of Farrington's book (oracle sccs_farrington_book)."""

import numpy as np
import pandas as pd
import pytest

from sundbench.methods import self_controlled

MI_COEF = """
1.86412857789137 0.893834358067592 0.035176020626866 0.117153891072427 -0.0363204824611646
-0.0445580369433895 -0.0682959663730059 0.0657686559086879 -0.0743511907070361 -0.136448002840986
0.106437623435066
"""
MI_SE = """
0.143514951593523 0.229319337694067 0.176150106405379 0.190256275632659 0.201937434836478
0.213973987529358 0.22296288618802 0.232554956171934 0.240788771890956 0.252858047868805
0.264508557451838
"""

DTP = {"dtp": ["dtp", "dtpd2", "dtpd3"]}


def long(data, columns, lasting=None, until=None):
    """Exposures of a data frame with a column a dose, as rows."""
    parts = []
    for name, doses in columns.items():
        for number, column in enumerate(doses, start=1):
            own = data[data[column].notna()]
            end = own[until] if until else own[column] + (lasting or 0)
            parts.append(
                pd.DataFrame(
                    {"person": own["case"], "name": name, "start": own[column], "end": end, "dose": number}
                )
            )
    return pd.concat(parts).drop_duplicates()


@pytest.fixture
def book(oracle):
    folder, expected = oracle("sccs_farrington_book")

    def read(name, event):
        data = pd.read_csv(folder / f"{name}dat.csv.gz")
        cases = data.rename(columns={"case": "person", "sta": "start", event: "event_day"})
        chosen = cases.reindex(columns=["person", "start", "end", "event_day"])
        return data, chosen.drop_duplicates()

    return read, expected["expected"], expected["tolerance"]


def quantiles(days, shares):
    return np.unique(np.floor(np.quantile(days, shares))).astype(int)


def itp(read, **options):
    data, cases = read("itp", "itp")
    return self_controlled.sccs(cases, long(data, {"mmr": ["mmr"]}, 42), **options)


ITP_AGES = [427, 488, 549, 610, 671]
DTP_AGES = range(57, 338, 28)


def model(name, read, expected):
    """Our fit of a model that the book fits."""
    twentieths = np.arange(0.05, 0.951, 0.05)
    if name.startswith("itp"):
        windows = [0, 15, 29] if name == "itp_mod3" else [(0, 42)]
        return itp(read, risk_windows=windows, age_breaks=None if name == "itp_mod1" else ITP_AGES)
    if name == "am_oxford":
        data, cases = read("am", "am")
        exposures = long(data, {"mmr": ["mmr"]})
        return self_controlled.sccs(cases, exposures, risk_windows=[(15, 35)], age_breaks=[547])
    if name == "hip_mod1":
        data, cases = read("hip", "frac")
        return self_controlled.sccs(
            cases,
            long(data, {"ad": ["ad"]}, until="endad"),
            risk_windows=[0, 15, 43],
            washout=[1, 92, 182],
            age_breaks=expected["ageq_hip"],
        )
    if name == "gi_mod1":
        data, cases = read("gi", "bleed")
        exposures = long(data, {"ns": ["ns"]}, until="endns")
        return self_controlled.sccs(cases, exposures, risk_windows=[0], age_breaks=expected["ageq_gi"])
    if name.startswith("dtp"):
        data, cases = read("dtp", "conv")
        return self_controlled.sccs(
            cases,
            long(data, DTP, 14),
            risk_windows=[0, 4, 8],
            age_breaks=DTP_AGES,
            common_effect=name == "dtp_same",
        )
    if name == "con_mod":
        data, cases = read("con", "conv")
        exposures = long(data, {"hib": ["hib"], "mmr": ["mmr"]}, 14)
        ages = range(387, 708, 20)
        return self_controlled.sccs(cases, exposures, risk_windows=[0, 8], age_breaks=ages)
    if name == "hib_mod1":
        data, cases = read("hib", "conv")
        exposures = long(data, DTP | {"hib": ["hib", "hibd2", "hibd3"]}, 14)
        windows = {"dtp": [0, 4, 8], "hib": [0, 8]}
        return self_controlled.sccs(cases, exposures, risk_windows=windows, age_breaks=DTP_AGES)
    if name == "int_mod":
        data, cases = read("int", "intus")
        born = pd.to_datetime(data["dob"].astype(str).str.zfill(8), format="%d%m%Y")
        cases = cases.assign(born=born)
        exposures = long(data, {"opv": ["opv", "opvd2"]}, 42)
        return self_controlled.sccs(
            cases,
            exposures,
            risk_windows=[0, 15, 29],
            age_breaks=range(30, 331, 30),
            season=True,
            birth="born",
        )
    if name == "gbs":
        data, cases = read("gbs", "gbs")
        return self_controlled.sccs(cases, long(data, {"flu": ["flu"]}), risk_windows=[(0, 42)])
    data, cases = read("mi", "mi")
    exposures = long(data, {"rti": ["rti"]}, 28)
    ages = quantiles(cases.drop_duplicates("person")["event_day"], twentieths)
    return self_controlled.sccs(cases, exposures, risk_windows=[1, 4, 8, 15], age_breaks=ages)


@pytest.mark.parametrize(
    "name",
    [
        "itp_mod1",
        "itp_mod2",
        "itp_mod3",
        "am_oxford",
        "hip_mod1",
        "gi_mod1",
        "dtp_same",
        "dtp_mod2",
        "con_mod",
        "hib_mod1",
        "int_mod",
        "gbs",
        "mi_rti",
    ],
)
def test_models_of_the_book(book, name):
    read, expected, tolerance = book
    theirs = expected["fits"][name]
    ours = model(name, read, expected)
    assert not ours.infinite
    places = {term: i for i, term in enumerate(ours.coef.index)}
    coef, variance = ours.coef.to_numpy(), ours.variance
    for row in theirs["rows"]:
        # contrast with the reference of theirs, where it is another than the first group
        weight = np.zeros(coef.size)
        term, releveled = row["term"], "relevel(age, ref = 21)"
        if term.startswith(releveled):
            weight[places["age21"]] = -1
            term = term.replace(releveled, "age")
        if term in places:
            weight[places[term]] += 1
        assert weight.any()
        assert weight @ coef == pytest.approx(row["coef"], abs=tolerance["coef_abs"])
        assert np.sqrt(weight @ variance @ weight) == pytest.approx(row["se"], rel=tolerance["se_rel"])
        if not row["term"].startswith(releveled):
            found = ours.table.loc[term, ["rr", "lower", "upper"]]
            assert found.to_list() == pytest.approx([row["rr"], row["lower"], row["upper"]], rel=1e-4)
    assert len(theirs["rows"]) == coef.size
    statistic, df, _ = theirs["loglik"]
    assert ours.tests.loc["likelihood ratio", "statistic"] == pytest.approx(statistic, rel=1e-6)
    assert ours.tests.loc["likelihood ratio", "df"] == df
    assert ours.events == theirs["n_events"]


def test_likelihood_ratios_between_models(book):
    read, expected, _ = book
    one = itp(read, risk_windows=[(0, 42)], age_breaks=ITP_AGES)
    three = itp(read, risk_windows=[0, 15, 29], age_breaks=ITP_AGES)
    theirs = expected["lrt"]["one_vs_three_periods"]
    assert 2 * (three.loglik - one.loglik) == pytest.approx(theirs["chisq"], abs=1e-5)
    assert three.coef.size - one.coef.size == theirs["df"]


def test_semiparametric_age(book):
    read, expected, tolerance = book
    ours = itp(read, risk_windows=[0, 15, 29], age_breaks="semiparametric")
    theirs = pd.DataFrame(expected["semiparametric_itp"]["rows"]).set_index("term")
    assert ours.table.index.to_list() == theirs.index.to_list()
    assert ours.table["coef"].to_list() == pytest.approx(theirs["coef"].to_list(), abs=tolerance["coef_abs"])
    assert ours.table["se"].to_list() == pytest.approx(theirs["se"].to_list(), rel=tolerance["se_rel"])


@pytest.mark.parametrize(("name", "windows"), [("rot_mod1", [1]), ("rot_mod2", [1, 8])])
def test_event_dependent_exposure(book, name, windows):
    read, expected, tolerance = book
    data, cases = read("rot", "intus")
    exposures = long(data, {"rv": ["rv", "rvd2"]}, 21)
    ours = self_controlled.sccs_event_dependent_exposure(
        cases, exposures, risk_windows=windows, age_breaks=range(56, 169, 14)
    ).table
    theirs = pd.DataFrame(expected["event_dependent_exposure"][name]["rows"]).set_index("term")
    assert ours.index.to_list() == theirs.index.to_list()
    assert ours["coef"].to_list() == pytest.approx(theirs["coef"].to_list(), abs=tolerance["coef_abs"])
    assert ours["se"].to_list() == pytest.approx(theirs["se"].to_list(), rel=tolerance["se_rel"])


def test_event_dependent_observation(book):
    read, expected, tolerance = book
    data, cases = read("nrt", "mi")
    cases = cases.assign(start=data["nrt"], end=data["act"], censored=data["cen"])
    ours = self_controlled.sccs_event_dependent_observation(
        cases, long(data, {"nrt": ["nrt"]}, 28), risk_windows=[0, 8, 15, 22]
    )
    theirs = expected["event_dependent_observation"]
    rows = pd.DataFrame(theirs["rows"]).set_index("term")
    assert ours.table["coef"].to_list() == pytest.approx(rows["coef"].to_list(), abs=tolerance["coef_abs"])
    assert ours.table["se"].to_list() == pytest.approx(rows["se"].to_list(), rel=tolerance["se_rel"])
    loglik, aic = theirs["loglik_aic"]
    for model, row in ours.models.iterrows():
        assert row["loglik"] == pytest.approx(loglik[model], abs=1e-7)
        assert row["aic"] == pytest.approx(aic[model], abs=1e-7)
    assert ours.models.index[ours.models["chosen"]].to_list() == ["EWI"]


def test_event_dependent_observation_of_several_hundred_with_age(book):
    # R SCCS 1.7: eventdepenobs(event~rti+age, indiv=case, astart=sta, aend=end, aevent=mi, adrug=rti,
    #   aedrug=rti+14, expogrp=c(0,8), agegrp=ageq, censor=cen, data=midat, initval=rep(1.1,4)), with its
    #   nlm at gradtol=1e-10, steptol=1e-12; ageq <- floor(quantile(mi of distinct cases, seq(0.1,0.9,0.1)))
    read, _, _ = book
    data, cases = read("mi", "mi")
    ages = quantiles(cases.drop_duplicates("person")["event_day"], np.arange(0.1, 0.95, 0.1))
    ours = self_controlled.sccs_event_dependent_observation(
        cases.merge(data[["case", "cen"]].rename(columns={"case": "person", "cen": "censored"})),
        long(data, {"rti": ["rti"]}, 14),
        risk_windows=[0, 8],
        age_breaks=ages,
        initial=1.1,
    )
    assert ours.table["coef"].to_list() == pytest.approx(list(map(float, MI_COEF.split())), abs=1e-5)
    assert ours.table["se"].to_list() == pytest.approx(list(map(float, MI_SE.split())), abs=1e-6)
    assert ours.models.loc["EWA"].to_list() == [
        pytest.approx(-640.666749384),
        pytest.approx(1289.333498769),
        True,
    ]


def test_days_in_each_piece_of_observation(book, oracle):
    read, _, _ = book
    ours = itp(read, risk_windows=[0, 15, 29], age_breaks=ITP_AGES)
    folder, _ = oracle("sccs_farrington_book")
    pieces = pd.read_csv(folder / "itp_mod3_intervals_expected.csv")
    once = pieces.drop_duplicates(["indiv", "lower", "upper"])
    for term, row in ours.periods.iterrows():
        column, level = ("mmr", int(term[3:])) if term.startswith("mmr") else ("age", int(term[3:]))
        assert row["days"] == once.loc[once[column] == level, "interval"].sum()
        assert row["events"] == pieces.loc[pieces[column] == level, "event"].sum()
    assert ours.rows == len(once)


def test_sample_sizes(book):
    _, expected, _ = book
    year = {"risk_days": 21, "start": 366, "end": 730}
    ages = {"age_breaks": [457, 548, 639], "age_ratios": [1.2, 1.6, 2.0]}
    ours = [
        self_controlled.sccs_sample_size(2.5, **year),
        self_controlled.sccs_sample_size(2.5, **year, exposed=0.75),
        self_controlled.sccs_sample_size(2.5, **year, **ages, exposed=[0.5, 0.35, 0.1, 0.05]),
    ]
    assert [own.events for own in ours] == [expected["sample_size"][f"ss{i}"] for i in (1, 2, 3)]
