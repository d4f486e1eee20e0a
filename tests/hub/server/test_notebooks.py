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
