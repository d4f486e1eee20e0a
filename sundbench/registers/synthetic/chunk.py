"""One chunk of the synthesis, from its persons to the bytes of its files."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from sundbench.registers.synthetic import (
    comparisons,
    hospital,
    lpr,
    medicine,
    oncology,
    primary,
    refused,
    society,
)
from sundbench.registers.synthetic.columns import Numbers
from sundbench.registers.synthetic.events import Contacts, person_years
from sundbench.registers.synthetic.figures import NEVER, Days
from sundbench.registers.synthetic.health import fall_ill
from sundbench.registers.synthetic.lives import live
from sundbench.registers.synthetic.output import Output
from sundbench.registers.synthetic.persons import draw, person_numbers
from sundbench.registers.synthetic.plan import Plan
from sundbench.registers.synthetic.truth import chunk_totals


@dataclass
class Chunk:
    """What a chunk gives.

    Attributes:
        output: its rows.
        changes: old and new person numbers.
        totals: what it adds to the planted truth.
        counts: persons, users, events: sums for truth.json.
    """

    output: Output
    changes: pl.DataFrame
    totals: dict[str, float]
    counts: dict[str, float]


def synthesize_chunk(plan: Plan, chunk: int, rank: Days) -> Chunk:
    """Synthesize one chunk.

    Args:
        plan: the synthesis.
        chunk: which chunk.
        rank: the ranks that ``Numbering`` dealt to its persons.
    """
    persons = draw(plan, chunk)
    lives = live(plan, chunk, persons)
    health = fall_ill(plan, chunk, lives)
    patients, tumours = oncology.enrol(plan, chunk, lives, health)
    numbers = Numbers.of(person_numbers(persons, rank), lives)
    quiet = np.full(len(persons.birth), NEVER, dtype=np.int32)
    quiet[patients.who] = patients.entry
    users = {name: comparisons.begin(plan, chunk, name, lives, health) for name in comparisons.COMPARISONS}
    years = person_years(plan, lives, quiet)
    doses = oncology.administer(plan, chunk, patients)

    contacts = Contacts()
    hospital.ordinary(plan, chunk, lives, health, years, contacts)
    planted = {
        disease: np.concatenate(
            [
                users[comparison].who[users[comparison].events[outcome] < NEVER]
                for (comparison, outcome), as_disease in comparisons.AS_DISEASE.items()
                if as_disease == disease
            ]
        )
        for disease in set(comparisons.AS_DISEASE.values())
    }
    hospital.of_diseases(plan, chunk, lives, health, years, planted, contacts)
    hospital.before_entry(plan, chunk, patients, health, contacts)
    for name in comparisons.COMPARISONS:
        comparisons.admit(plan, chunk, name, users[name], (lives.death, quiet), contacts)
    harm, harm_counts = comparisons.rare_harm(plan, chunk, years, contacts)
    oncology.care(plan, chunk, patients, doses, contacts)

    output = Output(plan)
    written = lpr.Hospital(plan, chunk, lives, health, contacts)
    society.write_population(plan, chunk, lives, numbers, output)
    society.write_moves(plan, chunk, lives, numbers, output)
    society.write_deaths(plan, chunk, lives, health, numbers, output)
    society.write_cancer(plan, chunk, lives, health, tumours, numbers, output)
    lpr.write_lpr2(written, numbers, output)
    lpr.write_lpr3(written, numbers, output)
    lpr.write_tariffs(written, numbers, output)
    until = np.minimum(np.minimum(lives.death, quiet), lives.out)
    dispensed = medicine.ordinary(plan, chunk, lives, health, years)
    dispensed += [comparisons.dispense(plan, chunk, name, users[name], until) for name in users]
    dispensed += [harm, oncology.prescriptions(plan, chunk, patients)]
    medicine.write_lmdb(plan, chunk, lives, dispensed, numbers, patients.who, output)
    ward = ~written.own & (written.kind == lpr.INPATIENT)
    admissions = (written.person[ward], written.when[ward])
    medicine.write_smr(plan, chunk, patients, doses, admissions, numbers, output)
    served = oncology.services(plan, chunk, patients)
    primary.write_services(plan, chunk, lives, years, served, numbers, output)
    primary.write_laboratory(plan, chunk, lives, health, years, numbers, output)
    counts = {
        "persons": float(len(persons.birth)),
        **{f"tendon_rupture.{k}": v for k, v in harm_counts.items()},
    }
    for name, group in users.items():
        counts |= comparisons.summary(name, group, plan)
    if chunk == 0:
        counts |= refused.add(plan, output)
    return Chunk(output, numbers.changes(), chunk_totals(patients), counts)
