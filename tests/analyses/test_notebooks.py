"""Every study's notebook is stored as it ought to be."""

import ast

import nbformat
import pytest

from sundbench.release.study import StudyFolder

STUDIES = ("anticoagulant_safety", "drug_cost_effectiveness", "short_term_harm")


def test_no_study_is_forgotten(repository):
    folders = {path.parent.name for path in (repository / "analyses").glob("*/study.toml")}
    assert folders == set(STUDIES)


@pytest.mark.parametrize("study", STUDIES)
def test_the_notebook_is_stored_clean_and_names_every_parameter(repository, study):
    folder = StudyFolder(repository / "analyses" / study)
    notebook = nbformat.read(folder.notebook, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count for cell in cells)
    assert cells[0].metadata["tags"] == ["parameters"]
    assigned = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in ast.parse(cells[0].source).body
        if isinstance(node, ast.Assign)
    }
    parameters = folder.about.parameters
    assert assigned == {name: one.convert(one.default, name) for name, one in parameters.items()}
