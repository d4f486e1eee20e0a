"""How kernels begin: quietly, with the house's figures, and saying whose data is open."""

import subprocess
import sys
from types import SimpleNamespace

import pytest

from sundbench.hub import kernel_startup
from sundbench.methods import figures


@pytest.fixture
def shell():
    return SimpleNamespace(banner1="IPython")


@pytest.mark.parametrize(
    ("kind", "says"), [("register-data", "REGISTER DATA"), ("synthetic-data", "SYNTHETIC DATA")]
)
def test_the_banner_tells_register_data_from_synthetic_data(shell, monkeypatch, capsys, kind, says):
    monkeypatch.setenv("SUNDBENCH_KERNEL", kind)
    monkeypatch.setenv("SUNDBENCH_PROJECT", "lung-cancer")
    monkeypatch.delenv("MATPLOTLIBRC", raising=False)
    kernel_startup.load_ipython_extension(shell)
    assert says in shell.banner1
    assert "lung-cancer" in shell.banner1
    assert capsys.readouterr() == ("", "")


def test_other_kernels_keep_their_banner(shell, monkeypatch):
    monkeypatch.delenv("SUNDBENCH_KERNEL", raising=False)
    monkeypatch.setenv("MATPLOTLIBRC", "own")
    kernel_startup.load_ipython_extension(shell)
    assert shell.banner1 == "IPython"


def test_plots_look_as_the_librarys_do():
    import matplotlib as mpl

    own = mpl.rc_params_from_file(kernel_startup.DEFAULTS, use_default_template=False)
    assert own["axes.prop_cycle"].by_key()["color"] == list(figures.COLOURS)
    for name, value in figures.STYLE.items():
        held = own[name]
        assert (held[0] if isinstance(held, list) else held) == value, name


def test_a_console_marks_its_prompt_and_prints_nothing_else():
    code = (
        "import os; os.environ.update(SUNDBENCH_KERNEL='register-data', SUNDBENCH_PROJECT='lungs')\n"
        "from IPython.terminal.interactiveshell import TerminalInteractiveShell as T\n"
        "shell = T.instance(); shell.extension_manager.load_extension('sundbench.hub.kernel_startup')\n"
        "print(''.join(text for _, text in shell.prompts.in_prompt_tokens()))\n"
        "import sys; assert 'matplotlib' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == "[REGISTER DATA lungs] In [1]: \n", done.stderr
