"""Registers drawn for a few hundred persons."""

import numpy as np
import pytest

from sundbench.registers.catalogue import catalogue
from sundbench.registers.invented.people import People, draw
from sundbench.registers.invented.planting import Enrolled
from sundbench.registers.invented.rows import Registers
from sundbench.registers.synthetic.figures import day

WINDOW = day("1985-01-01"), day("2023-12-31")


@pytest.fixture(scope="session")
def nobody() -> Enrolled:
    return Enrolled(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int32), np.empty(0))


@pytest.fixture(scope="session")
def people(nobody: Enrolled) -> People:
    return draw(400, WINDOW, nobody, None, np.random.default_rng(1))


@pytest.fixture(scope="session")
def registers(people: People) -> Registers:
    return Registers(people, WINDOW, catalogue(), (1,))
