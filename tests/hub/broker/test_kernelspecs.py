"""What a launcher shows of a project's kernels, and that their command starts nothing."""

import json
from pathlib import Path

import pytest
from jupyter_client.kernelspec import KernelSpecManager

from sundbench.hub import kernelspecs
from sundbench.hub.assignment import Assignment
from sundbench.hub.broker.offers import offers


@pytest.fixture
def written(assignment: Assignment, repository: Path, tmp_path: Path) -> Path:
    may = offers(assignment, repository / "kernels")
    return kernelspecs.write(tmp_path / "kernels", may, assignment)


def test_the_kernels_of_a_project(written: Path, assignment: Assignment) -> None:
    found = KernelSpecManager(kernel_dirs=[str(written)], ensure_native_kernel=False).get_all_specs()
    expected = {"register-data", "synthetic-data"} | ({"r-register-data"} if assignment.r else set())
    assert set(found) == expected
    spec = found["register-data"]["spec"]
    assert spec["display_name"] == "Register data · lung-cancer"
    assert spec["argv"] == ["false"]
    about = spec["metadata"]["sundbench"]
    assert about["names"]["da"] == "Registerdata · lung-cancer"
    assert (about["data"], about["project"], about["title"]["en"]) == (
        "register",
        "lung-cancer",
        "Lung cancer",
    )
    assert found["synthetic-data"]["spec"]["metadata"]["sundbench"]["data"] == "synthetic"
    assert {path.name for path in (written / "register-data").iterdir()} == {
        "kernel.json",
        "logo-32x32.png",
        "logo-64x64.png",
        "logo-svg.svg",
    }


def test_a_project_without_an_extract_has_no_register_kernel(
    assignment: Assignment, repository: Path
) -> None:
    without = assignment.model_copy(update={"extract": None})
    assert set(offers(without, repository / "kernels")) == {"synthetic-data"}


def test_no_policy_lies_beside_them(written: Path) -> None:
    assert not list(written.glob("*/policy.toml"))
    specs = [json.loads(path.read_text()) for path in written.glob("*/kernel.json")]
    assert all(
        spec["metadata"]["kernel_provisioner"]["provisioner_name"] == "sundbench-broker" for spec in specs
    )
