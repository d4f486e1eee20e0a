"""A released release of the study that the report shows, with invented numbers."""

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from sundbench import disclosure
from sundbench.disclosure.check import check
from sundbench.disclosure.profile import profile
from sundbench.release.manifest import Manifest, Policy
from sundbench.release.outputs import Outputs
from sundbench.release.released import About, store
from sundbench.release.surroundings import Surroundings
from sundbench.site import Site

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

RELEASE = "r20261122-abcdef"
CHROMIUM = Path("/usr/bin/chromium")


def emit(out: Outputs) -> None:
    """Write what the study drug_cost_effectiveness writes, from invented numbers."""
    draws = np.random.default_rng(1)
    persons = 1000
    out.counts(
        "attrition",
        pd.DataFrame(
            {
                "step": ["any of the drugs", "from 2018-06-01 to 2023-12-31", "lung cancer; aged 18 or more"],
                "persons": [2400, 1060, 1000],
            }
        ),
        by=["step"],
        flow_chart=True,
        title={"da": "Fra lungekræft til studiepopulation", "en": "From lung cancer to study population"},
        labels={"step": {"da": "Trin", "en": "Step"}, "persons": {"da": "Personer", "en": "Persons"}},
    )
    out.counts(
        "baseline",
        pd.DataFrame(
            {
                "characteristic": ["sex"] * 4,
                "level": ["male", "female", "male", "female"],
                "group": ["pembrolizumab", "pembrolizumab", "carboplatin", "carboplatin"],
                "persons": [210, 190, 320, 280],
            }
        ),
        by=["group", "characteristic", "level"],
        title={"da": "Personerne ved start", "en": "The persons at baseline"},
    )
    out.estimates(
        "balance",
        pd.DataFrame(
            {
                "covariate": ["age", "men", "charlson"],
                "smd_before": [0.31, -0.12, 0.2],
                "smd_after": [0.02, 0.01, -0.03],
            }
        ),
        persons=persons,
    )
    days = np.arange(10, 1500, 10)
    curves = []
    for arm, at_start, rate in (("pembrolizumab", 400, 1 / 1400), ("carboplatin", 600, 1 / 800)):
        alive = np.exp(-rate * days)
        left = np.round(at_start * np.concatenate([[1.0], alive]))
        curves.append(
            pd.DataFrame(
                {
                    "group": arm,
                    "time": days,
                    "at_risk": left[:-1],
                    "events": -np.diff(left),
                    "survival": alive,
                    "lower": alive - 0.03,
                    "upper": np.minimum(1, alive + 0.03),
                }
            )
        )
    out.curve(
        "survival",
        disclosure.curve(pd.concat(curves), grid=range(60, 1461, 60), by="group"),
        units={"time": "days"},
        title={"da": "Overlevelse", "en": "Survival"},
    )
    arms, components = ["pembrolizumab", "carboplatin"], ["study medicine", "hospital", "prescriptions"]
    cells = [(arm, part) for arm in arms for part in components]
    mean = np.array([310_000.0, 190_000.0, 21_000.5, 45_000.0, 230_000.0, 18_000.0])
    out.magnitudes(
        "costs",
        pd.DataFrame(cells, columns=["arm", "component"]).assign(
            persons=[400] * 3 + [600] * 3, mean_cost=mean, largest=mean * 5, second=mean * 4
        ),
        by=["arm", "component"],
        largest={"mean_cost": ("largest", "second")},
        means=["mean_cost"],
        units={"mean_cost": "DKK"},
        labels={
            "arm": {"da": "Behandling", "en": "Treatment"},
            "component": {"da": "Del", "en": "Component"},
            "persons": {"da": "Personer", "en": "Persons"},
            "mean_cost": {"da": "Gennemsnit pr. person", "en": "Mean per person"},
        },
        title={"da": "Omkostninger pr. person", "en": "Costs per person"},
    )
    rows = [
        ("total cost", "carboplatin", 293_000.0, 280_000.0, 306_000.0),
        ("total cost", "pembrolizumab", 521_000.5, 490_000.0, 560_000.0),
        ("total cost", "difference", 228_000.5, 190_000.0, 270_000.0),
        ("life-years", "carboplatin", 1.84, 1.75, 1.93),
        ("life-years", "pembrolizumab", 2.31, 2.18, 2.44),
        ("life-years", "difference", 0.47, 0.31, 0.63),
        ("cost per life-year", "difference", 485_107.4, 341_000.0, 742_000.0),
    ]
    out.estimates(
        "icer",
        pd.DataFrame(rows, columns=["quantity", "arm", "estimate", "lower", "upper"]),
        persons=persons,
        title={"da": "Omkostninger og leveår", "en": "Costs and life-years"},
        labels={
            "quantity": {"da": "Mål", "en": "Measure"},
            "arm": {"da": "Behandling", "en": "Treatment"},
            "estimate": {"da": "Estimat", "en": "Estimate"},
            "lower": {"da": "Nedre grænse", "en": "Lower limit"},
            "upper": {"da": "Øvre grænse", "en": "Upper limit"},
        },
        note={"da": "Kroner og leveår pr. person.", "en": "Kroner and life-years per person."},
    )
    out.estimates(
        "plane",
        pd.DataFrame(
            {
                "replicate": np.arange(300),
                "life_years": draws.normal(0.47, 0.08, 300),
                "cost": draws.normal(228_000, 20_000, 300),
            }
        ),
        persons=persons,
        replicate="replicate",
    )
    worth = np.arange(0, 1_000_001, 50_000)
    out.estimates(
        "acceptability",
        pd.DataFrame(
            {"willingness_to_pay": worth, "probability": 1 / (1 + np.exp(-(worth - 485_000) / 80_000))}
        ),
        persons=persons,
        units={"willingness_to_pay": "DKK"},
    )
    subgroups = [
        ("squamous", "total cost", 180, 201_000.5, 150_000.0, 260_000.0),
        ("squamous", "life-years", 180, 0.21, -0.05, 0.46),
        ("other", "total cost", 820, 236_000.5, 195_000.0, 280_000.0),
        ("other", "life-years", 820, 0.55, 0.36, 0.74),
    ]
    out.estimates(
        "subgroup",
        pd.DataFrame(subgroups, columns=["morphology", "quantity", "persons", "estimate", "lower", "upper"]),
        persons="persons",
        by=["morphology", "quantity"],
    )


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(root=tmp_path / "home", database_url=f"sqlite:///{tmp_path / 'home' / 'x.db'}")


