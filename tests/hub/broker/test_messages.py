"""jupyter_kernel_test's whole protocol, through the broker, for each kind of kernel."""
# ruff: noqa: RUF012 - that is how jupyter_kernel_test is told its samples

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import ClassVar

import jupyter_kernel_test
import pytest

from tests.hub.broker.conftest import make_assignment, serve, started

KERNELS = Path(__file__).resolve().parents[3] / "kernels"


class Protocol(jupyter_kernel_test.KernelTests):
    """The kernel comes from the project's broker instead of from this environment."""

    __test__ = False
    kernel: ClassVar[str]
    stack: ClassVar[ExitStack]

    @classmethod
    def setUpClass(cls) -> None:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sbt-")))
            (folder / "s").mkdir()
            (folder / "f").mkdir()
            served = stack.enter_context(serve(make_assignment(folder / "f", folder / "s"), KERNELS))
            patch = stack.enter_context(pytest.MonkeyPatch.context())
            patch.setenv("SUNDBENCH_BROKER", str(served.socket))
            patch.setenv("SUNDBENCH_KERNEL_SOCKETS", str(served.sockets))
            cls.km, cls.kc = stack.enter_context(started(served, cls.kernel))
            cls.stack = stack.pop_all()

    @classmethod
    def tearDownClass(cls) -> None:
        cls.stack.close()


class PythonProtocol(Protocol):
    kernel_name = "python3"
    language_name = "python"
    file_extension = ".py"
    code_hello_world = "print('hello, world')"
    code_stderr = "import sys; print('oops', file=sys.stderr)"
    completion_samples = [{"text": "zi", "matches": {"zip"}}]
    complete_code_samples = ["1", "print('x')"]
    incomplete_code_samples = ["print('''x"]
    invalid_code_samples = ["import = 7q"]
    code_page_something = "zip?"
    code_generate_error = "raise ValueError"
    code_execute_result = [{"code": "6 * 7", "result": "42"}]
    code_display_data = [{"code": "from IPython.display import *; display(HTML('b'))", "mime": "text/html"}]
    supported_history_operations = ("tail", "search")
    code_history_pattern = "6?*7"
    code_inspect_sample = "zip"


class TestRegisterData(PythonProtocol):
    __test__ = True
    kernel = "register-data"


class TestSyntheticData(PythonProtocol):
    __test__ = True
    kernel = "synthetic-data"


@pytest.mark.usefixtures("r")
class TestR(Protocol):
    __test__ = True
    kernel = "r-register-data"
    language_name = "R"
    file_extension = ".r"
    code_hello_world = "cat('hello, world')"
    code_stderr = "message('oops')"
    completion_samples = [{"text": "read.cs", "matches": {"read.csv", "read.csv2"}}]
    complete_code_samples = ["1", "print('x')"]
    incomplete_code_samples = ["f <- function("]
    code_generate_error = "stop('no')"
    code_display_data = [{"code": "6 * 7", "mime": "text/plain"}]  # R's kernel shows values so
