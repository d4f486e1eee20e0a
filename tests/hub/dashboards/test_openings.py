"""How many dashboards are opened at once, and what becomes of pages that were closed. Nothing is started."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sundbench.errors import AuditError, ReleaseError
from sundbench.hub.dashboards import openings
from sundbench.hub.dashboards.offers import Offer
from sundbench.hub.dashboards.openings import Openings
from sundbench.hub.refusal import Refused
from sundbench.registers.catalogue import Text
from sundbench.release.report import Contact, ReportFile


def offer(name: str = "report", release: str = "r1") -> Offer:
    about = ReportFile(
        id=name,
        title=Text(da="Titel", en="Title"),
        subtitle=Text(da="Under", en="Below"),
        study="study",
        needs=("table",),
        contact=Contact(name="Sundbench", email="kontakt@sundbench.example"),
    )
    return Offer(Path("reports") / name, about, release, datetime(2026, 11, 22, tzinfo=UTC), False)


class Drawn:
    """Stands in for the drawing and the audit log: notes what was begun, ended and recorded."""

    def __init__(self) -> None:
        self.ready = asyncio.Event()
        self.fails: Exception | None = None
        self.unrecorded: Exception | None = None
        self.begun: list[str] = []
        self.ended: list[str] = []
        self.recorded: list[tuple[str, str]] = []

    async def draw(self, offer: Offer) -> str:
        self.begun.append(offer.about.id)
        try:
            await self.ready.wait()
            if self.fails:
                raise self.fails
            return f"page of {offer.about.id}"
        finally:
            self.ended.append(offer.about.id)

    async def record(self, user: str, offer: Offer) -> None:
        if self.unrecorded:
            raise self.unrecorded
        self.recorded.append((user, offer.about.id))


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Drawn:
    monkeypatch.setattr(openings, "PATIENCE", 0.02)
    monkeypatch.setattr(openings, "FORGOTTEN", 0.1)
    return Drawn()


def made(drawn: Drawn, at_once: int = 2) -> Openings:
    return Openings(drawn.draw, drawn.record, at_once)


def test_a_page_is_waited_for_in_short_requests_and_handed_over_once(drawn: Drawn):
    async def opening() -> None:
        opens = made(drawn)
        assert await opens.page("palle", offer()) is None
        assert await opens.page("palle", offer()) is None
        drawn.ready.set()
        assert await opens.page("palle", offer()) == "page of report"
        assert (drawn.begun, drawn.recorded) == (["report"], [("palle", "report")])
        assert await opens.page("palle", offer()) == "page of report"
        assert drawn.begun == ["report", "report"]  # nothing was kept

    asyncio.run(opening())


def test_readers_dont_get_each_others_pages(drawn: Drawn):
    async def opening() -> None:
        opens = made(drawn)
        await opens.page("palle", offer())
        await opens.page("petra", offer())
        assert drawn.recorded == [("palle", "report"), ("petra", "report")]
        await opens.close()

    asyncio.run(opening())


def test_one_more_than_the_most_is_refused_until_one_is_done(drawn: Drawn):
    async def opening() -> None:
        opens = made(drawn)
        await opens.page("palle", offer("first"))
        await opens.page("palle", offer("second"))
        with pytest.raises(Refused, match="Too many") as refused:
            await opens.page("palle", offer("third"))
        assert refused.value.status == 503
        assert "for mange" in refused.value.da
        drawn.ready.set()
        assert await opens.page("palle", offer("first")) == "page of first"
        assert await opens.page("palle", offer("third")) == "page of third"

    asyncio.run(opening())


def test_a_page_that_was_closed_ends_its_kernel_and_frees_its_place(drawn: Drawn):
    async def opening() -> None:
        opens = made(drawn, at_once=1)
        sweeping = asyncio.ensure_future(opens.sweep())
        await opens.page("palle", offer("first"))
        async with asyncio.timeout(30):
            while drawn.ended != ["first"]:
                await asyncio.sleep(0.01)
        assert await opens.page("palle", offer("second")) is None
        sweeping.cancel()
        await opens.close()
        assert drawn.ended == ["first", "second"]

    asyncio.run(opening())


def test_without_a_record_nothing_is_drawn(drawn: Drawn):
    async def opening() -> None:
        drawn.unrecorded = AuditError("the writer is down")
        with pytest.raises(Refused, match="audit log"):
            await made(drawn).page("palle", offer())
        assert drawn.begun == []

    asyncio.run(opening())


@pytest.mark.parametrize(
    ("fault", "status"),
    [(ValueError("secret"), 500), (ReleaseError("a path"), 500), (TimeoutError(), 503)],
)
def test_a_fault_is_told_without_its_words_and_the_next_try_begins_anew(
    drawn: Drawn, fault: Exception, status: int
):
    async def opening() -> None:
        opens = made(drawn)
        drawn.ready.set()
        drawn.fails = fault
        with pytest.raises(Refused) as refused:
            await opens.page("palle", offer())
        assert refused.value.status == status
        assert "secret" not in str(refused.value)
        drawn.fails = None
        assert await opens.page("palle", offer()) == "page of report"

    asyncio.run(opening())
