"""What a protocol answers of the checklist, and what holds of every study."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from sundbench.cohort.attrition.chart import step_texts
from sundbench.cohort.events.event import Event
from sundbench.cohort.following.outcomes import Outcome
from sundbench.cohort.language import Language, listed, said
from sundbench.cohort.populations.new_users import NewUsers
from sundbench.cohort.populations.sets import Sets
from sundbench.cohort.protocol.code_names import named
from sundbench.cohort.protocol.parts import Said, sections
from sundbench.cohort.record_pe.design import Design
from sundbench.cohort.record_pe.held import Held
from sundbench.cohort.sources import SOURCES
from sundbench.cohort.study import Study


@dataclass(frozen=True)
class Known:
    """What answers are made from.

    Attributes:
        study: the protocol.
        held: the registers that it reads, as the extract holds them.
        designs: the designs of the analysis.
        exposed: those of the outcomes that are exposures: recurrent ones of self-controlled designs.
    """

    study: Study
    held: tuple[Held, ...]
    designs: tuple[Design, ...]
    exposed: tuple[str, ...]

    @property
    def outcomes(self) -> Mapping[str, Outcome]:
        """The outcomes that aren't exposures."""
        return {name: one for name, one in self.study.endpoints.items() if name not in self.exposed}

    @property
    def exposures(self) -> Mapping[str, Said]:
        """What persons are exposed to: arms of the population, states in follow-up, days of dispensing."""
        found: dict[str, Said] = dict(self.study.population.treatments)
        found |= self.study.exposures
        return found | {name: self.study.endpoints[name] for name in self.exposed}

    @property
    def views(self) -> frozenset[str]:
        """The views that exposures come from."""
        events: list[Event] = [event for _, event in self.study.population.treatments]
        events += [one.event for one in self.study.exposures.values()]
        events += [self.study.endpoints[name].event for name in self.exposed]
        return frozenset(part.view for event in events for part in event.parts)

    @property
    def held_of_exposures(self) -> tuple[Held, ...]:
        """The registers that exposures come from."""
        registers = {name for view in self.views for name in SOURCES[view].registers}
        return tuple(one for one in self.held if one.register in registers)

    @property
    def self_controlled(self) -> bool:
        """Whether each person is compared with him- or herself alone."""
        return all(design.within_persons for design in self.designs)


def answers(known: Known, language: Language) -> dict[str, str]:
    """Answers by the items' numbers; items that the protocol says nothing about have none."""
    found = {number: answer(known, language) for number, answer in _ANSWERS.items()}
    for one in _statements():
        if one.of is None or one.of in known.views:
            found[one.number] = " ".join(
                filter(None, [found.get(one.number), said(language, one.en, one.da)])
            )
    return {number: text for number, text in found.items() if text}


@dataclass(frozen=True)
class _Statement:
    number: str
    en: str
    da: str
    of: str | None = None


@cache
def _statements() -> tuple[_Statement, ...]:
    file = files("sundbench.cohort.record_pe").joinpath("statements.toml")
    return tuple(_Statement(**one) for one in tomllib.loads(file.read_text(encoding="utf-8")).values())


def _parts(parts: Mapping[str, Said], language: Language) -> str:
    """Named parts of a protocol with what they are, a line each."""
    return "\n".join(f"{name}: {one.in_words(language)}." for name, one in parts.items())


def _titled(title: str, text: str) -> str:
    """A text under its title; on lines of its own where it has several."""
    between = "\n" if "\n" in text else " "
    return f"{title}:{between}{text}" if text else ""


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _joined(parts: Iterable[str]) -> str:
    """Parts one after the other, each on a line of its own if any of them has several."""
    found = [part for part in parts if part]
    return ("\n" if any("\n" in part for part in found) else " ").join(found)


def _designs(known: Known, language: Language) -> str:
    return listed(language, (design.in_words(language) for design in known.designs), "and")


def _design(known: Known, language: Language) -> str:
    return _sentence(_designs(known, language))


def _databases(known: Known, language: Language) -> str:
    titles = listed(language, (one.titled(language) for one in known.held), "and")
    return said(language, f"National registers: {titles}.", f"Landsdækkende registre: {titles}.")


