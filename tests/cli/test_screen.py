"""What all commands' tables have in common."""

import io

from rich.console import Console

from sundbench.cli.screen import listing, screen


def shown(width: int) -> str:
    table = listing("release", "state", "run", "rows", numbers=("rows",))
    table.add_row("r20261122-1f2e3d", "submitted", "drug_cost_effectiveness-20261122104000-1a2b", "7")
    table.add_row("r20261123-4a5b6c", "released", "short", "1,234")
    narrow = Console(file=io.StringIO(), width=width)
    narrow.print(table)
    return narrow.file.getvalue()


def test_an_id_is_whole_and_on_one_line_however_narrow_the_screen():
    for width in (120, 80, 60, 40):
        assert "r20261122-1f2e3d" in shown(width)


def test_nothing_is_cut():
    for width in (120, 80, 60):
        text = shown(width)
        assert "…" not in text
        assert sorted("".join(text.split())) == sorted("".join(shown(200).split()))


def test_numbers_end_under_each_other():
    rows = [line.rstrip() for line in shown(120).splitlines()[1:]]
    assert len(rows[0]) == len(rows[1])


def test_control_characters_in_a_text_are_shown_and_not_obeyed() -> None:
    with screen.capture() as captured:
        screen.print("a\x1b[2Jb\x07c\x9bd\u202ee\nf", markup=False)
        table = listing("title")
        table.add_row("a\x1b[31mb")
        screen.print(table)
    shown = captured.get()
    assert not set(shown) & set("\x1b\x07\x9b\u202e")
    assert "c\N{REPLACEMENT CHARACTER}d" in shown
    assert "e\nf" in shown
