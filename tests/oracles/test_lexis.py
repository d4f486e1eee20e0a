"""Follow-up split by when diseases begin, against R package heaven (oracle danish_registry_heaven)."""

import numpy as np
import polars as pl

from sundbench.cohort import lexis

DISEASES = ["como1.onset", "como2.onset", "como3.onset", "como4.onset"]


def having(spans, onset):
    """Without the disease, then with it from its onset on."""
    row, start, state = [], [], []
    for n, (begins, day) in enumerate(zip(spans.start.tolist(), onset, strict=True)):
        if day is None or day > begins:
            row, start, state = [*row, n], [*start, begins], [*state, 0]
        if day is not None:
            row, start, state = [*row, n], [*start, max(day, begins)], [*state, 1]
    return lexis.States(*(np.array(one, np.int64) for one in (row, start, state)))


def test_the_same_pieces_with_the_same_diseases_and_events(oracle):
    folder, _ = oracle("danish_registry_heaven")
    read = {"try_parse_dates": True, "schema_overrides": {"pnr": pl.String}}
    followed = pl.read_csv(folder / "lexis_in.csv", **read)
    onsets = pl.read_csv(folder / "lexis_two_guide.csv", **read)
    rows = followed.join(onsets, on="pnr", how="left", maintain_order="left")
    days = rows.with_columns(pl.col("start", "end", *DISEASES).to_physical())
    spans = lexis.Spans(*(days[name].to_numpy().astype(np.int64) for name in ("start", "end")))
    cut = lexis.split(spans, [having(spans, days[name].to_list()) for name in DISEASES])
    ends = cut.stop == spans.stop[cut.row]
    ours = pl.DataFrame(
        {
            "start": pl.Series(cut.start).cast(pl.Date),
            "end": pl.Series(cut.stop).cast(pl.Date),
            "event": followed["event"].to_numpy()[cut.row] * ends,
            **{name: code.astype(np.int64) for name, code in zip(DISEASES, cut.codes, strict=True)},
            "pnr": followed["pnr"].to_numpy()[cut.row],
        }
    )
    theirs = pl.read_csv(folder / "expected_lexis_two.csv", **read)
    order = ["pnr", "start", "end"]
    assert ours.sort(order).rows() == theirs.sort(order).rows()
