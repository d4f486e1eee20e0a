"""One chunk of the synthesis, from its persons to the bytes of its files."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from sundbench.registers.synthetic import (
    comparisons,
    hospital,
    lpr,
    lpr2,
    lpr3,
    medicine,
    oncology,
    primary,
    refused,
    society,
    tariffs,
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
from sundbench.registers.synthetic.world import World


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
    numbers = Numbers.of(person_numbers(persons, rank), lives)
    world = World(plan, chunk, lives, health, numbers, Output(plan))
    # Before the enrolment, which counts the diseases that the comparisons plant.
    users = {name: comparisons.begin(world, name) for name in comparisons.COMPARISONS}
    patients, tumours = oncology.enrol(world)
    doses = oncology.administer(world, patients)
    quiet = np.full(len(persons.birth), NEVER, dtype=np.int32)
    quiet[patients.who] = patients.entry
    years = person_years(plan, lives, quiet)

    contacts = Contacts()
    hospital.ordinary(world, years, contacts)
    hospital.of_diseases(world, years, comparisons.planted(users), contacts)
    hospital.before_entry(world, patients, contacts)
    for name, group in users.items():
        comparisons.admit(world, name, group, quiet, contacts)
    harm, harm_counts = comparisons.rare_harm(world, years, contacts)
    oncology.care(world, patients, doses, contacts)

    society.write_population(world)
    society.write_moves(world)
    society.write_deaths(world)
    society.write_cancer(world, tumours)
    written = lpr.Hospital(world, contacts)
    lpr2.write_lpr2(written)
    lpr3.write_lpr3(written)
    tariffs.write_tariffs(written)
    until = np.minimum(np.minimum(lives.death, quiet), lives.out)
    dispensed = medicine.ordinary(world, years)
    dispensed += [comparisons.dispense(world, name, group, until) for name, group in users.items()]
    dispensed += [harm, oncology.prescriptions(world, patients)]
    medicine.write_lmdb(world, dispensed, patients.who)
    ward = ~written.own & (written.kind == lpr.INPATIENT)
    medicine.write_smr(world, patients, doses, (written.person[ward], written.when[ward]))
    primary.write_services(world, years, oncology.services(world, patients))
    primary.write_laboratory(world, years)

    counts = {"persons": float(len(persons.birth))}
    counts |= {f"tendon_rupture.{name}": count for name, count in harm_counts.items()}
    for name, group in users.items():
        counts |= comparisons.summary(world, name, group)
    if chunk == 0:
        counts |= refused.add(plan, world.output)
    return Chunk(world.output, numbers.changes(), chunk_totals(patients), counts)
