"""Comorbidity indices against the R package comorbidity (oracle comorbidity_charlson_elixhauser)."""

import pandas as pd
import pytest

from sundbench.cohort import comorbidity
from sundbench.cohort.comorbidity.code_lists import code_list

# The package's abbreviations, in its order, which is that of the code lists.
CHARLSON = {"quan": "charlson_icd10_quan", "swedish": "charlson_icd10_se", "australian": "charlson_icd10_am"}
WEIGHTS = {"van_walraven": "vw"}


@pytest.fixture(scope="module")
def data(oracle):
    folder, _ = oracle("comorbidity_charlson_elixhauser")
    rows = pd.read_csv(folder / "icd10_codes.csv").rename(columns={"id": "person"})
    return folder, rows, pd.read_csv(folder / "expected_scores.csv")


@pytest.fixture(scope="module")
def diagnoses(data):
    return data[1]


@pytest.mark.parametrize("codes", list(CHARLSON))
def test_every_flag_of_every_person(data, diagnoses, codes):
    theirs = pd.read_csv(data[0] / f"expected_flags_{CHARLSON[codes]}.csv")
    ours = comorbidity.charlson(diagnoses, codes=codes, hierarchy=False, spelling="icd").table
    assert ours["person"].to_list() == theirs["id"].to_list()
    flags = ours.drop(columns=["person", "score"])
    assert (flags.to_numpy() == theirs.drop(columns="id").to_numpy()).all()


@pytest.mark.parametrize("hierarchy", [True, False])
@pytest.mark.parametrize(
    ("index", "codes", "weights"),
    [
        *(
            ("charlson", codes, weights)
            for codes in CHARLSON
            for weights in ("charlson", "quan", "unweighted")
        ),
        *(("elixhauser", "quan", weights) for weights in ("van_walraven", "swiss")),
    ],
)
def test_every_score(data, diagnoses, index, codes, weights, hierarchy):
    expected = data[2]
    table = CHARLSON[codes] if index == "charlson" else "elixhauser_icd10_quan"
    theirs = expected[
        (expected["map"] == table)
        & (expected["weights"] == WEIGHTS.get(weights, weights))
        & (expected["assign0"] == hierarchy)
    ].sort_values("id")
    score = getattr(comorbidity, index)
    ours = score(diagnoses, codes=codes, weights=weights, hierarchy=hierarchy, spelling="icd").table
    assert len(theirs) == 400
    assert ours["score"].to_list() == theirs["score"].to_list()


def test_the_spelling_of_lpr_gives_the_same(diagnoses):
    of_lpr = diagnoses.assign(code="D" + diagnoses["code"])
    ours = comorbidity.elixhauser(of_lpr).table
    assert ours.equals(comorbidity.elixhauser(diagnoses, spelling="icd").table)


def test_elixhauser_has_the_packages_codes_and_weights(oracle, data):
    import json

    package = json.loads((data[0] / "maps_weights.json").read_text())
    theirs = package["maps"]["elixhauser_icd10_quan"].values()
    ours = code_list("elixhauser", "quan").conditions
    assert [["D" + code for code in ([codes] if isinstance(codes, str) else codes)] for codes in theirs] == [
        list(one.codes) for one in ours
    ]
    assert [one.weight("swiss") for one in ours] == package["weights"]["elixhauser_icd10_quan"]["swiss"]
