"""How a project's Python kernels begin: plotting defaults, and a banner that says whose data is open.

An IPython extension (``--InteractiveShellApp.extra_extensions=sundbench.hub.kernel_startup``). It prints
nothing and imports nothing that is slow: matplotlib finds its defaults when it is first imported.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from sundbench.registers.catalogue import Text

DEFAULTS = Path(__file__).parent / "matplotlibrc"

_NAMES = {
    "register-data": Text(da="REGISTERDATA", en="REGISTER DATA"),
    "synthetic-data": Text(da="SYNTETISKE DATA", en="SYNTHETIC DATA"),
}
_MEANINGS = {
    "register-data": Text(
        da="Rigtige personers oplysninger. Vis ikke skærmen til andre, og tag intet ud uden om godkendelsen.",
        en="Real people's data. Show the screen to nobody else, and take nothing out but by release.",
    ),
    "synthetic-data": Text(
        da="Opdigtede personer i projektets tabeller. Resultater herfra siger intet om nogen.",
        en="Invented persons in the project's tables. Results from here say nothing about anybody.",
    ),
}


def load_ipython_extension(shell: Any) -> None:  # noqa: ANN401 - IPython is untyped
    """Called by IPython when a kernel or a console starts."""
    os.environ.setdefault("MATPLOTLIBRC", str(DEFAULTS))
    kind = os.environ.get("SUNDBENCH_KERNEL", "")
    if kind not in _NAMES:
        return
    project = os.environ.get("SUNDBENCH_PROJECT", "")
    shell.banner1, shell.enable_tip = banner(kind, project), False
    if hasattr(shell, "prompts"):  # a console of its own; kernels leave the prompt to what shows them
        from IPython.terminal.prompts import Prompts, Token  # type: ignore[attr-defined,unused-ignore]

        class Marked(Prompts):  # type: ignore[misc,unused-ignore]
            def in_prompt_tokens(self) -> Any:  # noqa: ANN401
                mark = f"{_NAMES[kind].en} {project}".strip()
                usual = super().in_prompt_tokens()  # type: ignore[no-untyped-call]
                return [(Token.Prompt, f"[{mark}] "), *usual]

        shell.prompts = Marked(shell)


def banner(kind: str, project: str) -> str:
    """What a console shows when it opens.

    Args:
        kind: ``register-data`` or ``synthetic-data``.
        project: the permit's id.
    """
    name, meaning = _NAMES[kind], _MEANINGS[kind]
    line = "█" if kind == "register-data" else "░"
    return (
        f"{line * 4} {name.da} · {name.en} · {project} {line * 4}\n{meaning.da}\n{meaning.en}\n"
        "import sundbench as sb; db = sb.connect(); db\n"
    )
