"""Primary care (sysi, sssy) and laboratory results (lab_forsker), in reduced numbers."""

from __future__ import annotations

import numpy as np
import polars as pl

from sundbench.registers.synthetic.columns import codes, dates
from sundbench.registers.synthetic.events import PersonYears, scatter
from sundbench.registers.synthetic.figures import Days, Indices, day, figures, year_of
from sundbench.registers.synthetic.world import World


def fee_weeks(when: Days) -> Indices:
    """Fee weeks ``yyww``: the ISO weeks in which days fall."""
    # An ISO week belongs to the year of its Thursday.
    thursday = when - (when + 3) % 7 + 3
    year = year_of(thursday)
    first = (year - 1970).astype("datetime64[Y]").astype("datetime64[D]").astype(np.int32)
    week = (thursday - first) // 7 + 1
    return np.asarray(year % 100 * 100 + week, dtype=np.int64)


def write_services(world: World, years: PersonYears, enrolled: tuple[Indices, Days]) -> None:
    """Write sysi (to 2005) and sssy (from 2005): both hold 2005, the same services.

    Args:
        world: the chunk.
        years: their years of ordinary care.
        enrolled: places and days of the services of the enrolled after entry.
    """
    rng = world.stream("services")
    table = figures("primary_care")
    rate = np.interp(years.age, table["rates"]["ages"], table["rates"]["per_year"])
    woman = world.lives.persons.sex[years.person] == 2
    rate = rate * np.where(woman, table["rates"]["women"], 2 - table["rates"]["women"])
    rate = rate * np.exp(0.3 * world.lives.frailty[years.person] - 0.045)
    _, person, when = scatter(years, rate, rng)
    person = np.concatenate([person, enrolled[0]])
    when = np.concatenate([when, enrolled[1]])
    kept = when <= world.plan.end
    person, when = person[kept], when[kept]
    # The fee week lies some weeks after the service. The enrolled's services keep theirs within the week.
    late = np.floor(rng.exponential(table["services"]["weeks_to_fee_mean"], len(when))) * 7
    late[len(late) - int(kept[len(kept) - len(enrolled[0]) :].sum()) :] = 0
    paid = np.minimum(when + late, world.plan.end).astype(np.int32)
    year = year_of(paid - (paid + 3) % 7 + 3)
    order = np.argsort(year.astype(np.int16), kind="stable")
    person, when, paid, year = person[order], when[order], paid[order], year[order]
    services, fees, weights = zip(*table["services"]["list"], strict=True)
    pick = rng.choice(len(services), len(when), p=np.array(weights) / sum(weights))
    child = rng.random(len(when)) < table["services"]["child_share"]
    frame = pl.DataFrame(
        {
            "pnr": world.numbers.at(person, when),
            "honuge": pl.Series(fee_weeks(paid)).cast(pl.String).str.zfill(4),
            "barnmak": child.astype(np.int8),
            "speciale": codes(list(services), pick),
            "ydlant": np.ones(len(when), dtype=np.int8),
            "bruhon": codes([f"{fee:.2f}" for fee in fees], pick),
            "ydernr": person % 900 + 1000,
            "sikgrup": np.where(person % 100 == 0, 2, 1).astype(np.int8),
        }
    )
    first_new = int(np.searchsorted(year, 2005))
    last_old = int(np.searchsorted(year, 2006))
    world.output.add("sysi", frame[:last_old], year[:last_old])
    world.output.add("sssy", frame[first_new:], year[first_new:])


def write_laboratory(world: World, years: PersonYears) -> None:
    """Write lab_forsker from 2008: numbers as text, some of them not numbers, such as ``<5``."""
    rng = world.stream("laboratory")
    table = figures("primary_care")["laboratory"]
    rate = np.interp(years.age, table["ages"], table["per_year"]) * (years.year >= 2008)
    rate = rate * np.interp(years.year, (2008, 2015), (0.3, 1.0))
    _, person, when = scatter(years, rate, rng)
    kept = (when >= day("2008-01-01")) & (when <= world.plan.end)
    person, when = person[kept], when[kept]
    tests, means, sds, units, limits, weights, digits = zip(*table["tests"], strict=True)
    pick = rng.choice(len(tests), len(when), p=np.array(weights) / sum(weights))
    value = np.array(means)[pick] + np.array(sds)[pick] * rng.standard_normal(len(when))
    diabetic = (
        np.minimum(world.health.first("type_2_diabetes"), world.health.first("type_1_diabetes"))[person]
        <= when
    )
    value = np.where((pick == 0) & diabetic, value + 14, value)
    value = np.maximum(np.abs(value), 0.1)
    scaled = np.round(value * 10 ** np.array(digits)[pick]).astype(np.int64)
    whole = pl.Series(scaled).cast(pl.String)
    decimal = pl.Series(scaled / 10.0).cast(pl.String)
    text = pl.select(
        pl.when(pl.Series(np.array(digits)[pick] == 0)).then(whole).otherwise(decimal)
    ).to_series()
    limit = np.array(limits)[pick]
    below = (limit > 0) & (value < limit)
    text = pl.select(
        pl.when(pl.Series(below)).then(pl.lit("<") + pl.Series(limit).cast(pl.String)).otherwise(text)
    ).to_series()
    odd = rng.random(len(when)) < table["text_share"]
    words = codes(table["text_results"], rng.integers(0, len(table["text_results"]), len(when)))
    text = pl.select(pl.when(pl.Series(odd)).then(words).otherwise(text)).to_series()
    frame = pl.DataFrame(
        {
            "pnr": world.numbers.at(person, when),
            "samplingdate": dates(when, "iso"),
            "analysiscode": codes(list(tests), pick),
            "value": text,
            "unit": codes(list(units), pick),
            "laboratorium_idcode": codes(["AAA", "BBB", "CCC"], person % 3),
        }
    )
    world.output.add("lab_forsker", frame, np.full(len(when), world.plan.last))