def _entry(known: Known, language: Language) -> str:
    """The protocol's own section on entry; nothing where the population says the day."""
    if known.study.population.index_day is not None:
        return ""
    title = said(language, "Entry", "Inklusionsperiode")
    section = next(one for one in sections(known.study, language) if one.title == title)
    return f"{section.title}: {section.said}."


def _region(known: Known, language: Language) -> str:
    on = known.study.population.index_day
    day = "" if on is None else _sentence(known.study.population.in_words(language))
    return _joined([said(language, "Denmark.", "Danmark."), _entry(known, language), day])


def _elements(known: Known, language: Language) -> str:
    return _joined([_design(known, language), _sentence(known.study.population.in_words(language))])


def _follow_up(known: Known, language: Language) -> str:
    if known.study.follow_up is None:
        return said(language, "Nobody is followed after the index day.", "Ingen følges efter indeksdatoen.")
    title = said(language, "Follow-up", "Opfølgning")
    return f"{title}: {known.study.follow_up.in_words(language)}."


def _features_of_design(known: Known, language: Language) -> str:
    number = (
        said(language, "Several designs:", "Flere designs:")
        if len(known.designs) > 1
        else said(language, "One design:", "Ét design:")
    )
    within = said(
        language,
        "Each person is compared with him- or herself, so that what doesn't change over time can't confound.",
        "Hver person sammenlignes med sig selv, så det, der ikke ændrer sig over tid, ikke kan forstyrre.",
    )
    return _joined([number, f"{_designs(known, language)}.", within if known.self_controlled else ""])


def _windows(known: Known, language: Language) -> str:
    return _joined(
        [
            said(language, "The index day is day 0.", "Indeksdatoen er dag 0."),
            _titled(said(language, "Required", "Krav"), _parts(known.study.require, language)),
            _titled(said(language, "Covariates", "Kovariater"), _parts(known.study.covariates, language)),
            _follow_up(known, language),
        ]
    )


def _setting(known: Known, language: Language) -> str:
    covered = listed(language, (one.covers(language) for one in known.held))
    return _joined([_region(known, language), _follow_up(known, language), f"Data: {covered}."])


def _eligible(known: Known, language: Language) -> str:
    return _joined(
        [
            _sentence(known.study.population.in_words(language)),
            _entry(known, language),
            _titled(said(language, "Required", "Krav"), _sentence("; ".join(known.study.require))),
            _follow_up(known, language),
        ]
    )


def _matching(known: Known, language: Language) -> str:
    if isinstance(known.study.population, Sets):
        return _sentence(known.study.population.in_words(language))
    return said(language, "The protocol matches nobody.", "Protokollen matcher ingen.")


def _codes_of_selection(known: Known, language: Language) -> str:
    return _joined(
        [
            _sentence(known.study.population.in_words(language)),
            _parts(known.study.require, language),
            _names_of_codes([known.study.population, *known.study.require.values()], language),
        ]
    )


def _names_of_codes(parts: Iterable[object], language: Language) -> str:
    names = "; ".join(f"{code} {name}" for code, name in named(tuple(parts), language))
    return _titled(said(language, "Codes", "Koder"), f"{names}." if names else "")


def _order_of_entry(known: Known, language: Language) -> str:
    steps = "; ".join(f"({n}) {one}" for n, one in enumerate(step_texts(known.study, language), 1))
    once = (
        said(language, "One person may be in several sets.", "Samme person kan være i flere sæt.")
        if isinstance(known.study.population, Sets)
        else said(language, "Each person enters once.", "Hver person indgår én gang.")
    )
    return f"{steps}. {once}"


def _variables(known: Known, language: Language) -> str:
    study = known.study
    parts = (
        (said(language, "Outcomes", "Udfald"), known.outcomes),
        (said(language, "Exposures", "Eksponeringer"), known.exposures),
        (said(language, "Covariates", "Kovariater"), study.covariates),
        (said(language, "Other measures", "Øvrige mål"), study.measures),
    )
    return _joined(f"{title}: {', '.join(which)}." for title, which in parts if which)


def _codes_of_variables(known: Known, language: Language) -> str:
    study = known.study
    whole: tuple[Mapping[str, Said], ...] = (
        known.outcomes,
        known.exposures,
        study.covariates,
        study.measures,
    )
    values = [one for mapping in whole for one in mapping.values()]
    return _joined([*(_parts(one, language) for one in whole), _names_of_codes(values, language)])


