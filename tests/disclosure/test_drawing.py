"""What could be hidden in a figure."""

from collections.abc import Callable

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from sundbench.disclosure.output import digest
from sundbench.release.outputs import Outputs

Stopped = Callable[..., str]


def _plot(x: object, y: object, kind: str = "line") -> Figure:
    with mpl.rc_context({}):
        figure = Figure()
        plot = figure.add_subplot()
        if kind == "line":
            plot.plot(x, y, label="a")
            plot.legend()
            plot.grid(visible=True)
        elif kind == "scatter":
            plot.scatter(x, y)
        else:
            plot.imshow(np.outer(x, y))
        return figure


@pytest.fixture
def table(out: Outputs) -> Outputs:
    frame = pd.DataFrame({"term": ["a", "b", "c"], "value": [1.0, 2.0, 3.0]})
    out.estimates("fit", frame, persons=500)
    return out


def test_a_figure_of_its_table_may_leave(table: Outputs, stopped: Stopped) -> None:
    table.figure("fit_figure", _plot([1, 2, 3], [1, 2, 3]), data="fit")
    assert stopped() == ""


def test_a_point_a_person(table: Outputs, stopped: Stopped) -> None:
    x = np.random.default_rng(1).normal(size=500)
    table.figure("cloud", _plot(x, x, "scatter"), data="fit")
    assert "points, and the 3 rows that it is drawn from explain at most" in stopped()


def test_a_picture_within_the_picture(table: Outputs, stopped: Stopped) -> None:
    table.figure("heat", _plot(np.arange(30.0), np.arange(30.0), "image"), data="fit")
    assert "holds <image>" in stopped()


@pytest.mark.parametrize(
    ("what", "rule"),
    [
        ("<script>1</script>", "holds <script>"),
        ("<!-- 1;2;3 -->", "a comment"),
        ('<g data-rows="1;2;3"/>', "attribute data-rows"),
        ('<use href="https://example.org/x"/>', "outside the file"),
        ('<path d="M 0 0" style="fill: url(https://example.org/x)"/>', "outside the file"),
        ('<g onload="x()"/>', "attribute onload"),
        ("<g>1;2;3</g>", "text within <g>"),
        ("<foreignObject/>", "holds <foreignObject>"),
        ("<text>" + "1;2;3 " * 1000 + "</text>", "letters"),
        ("<path d='M 0 0 " + "1 1 " * 400 + "'/>", "points"),
    ],
)
def test_what_is_put_into_the_file(table: Outputs, stopped: Stopped, what: str, rule: str) -> None:
    table.figure("drawing", _plot([1, 2, 3], [1, 2, 3]), data="fit")
    path = table.folder / "drawing.svg"
    before = digest(path)
    path.write_text(path.read_text().replace("</svg>", f"{what}</svg>"))
    card = table.folder / "drawing.json"
    card.write_text(card.read_text().replace(before, digest(path)))
    assert rule in stopped()


def test_a_figure_without_its_table(table: Outputs, stopped: Stopped) -> None:
    table.figure("fit_figure", _plot([1, 2, 3], [1, 2, 3]), data="fit")
    for name in ("fit.json", "fit.parquet"):
        (table.folder / name).unlink()
    assert "no table in this outbox" in stopped()
