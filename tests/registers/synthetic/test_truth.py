"""The planted truth: it can be found again in the data, and not without adjustment."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import statsmodels.api as sm

from sundbench.registers.synthetic import comparisons, oncology
from sundbench.registers.synthetic.chunk import synthesize_chunk
from sundbench.registers.synthetic.columns import Numbers
from sundbench.registers.synthetic.figures import DAYS_A_YEAR, figures
from sundbench.registers.synthetic.health import fall_ill
from sundbench.registers.synthetic.lives import live
from sundbench.registers.synthetic.output import FORMATS, Output
from sundbench.registers.synthetic.persons import Numbering, draw, person_numbers
from sundbench.registers.synthetic.plan import Plan
from sundbench.registers.synthetic.truth import arm_totals, chunk_totals, oncology_truth
from sundbench.registers.synthetic.world import World

PLAN = Plan(100_000, 1995, 2025, 1)


@pytest.fixture(scope="module")
def planted():
    """Patients and users of forty chunks, without writing their registers."""
    patients, users, totals = [], {name: [] for name in comparisons.COMPARISONS}, {}
    for chunk in range(PLAN.chunks):
        persons = draw(PLAN, chunk)
        lives = live(PLAN, chunk, persons)
        health = fall_ill(PLAN, chunk, lives)
        numbers = Numbers.of(person_numbers(persons, Numbering().deal(persons)), lives)
        world = World(PLAN, chunk, lives, health, numbers, Output(PLAN))
        begun = {name: comparisons.begin(world, name) for name in comparisons.COMPARISONS}
        enrolled, _ = oncology.enrol(world)
        patients.append(enrolled)
        for name, found in begun.items():
            users[name].append((found, np.minimum(lives.death[found.who], PLAN.end)))
        for key, value in chunk_totals(enrolled).items():
            totals[key] = totals.get(key, 0.0) + value
    return patients, users, totals


def pooled(patients: list[oncology.Patients]) -> oncology.Patients:
    fields = oncology.Patients.__dataclass_fields__
    return oncology.Patients(**{f: np.concatenate([getattr(p, f) for p in patients]) for f in fields})


def test_discounted_life_years_and_costs_agree_with_a_simulation_of_both_arms(planted):
    patients = pooled(planted[0])
    rng = np.random.default_rng(1)
    figure = figures("oncology")
    ones = np.ones(len(patients.who))
    for new in (False, True):
        exact = arm_totals(patients, new, ones)
        years, medicine, spells = [], [], []
        for _ in range(60):
            days = np.ceil(oncology.survival_quantile(patients, new, rng.random(len(ones))))
            upto = np.minimum(days, 3 * DAYS_A_YEAR)
            years.append((1 - 1.035 ** (-upto / DAYS_A_YEAR)) / np.log(1.035))
            stop = rng.exponential(figure["treatment"]["pembrolizumab_mean_days_to_stop"], len(ones))
            doses = np.minimum(np.ceil(stop / 21), 35) if new else rng.choice([4, 5, 6], len(ones))
            given = np.minimum(np.minimum(doses, np.ceil(days / 21)), np.floor(3 * DAYS_A_YEAR / 21) + 1)
            force = np.log(1.035) * 21 / DAYS_A_YEAR
            medicine.append((1 - np.exp(-force * given)) / (1 - np.exp(-force)))
            spells.append(years[-1])
        name = "pembrolizumab" if new else "carboplatin"
        price = figure["medicine"][name]["list_price"]
        assert exact["life_years_3"] / len(ones) == pytest.approx(np.mean(years), rel=0.01)
        assert exact["study_medicine_3"] / len(ones) == pytest.approx(np.mean(medicine) * price, rel=0.01)


def test_without_adjustment_the_benefit_looks_larger_than_it_is(planted):
    truth = oncology_truth({**planted[2], "propensity_min": 0.0, "propensity_max": 1.0})
    for horizon in ("3", "5"):
        gained = truth["all"]["incremental"][horizon]["life_years"]
        assert truth["naive"]["incremental"][horizon]["life_years"] > 1.25 * gained > 0
    assert (
        truth["non_squamous"]["incremental"]["5"]["life_years"]
        > 3 * truth["squamous"]["incremental"]["5"]["life_years"]
        > 0
    )
    assert truth["all"]["incremental"]["5"]["cost"]["hospital"] < 20_000  # longer lives, but fewer admissions


def test_inverse_probability_weights_find_the_planted_survival_benefit(planted):
    patients = pooled(planted[0])
    truth = oncology_truth({**planted[2], "propensity_min": 0.0, "propensity_max": 1.0})
    years = (1 - 1.035 ** (-np.minimum(patients.days, 5 * DAYS_A_YEAR) / DAYS_A_YEAR)) / np.log(1.035)
    weight = np.where(patients.new, 1 / patients.probability, 1 / (1 - patients.probability))
    means = [np.average(years[arm], weights=weight[arm]) for arm in (~patients.new, patients.new)]
    error = np.sqrt(sum(years[arm].var() / arm.sum() for arm in (~patients.new, patients.new)))
    assert means[1] - means[0] == pytest.approx(
        truth["all"]["incremental"]["5"]["life_years"], abs=3 * 1.15 * error
    )


def test_every_patient_could_have_had_either_medicine(planted):
    patients = pooled(planted[0])
    assert patients.probability.min() > 0.1
    assert patients.probability.max() < 0.9
    assert len(patients.who) * 50_000 / PLAN.persons > 600


@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("anticoagulants", "bleeding"),
        ("anticoagulants", "stroke"),
        ("glucose_lowering", "heart_failure"),
        ("antidepressants", "hip_fracture"),
    ],
)
def test_adjusted_hazard_ratios_are_the_planted_ones_and_unadjusted_ones_are_not(planted, name, outcome):
    parts = []
    for users, end in planted[1][name]:
        when = np.minimum(users.events[outcome], end)
        keep = (users.probability > 0) & (np.abs(users.age) < 2)
        columns = (users.new, users.age, users.comorbidity, users.events[outcome] <= end, when - users.start)
        parts.append(np.column_stack(columns)[keep])
    new, age, ill, event, days = np.concatenate(parts).T
    days = np.maximum(days, 1)
    design = np.column_stack([np.ones(len(new)), new, age, ill])
    adjusted = sm.GLM(event, design, family=sm.families.Poisson(), offset=np.log(days)).fit()
    naive = sm.GLM(event, design[:, :2], family=sm.families.Poisson(), offset=np.log(days)).fit()
    planted_log = np.log(figures("comparisons")[name]["outcomes"][outcome]["hazard_ratio"])
    assert adjusted.params[1] == pytest.approx(planted_log, abs=3 * adjusted.bse[1])
    # Confounding by indication moves the unadjusted one visibly, always in the same direction.
    moved = naive.params[1] - adjusted.params[1]
    assert abs(moved) > 0.12
    assert np.sign(moved) == (1 if name == "anticoagulants" else -1)


def test_the_rare_harm_comes_in_the_thirty_days_after_a_course(read):
    rule = figures("comparisons")["tendon_rupture"]
    courses = read("lmdb").filter(pl.col("atc") == rule["drug"])
    assert len(courses) > 100
    assert rule["rate_ratio"] == 3.0


@pytest.fixture(scope="module")
def written():
    """One chunk as written, and its patients."""
    plan = Plan(2_500, 2013, 2025, 11)
    made = []
    original = oncology.enrol

    def watch(world: World):
        made.append((world, *original(world)))
        return made[-1][1:]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(oncology, "enrol", watch)
        chunk = synthesize_chunk(plan, 0, Numbering().deal(draw(plan, 0)))
    return (*made[0], chunk.output)


def lines(output: Output, *registers: str) -> list[list[str]]:
    parts = [b"".join(data) for key, data in output.segments.items() if key.register in registers]
    separator = FORMATS[registers[0]].separator
    return [line.split(separator) for line in b"".join(parts).decode("latin-1").splitlines()]


def test_the_morphology_that_decides_is_in_the_cancer_register(written):
    world, patients, _, output = written
    assert len(patients.who) > 30
    column = output.columns["cancer"].index("c_morfo03")
    lung = {row[0]: row[column] for row in lines(output, "cancer") if "C349" in row}
    numbers = world.numbers.at(patients.who, patients.entry).to_list()
    assert [lung[number].startswith("M807") for number in numbers] == patients.squamous.tolist()


def test_the_comorbidity_that_decides_is_in_the_patient_register(written):
    world, patients, _, output = written
    # Number of a record -> person and day, of LPR2, psychiatry and LPR3's own contacts.
    contacts = {}
    for row in lines(output, "lpr_adm"):
        contacts["lpr2", row[1]] = (row[0], row[2])
    for row in lines(output, "t_psyk_adm"):
        contacts["psyk", row[1]] = (row[0], row[2])
    for row in lines(output, "lpr3a_kontakt"):
        contacts["lpr3", row[1]] = (row[0], row[3][:10].replace("-", ""))
    groups = {
        ("DI21", "DI22", "DI23"): 1,
        ("DI50",): 1,
        ("DI6", "DG45", "DG46"): 1,
        ("DF00", "DF01", "DF02", "DF03", "DG30"): 1,
        ("DJ40", "DJ41", "DJ42", "DJ43", "DJ44", "DJ45"): 1,
        ("DE10", "DE11"): 1,
        ("DN17", "DN18", "DN19"): 2,
    }
    first = {}
    for number, day in zip(world.numbers.at(patients.who, patients.entry), patients.entry, strict=True):
        first[number] = str(np.datetime64(int(day), "D")).replace("-", "")
    found = {number: {} for number in first}
    for system, register in (("lpr2", "lpr_diag"), ("psyk", "t_psyk_diag"), ("lpr3", "lpr3a_diagnose")):
        for key, code, kind, *rest in lines(output, register):
            number, day = contacts.get((system, key), (None, ""))
            retracted = bool(rest) and rest[0] == "Ja"
            if (
                number not in first
                or retracted
                or kind == "H"
                or not 0 < int(first[number]) - int(day) < 50_000
            ):
                continue
            for group, weight in groups.items():
                if code.startswith(group):
                    found[number][group] = weight
    recorded = [min(sum(weights.values()), 3) for weights in found.values()]
    agree = np.array(recorded) == patients.comorbidity
    # A contact within a few days of the look-back's end may fall on either side.
    assert agree.mean() > 0.97
