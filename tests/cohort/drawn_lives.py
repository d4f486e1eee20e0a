"""What happens to persons, and events that ask for it, drawn at random."""

from __future__ import annotations

from datetime import date, timedelta

from drawn_features import days
from hypothesis import strategies as st
from reference_events import Happening

import sundbench as sb

ATC = ["B01AF02", "B01AA03", "C10AA05", "C10AA01", "A10BA02"]
ICD = ["DI489", "DK922", "DE112", "DE110", "DC349", "DC789", "DI500", "41099"]

dispensings = st.builds(
    lambda day, code, packages, price, vnr, strength, unit: Happening(
        "dispensings",
        day,
        code,
        values=(("packages", float(packages)), ("price", price)),
        traits=(("vnr", vnr), ("strength", strength), ("strength_unit", unit)),
    ),
    days,
    st.sampled_from(ATC),
    st.integers(1, 3),
    st.integers(0, 9999),
    st.sampled_from([None, "001234", "1234", "999999"]),
    st.sampled_from([None, 10.0, 20.0]),
    st.sampled_from([None, "MG", "mg", "g"]),
)
diagnoses = st.builds(
    lambda day, code, kind: Happening("diagnoses", day, code, kind),
    days,
    st.sampled_from(ICD),
    st.sampled_from("ABGH"),
)
procedures = st.builds(
    lambda day, code: Happening("procedures", day, code), days, st.sampled_from(["BOHJ19J3", "BWHA204"])
)
results = st.builds(
    lambda day, value, sign, unit: Happening(
        "laboratory",
        day,
        "NPU27300",
        values=(("value", value),),
        traits=(("operator", sign if value is not None else None), ("unit", unit)),
    ),
    days,
    st.one_of(st.none(), st.sampled_from([48.0, 48.1]), st.integers(0, 900).map(lambda n: n / 10)),
    st.sampled_from(["", "", "<", "<=", ">", ">="]),
    st.sampled_from([None, "mmol/mol", "%"]),
)
deaths = st.builds(
    lambda day, cause, other: Happening(
        "deaths", day, traits=(("cause", cause), ("contributing", (other,) if cause and other else ()))
    ),
    days,
    st.sampled_from([None, "DI219", "DC349", "DD649"]),
    st.sampled_from([None, "DI109", "DC349"]),
)
emigrations = st.builds(lambda day: Happening("emigrations", day), days)
tumours = st.builds(
    lambda day, code, morphology: Happening("tumours", day, code, traits=(("morphology", morphology),)),
    days,
    st.sampled_from(["DC449", "DC349", "DD059", ""]),
    st.sampled_from([None, "M81403", "M80703"]),
)
services = st.builds(
    lambda day, code, many, fee: Happening(
        "services", day - timedelta(days=day.weekday()), code, values=(("services", many), ("fee", fee))
    ),
    days,
    st.sampled_from(["800101", "800120", "540101"]),
    st.one_of(st.none(), st.integers(0, 4)),
    st.integers(0, 9999),
)
contacts = st.tuples(
    days,
    st.one_of(st.none(), st.integers(0, 9)),
    st.sampled_from(["inpatient", "inpatient", "outpatient", "emergency", None]),
    st.sampled_from([True, False, None]),
    st.sampled_from(["06", "20", None]),
    st.lists(st.tuples(st.sampled_from(ICD), st.sampled_from("ABG")), max_size=2),
)


def of_hospital(drawn):
    """Contacts with their diagnoses, and the stays that the inpatient ones of them make."""
    found, inpatient = [], []
    for number, (day, nights, kind, acute, specialty, coded) in enumerate(drawn):
        end = None if nights is None else day + timedelta(days=nights)
        traits = tuple({"contact": number, "class": kind, "acute": acute}.items())
        traits += (("specialty", specialty), ("end", end))
        found.append(Happening("contacts", day, values=(("days", nights),), traits=traits))
        found += [Happening("diagnoses", day, code, one, traits=traits) for code, one in coded]
        if kind == "inpatient":
            inpatient.append((day, end or date.max, number, acute))
    stays = []
    for day, end, _, acute in sorted(inpatient, key=lambda one: one[:3]):
        if stays and (stays[-1][1] == date.max or day <= stays[-1][1] + timedelta(days=1)):
            stays[-1][1] = max(stays[-1][1], end)
            stays[-1][3] += 1
        else:
            stays.append([day, end, acute, 1])
    for day, end, acute, many in stays:
        nights = None if end == date.max else (end - day).days
        values = (("days", nights), ("contacts", many))
        found.append(Happening("stays", day, values=values, traits=(("acute", acute),)))
    return found


lives = st.builds(
    lambda *parts: tuple(happening for part in parts for happening in part),
    st.lists(dispensings, min_size=1, max_size=8),
    st.lists(diagnoses, max_size=4),
    st.lists(contacts, max_size=3).map(of_hospital),
    st.lists(procedures, max_size=2),
    st.lists(results, max_size=3),
    st.lists(tumours, max_size=3),
    st.lists(services, max_size=3),
    st.lists(deaths, max_size=1),
    st.lists(emigrations, max_size=1),
)
years = st.lists(
    st.tuples(
        st.integers(2009, 2013),
        st.sampled_from([None, "1010", "3538", "5020"]),
        st.one_of(st.none(), st.integers(-500, 99999)),
    ),
    max_size=3,
    unique_by=lambda one: one[0],
).map(tuple)

EVENTS = [
    sb.dispensing("C10AA"),
    sb.dispensing(["C10AA05", "A10"]),
    sb.dispensing("C10", exclude="C10AA05"),
    sb.dispensing(["A10", "C10AA01-C10AA04"], strength=(10, 15, "mg")),
    sb.dispensing(product="1234"),
    sb.dispensing(),
    sb.diagnosis("DI48"),
    sb.diagnosis(["DE11", "410"], position="ABG"),
    sb.diagnosis("DK922", position="A"),
    sb.diagnosis(["DC00-DC77", "DI40-DI50"], exclude="DI48"),
    sb.diagnosis("DI48-DK93", contact="inpatient"),
    sb.diagnosis("DE11", acute=False, contact=["outpatient", "emergency"]),
    sb.diagnosis(["DI48", "DC34"], specialty="kardiologi"),
    sb.contact(),
    sb.contact("inpatient", specialty=["06", "neurologi"]),
    sb.contact(acute=True),
    sb.stay(),
    sb.stay(acute=True),
    sb.procedure("BOHJ"),
    sb.lab("NPU27300"),
    sb.lab("NPU27300", at_least=48, unit="mmol/mol"),
    sb.lab("NPU27300", above=48),
    sb.lab("NPU27300", above=20, at_most=48.1),
    sb.lab("NPU27300", below=48, unit=["mmol/mol", "%"]),
    sb.death(),
    sb.death("I00-I99"),
    sb.death("C34", contributing=True),
    sb.death("C00-I99", exclude="D50-D89"),
    sb.emigration(),
    sb.tumour(),
    sb.tumour("C34", exclude="C44", first=True),
    sb.tumour(first=True, morphology="8140"),
    sb.tumour(exclude="D05"),
    sb.service("80"),
    sb.service(exclude="8001"),
    sb.procedure("BWHA204") | sb.dispensing("C10AA05"),
    sb.diagnosis("DI50", contact="inpatient") | sb.death(),
    sb.stay() | sb.contact("emergency"),
]
events = st.sampled_from(EVENTS)