def _sources_of_exposure(known: Known, language: Language) -> str:
    return _sentence(listed(language, (one.titled(language) for one in known.held_of_exposures), "and"))


def _time_of_exposure(known: Known, language: Language) -> str:
    seen = listed(language, (one.covers(language) for one in known.held_of_exposures))
    before = said(
        language,
        f"What was dispensed before the data begin isn't seen: {seen}.",
        f"Det, der er udleveret, før data begynder, ses ikke: {seen}.",
    )
    return _joined([_parts(known.exposures, language), before if seen else ""])


def _attribution(known: Known, language: Language) -> str:
    if known.self_controlled:
        return said(
            language,
            "Events in the stated windows after a dispensing are attributed to it; the person's other time "
            "is the comparison.",
            "Hændelser i de angivne vinduer efter en udlevering henføres til den; personens øvrige tid er "
            "sammenligningen.",
        )
    follow_up = known.study.follow_up
    if follow_up is not None and follow_up.on_treatment is not None:
        return _sentence(follow_up.on_treatment.in_words(language))
    if known.study.exposures:
        return _parts(known.study.exposures, language)
    return said(
        language,
        "Persons are followed in the group that they entered, whatever they take later (intention to treat).",
        "Personerne følges i den gruppe, de indgår i, uanset hvad de senere tager (intention to treat).",
    )


def _comparators(known: Known, language: Language) -> str:
    if known.self_controlled:
        return said(language, "Each person's own other time.", "Hver persons egen øvrige tid.")
    arms = known.study.population.arms
    return _sentence(listed(language, arms, "and")) if len(arms) > 1 else ""


def _several_medicines(known: Known, language: Language) -> str:
    population, follow_up = known.study.population, known.study.follow_up
    if not isinstance(population, NewUsers) or len(population.arms) < 2:
        return ""
    words = [said(language, "As stated under 6a.", "Som anført under 6a.")]
    if follow_up is not None and follow_up.crossover:
        words.append(
            said(
                language,
                "Follow-up ends when a person gets what would put them into another arm.",
                "Opfølgningen slutter, når en person får det, der ville føre til en anden arm.",
            )
        )
    return _joined(words)


def _sources(known: Known, language: Language) -> str:
    return _sentence(
        "; ".join(f"{one.titled(language)} {one.period(language)}".rstrip() for one in known.held)
    )


_KINDS: Mapping[str, tuple[str, str]] = {
    "bool": ("yes or no", "ja eller nej"),
    "int": ("a number", "et tal"),
    "float": ("a number", "et tal"),
    "date": ("a day", "en dag"),
    "text": ("categories", "kategorier"),
}


def _kinds(known: Known, language: Language) -> str:
    kinds = (
        f"{name}: {said(language, *_KINDS.get(feature.kind, (feature.kind, feature.kind)))}"
        for name, feature in known.study.covariates.items()
    )
    return _sentence("; ".join(kinds))


def _several_designs(known: Known, language: Language) -> str:
    if len(known.designs) < 2:
        return said(language, "One design is used.", "Ét design er brugt.")
    why = said(
        language,
        "They rest on different assumptions: where they agree, an error must be in both.",
        "De hviler på forskellige forudsætninger: hvor de er enige, skulle fejlen være i begge.",
    )
    return _joined([_design(known, language), why])


_ANSWERS: Mapping[str, Callable[[Known, Language], str]] = {
    "1a": _design,
    "1.1": _databases,
    "1.2": _region,
    "4": _elements,
    "4.a": _features_of_design,
    "4.b": _windows,
    "5": _setting,
    "6a": _eligible,
    "6b": _matching,
    "6.1": _codes_of_selection,
    "6.1.a": _order_of_entry,
    "7": _variables,
    "7.1": _codes_of_variables,
    "7.1.b": _sources_of_exposure,
    "7.1.c": _time_of_exposure,
    "7.1.d": _attribution,
    "7.1.f": _comparators,
    "7.1.g": _several_medicines,
    "8": _sources,
    "11": _kinds,
    "12d": _follow_up,
    "12.1.b": _several_designs,
}
