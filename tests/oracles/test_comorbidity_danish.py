"""Charlson with Danish codes and look-back against the R package heaven (oracle danish_registry_heaven)."""

import pandas as pd
import pytest

from sundbench.cohort import comorbidity

# heaven's names of the conditions where they aren't ours with points for underscores.
NAMES = {
    "diabetes.without.complications": "diabetes",
    "hemiplegia.paraplegia": "hemiplegia",
    "any.malignancy": "cancer",
    "metastatic.solid.tumor": "metastatic_cancer",
    "AIDS.HIV": "aids",
    "leukemia": "leukaemia",
}


@pytest.fixture(scope="module")
def admissions(oracle):
    folder, _ = oracle("danish_registry_heaven")
    return folder, pd.read_csv(folder / "admissions.csv", parse_dates=["inddto", "charlson.date"])


def scored(rows, years):
    diagnoses = rows.rename(columns={"pnr": "person", "diag": "code", "inddto": "date"})
    index = rows.rename(columns={"pnr": "person", "charlson.date": "index"})[["person", "index"]]
    return comorbidity.charlson(
        diagnoses, index=index.drop_duplicates(), years=years, codes="heaven", index_day=True
    ).table


@pytest.mark.parametrize("years", [5, 10])
def test_the_index_of_every_person(admissions, years):
    folder, rows = admissions
    theirs = pd.read_csv(folder / f"expected_charlson_lookback{years}.csv")
    ours = scored(rows, years).set_index("person")["score"]
    found = ours[ours > 0]
    assert found.to_dict() == dict(zip(theirs["pnr"], theirs["charlson.index"], strict=True))
    # Who has no code in the look-back gets 0, where heaven gives no row.
    assert len(ours) == rows["pnr"].nunique() > len(found)


@pytest.mark.parametrize("years", [5, 10])
def test_the_elements_of_every_person(admissions, years):
    folder, rows = admissions
    theirs = pd.read_csv(folder / f"expected_charlson_elements_lookback{years}.csv").set_index("pnr")
    theirs = theirs.drop(columns="charlson.date")
    theirs.columns = [NAMES.get(name, name.replace(".", "_")) for name in theirs.columns]
    ours = scored(rows, years).set_index("person").loc[theirs.index]
    assert set(theirs.columns) == set(ours.columns) - {"index", "score"}
    assert (ours[theirs.columns].to_numpy() == theirs.to_numpy()).all()
