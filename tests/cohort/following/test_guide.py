"""What the guide shows of follow-up runs."""

import re

import polars as pl

import sundbench as sb

DRUG = "B01AF02"


def test_the_guides_example_runs(people, extract, study, repository):
    guide = (repository / "docs" / "cohorts.md").read_text(encoding="utf-8")
    section = guide.split("\n## Follow-up\n")[1].split("\n## ")[0]
    protocol, analysis = re.findall(r"```\n(.*?)```", section, re.DOTALL)
    names: dict = {"sb": sb}
    exec(protocol, names)
    persons = [
        people.person(n, people.gets(DRUG, 0), people.ill("DI619", 40 + n), people.gets("C10AA01", 20))
        for n in range(1, 5)
    ]
    bought = [happening for person in persons for happening in person.life if happening.view == "dispensings"]
    lmdb = pl.DataFrame(
        {
            "person": [person.number for person in persons for _ in range(2)],
            "eksd": [one.date for one in bought],
            "atc": [one.code for one in bought],
            "vnr": ["1"] * len(bought),
            "apk": [1] * len(bought),
            "eksp": [100] * len(bought),
            "volume": [60.0] * len(bought),
        }
    )
    wanted = {name: names[name] for name in ("follow_up", "outcomes", "exposures")}
    asked = study(covariates={"age": sb.age(), "sex": sb.sex()}, **wanted)
    names["cohort"] = asked.collect(extract(*persons, more={"lmdb": lmdb}))
    exec(analysis, names)
    assert names["rates"]["events"].sum() == 4
    assert names["cohort"].notes == ("nobody starts warfarin: nothing can be compared with it",)
    pieces = names["cohort"].split("bleeding", exposures=["statin"], keep=["sex"]).frame
    assert set(pieces["statin"]) == {"current"}