def manifest_of(study: str) -> Manifest:
    """What a run of a study would have said of itself."""
    return Manifest(
        run=f"{study}-20261122104500-1f2e",
        user="anna",
        study=study,
        study_files={"analysis.ipynb": "0" * 64},
        parameters={"horizon_years": 5, "price_new": 21000.0},
        seed=1,
        permit="lung-cancer",
        permit_digest="1" * 64,
        freeze="synthetic-2026",
        extract_digest="2" * 64,
        policy=Policy(profile="default", digest=profile("default").digest),
        surroundings=Surroundings.here(),
        started=datetime(2026, 11, 22, 10, 45, tzinfo=UTC),
        finished=datetime(2026, 11, 22, 10, 46, tzinfo=UTC),
        outputs={},
    )


@pytest.fixture
def let_out(site: Site, tmp_path: Path) -> Callable[[str, Callable[[Outputs], None]], str]:
    """Let a study's outputs out: the id of a release whose outputs have passed the check."""

    def store_outputs(study: str, write: Callable[[Outputs], None]) -> str:
        outbox = tmp_path / f"outbox-{study}"
        outbox.mkdir()
        write(Outputs(outbox))
        stopping = [finding.line for finding in check(outbox, profile("default")) if finding.blocks]
        assert stopping == []
        about = About(
            release=RELEASE,
            manifest=manifest_of(study),
            manifest_digest="3" * 64,
            author="anna",
            reviewers=("bo", "kim"),
            released=datetime(2026, 11, 23, 9, 0, tzinfo=UTC),
            outputs={},
        )
        store(site, outbox, about)
        return RELEASE

    return store_outputs


@pytest.fixture
def release(let_out: Callable[[str, Callable[[Outputs], None]], str]) -> str:
    """A release of the study drug_cost_effectiveness."""
    return let_out("drug_cost_effectiveness", emit)


@pytest.fixture
def browser() -> "Iterator[BrowserContext]":
    """Chromium without a network; must be there in CI."""
    if not CHROMIUM.exists():
        message = f"{CHROMIUM} is not there: install Debian's chromium to see the report as a reader does"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=str(CHROMIUM),
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        context = started.new_context(offline=True)
        yield context
        started.close()


@pytest.fixture
def opened(browser: "BrowserContext") -> "Callable[[Path], Page]":
    """Open a published page as a reader does: it asks for nothing, has headings in order, each id once."""

    def open_page(path: Path) -> "Page":
        page = browser.new_page()
        asked: list[str] = []
        said: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.goto(path.as_uri())
        assert asked == [path.as_uri()]
        assert said == []
        tags = page.eval_on_selector_all("h1, h2, h3", "all => all.map(h => h.tagName)")
        levels = [int(tag[1]) for tag in tags]
        assert levels[0] == 1
        assert all(later - earlier <= 1 for earlier, later in pairwise(levels))
        identifiers = page.eval_on_selector_all("[id]", "all => all.map(one => one.id)")
        assert len(identifiers) == len(set(identifiers))
        return page

    return open_page
