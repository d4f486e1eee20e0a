"""Relatives: who shares parents with a person, who are their parents, whose parent they are."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from sundbench.cohort.matching.pools import Pools
from sundbench.cohort.populations.families import RELATIONS, Relatives

_WANTED = {
    "full": "full sibling",
    "maternal half": "maternal half-sibling",
    "paternal half": "paternal half-sibling",
}


@dataclass(frozen=True, eq=False)
class Families:
    """All relatives of all probands.

    Attributes:
        found: ``case`` (the proband's place), ``person``, ``index``, ``relation``, by case and person.
    """

    found: pl.DataFrame

    @classmethod
    def of(cls, design: Relatives, cases: pl.DataFrame, pools: Pools) -> Families:
        """Find them.

        Args:
            design: the population.
            cases: ``person`` and ``index``.
            pools: as ``pools.pools`` gives them, of all buckets.
        """
        people = pools["people"]
        probands = (
            cases.select("person", "index")
            .with_row_index("case")
            .join(people.drop("born"), on="person", how="left")
            .rename({"person": "proband", "mother": "own_mother", "father": "own_father"})
        )
        kin = {"siblings": _siblings, "parents": _parents, "children": _children}[design.kinship]
        found = kin(probands, people)
        if design.siblings is not None and design.siblings != "any":
            found = found.filter(pl.col("relation") == _WANTED[design.siblings])
        born = people.select("person", "born")
        return cls(
            found.join(born, on="person", how="inner")
            .filter((pl.col("born") <= pl.col("index")) & (pl.col("person") != pl.col("proband")))
            .select("case", "person", "index", pl.col("relation").cast(pl.Enum(design.relations)))
            .sort("case", "person")
        )

    def all(self) -> pl.DataFrame:
        """All of them."""
        return self.found


_OF_PROBAND = ("case", "proband", "index", "own_mother", "own_father")


def _siblings(probands: pl.DataFrame, people: pl.DataFrame) -> pl.DataFrame:
    shared = [
        probands.filter(pl.col(f"own_{parent}").is_not_null()).join(
            people.select("person", "mother", "father", pl.col(parent).alias("shared")),
            left_on=f"own_{parent}",
            right_on="shared",
            how="inner",
            coalesce=False,
        )
        for parent in ("mother", "father")
    ]
    full, maternal, paternal, unknown = RELATIONS["siblings"]
    mothers = pl.col("mother") == pl.col("own_mother")
    fathers = pl.col("father") == pl.col("own_father")
    relation = (
        pl.when(mothers & fathers)
        .then(pl.lit(full))
        .when(mothers & ~fathers)
        .then(pl.lit(maternal))
        .when(fathers & ~mothers)
        .then(pl.lit(paternal))
        .otherwise(pl.lit(unknown))
    )
    together = pl.concat([one.select(*_OF_PROBAND, "person", "mother", "father") for one in shared])
    return together.unique(["case", "person"]).with_columns(relation.alias("relation"))


def _parents(probands: pl.DataFrame, people: pl.DataFrame) -> pl.DataFrame:
    return pl.concat(
        [
            probands.filter(pl.col(f"own_{name}").is_not_null()).select(
                *_OF_PROBAND, pl.col(f"own_{name}").alias("person"), pl.lit(name).alias("relation")
            )
            for name in RELATIONS["parents"]
        ]
    ).unique(["case", "person"], keep="first", maintain_order=True)


def _children(probands: pl.DataFrame, people: pl.DataFrame) -> pl.DataFrame:
    born_of = [
        probands.join(
            people.filter(pl.col(parent).is_not_null()).select("person", pl.col(parent).alias("parent")),
            left_on="proband",
            right_on="parent",
            how="inner",
        ).select(*_OF_PROBAND, "person")
        for parent in ("mother", "father")
    ]
    return pl.concat(born_of).unique(["case", "person"]).with_columns(pl.lit("child").alias("relation"))
