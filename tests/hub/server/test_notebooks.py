"""What a saved notebook keeps."""

import copy
import json
from typing import Any

import pytest

from sundbench.hub.server.notebooks import keeps_results, strip

NOTEBOOK: dict[str, Any] = {
    "nbformat": 4,
    "nbformat_minor": 5,
    "metadata": {
        "kernelspec": {"name": "register-data", "display_name": "Register data", "language": "python"},
        "language_info": {"name": "python"},
        "widgets": {"application/vnd.jupyter.widget-state+json": {"state": {"a": {"value": 4711}}}},
        "anything": "4711",
    },
    "cells": [
        {
            "id": "a",
            "cell_type": "code",
            "source": "lengths",
            "execution_count": 4711,
            "metadata": {"tags": ["parameters"], "execution": {"iopub.status.busy": "4711"}, "note": "4711"},
            "outputs": [{"output_type": "stream", "name": "stdout", "text": "4711"}],
        },
        {
            "id": "b",
            "cell_type": "markdown",
            "source": "What we found",
            "metadata": {"slideshow": {"slide_type": "slide"}},
            "attachments": {"a.png": {"image/png": "4711"}},
        },
    ],
}


def test_code_and_text_stay_and_results_go() -> None:
    notebook = copy.deepcopy(NOTEBOOK)

    assert strip(notebook)

    assert "4711" not in json.dumps(notebook)
    assert [cell["source"] for cell in notebook["cells"]] == ["lengths", "What we found"]
    assert notebook["cells"][0]["metadata"] == {"tags": ["parameters"]}
    assert notebook["metadata"].keys() == {"kernelspec", "language_info"}


@pytest.mark.parametrize(
    "written",
    [
        "![seen](data:image/png;base64,NDcxMQ==) so",
        '<img src="DATA:image/svg+xml;charset=utf-8;base64,NDcxMQ%3D%3D"> so',
        "![seen](data:;base64," + "NDcx" * 30 + "\n" + "NDcx" * 30 + ") so",
    ],
)
def test_a_picture_written_into_text_goes_and_the_text_stays(written: str) -> None:
    notebook = copy.deepcopy(NOTEBOOK)
    notebook["cells"][1]["source"] = written

    strip(notebook)

    left = notebook["cells"][1]["source"]
    assert "data:," in left
    assert "NDcx" not in left
    assert left.endswith((") so", "> so"))


def test_text_about_data_is_only_text() -> None:
    notebook = copy.deepcopy(NOTEBOOK)
    notebook["cells"][1]["source"] = text = "The data: base64, ICD-10; see data:,x and base64,AAAA"
    strip(notebook)
    assert notebook["cells"][1]["source"] == text


PYTHON = {
    "codemirror_mode": {"name": "ipython", "version": 3},
    "file_extension": ".py",
    "mimetype": "text/x-python",
    "name": "python",
    "nbconvert_exporter": "python",
    "pygments_lexer": "ipython3",
    "version": "3.11.2",
}


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (PYTHON, PYTHON),
        ({"name": "R", "version": "4.2.2"}, {"name": "R", "version": "4.2.2"}),
        ({"name": "python", "version": "4711", "rows": ["4711"], "mimetype": "4711"}, {"name": "python"}),
        ({"name": "4711"}, None),
        ("4711", None),
    ],
)  # fmt: skip
def test_a_kernel_says_nothing_by_its_language(said: object, kept: object) -> None:
    """The page copies what a kernel says of itself into the notebook; code in the kernel can change that."""
    notebook: dict[str, Any] = {"metadata": {"language_info": copy.deepcopy(said)}, "cells": []}
    assert strip(notebook) == (said != kept)
    assert notebook["metadata"].get("language_info") == kept
    assert not strip(notebook)


def test_once_is_enough() -> None:
    notebook = copy.deepcopy(NOTEBOOK)
    strip(notebook)

    assert not strip(notebook)


@pytest.mark.parametrize(
    ("metadata", "keeps"),
    [
        ({"kernelspec": {"name": "synthetic-data"}}, True),
        ({"kernelspec": {"name": "register-data"}}, False),
        ({"kernelspec": {"name": "r-register-data"}}, False),
        ({"kernelspec": "synthetic-data"}, False),
        ({"kernelspec": {"display_name": "synthetic-data"}}, False),
        ({}, False),
    ],
)
def test_only_the_synthetic_kernels_results_are_kept(metadata: dict[str, Any], keeps: bool) -> None:
    assert keeps_results({"metadata": metadata}) is keeps
