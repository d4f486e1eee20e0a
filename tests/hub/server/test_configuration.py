"""What JupyterLab is told: what is off, and can't be put on again."""

import json
import sys
from pathlib import Path

import pytest
from jupyterlab.handlers.announcements import NeverCheckForUpdate

from sundbench.hub.server.headers import HEADERS, POLICY

# Seen in use: each of these takes something out, opens a shell, or installs.
WAYS_OUT = (
    "@jupyterlab/apputils-extension:announcements",
    "@jupyterlab/docmanager-extension:download",
    "@jupyterlab/docmanager-extension:open-browser-tab",
    "@jupyterlab/extensionmanager-extension:plugin",
    "@jupyterlab/filebrowser-extension:download",
    "@jupyterlab/filebrowser-extension:open-browser-tab",
    "@jupyterlab/filebrowser-extension:share-file",
    "@jupyterlab/notebook-extension:copy-output",
    "@jupyterlab/notebook-extension:export",
)


def test_the_page_is_told_what_is_off(running) -> None:
    page = running.ask("GET", "lab")[2].decode()
    config = json.loads(page.split('id="jupyter-config-data"')[1].split(">", 1)[1].split("</script>")[0])

    assert set(WAYS_OUT) <= set(config["disabledExtensions"])
    assert set(WAYS_OUT) <= set(config["lockedExtensions"])
    assert "@jupyterlab/terminal-extension" in config["disabledExtensions"]
    assert config["news"] == {"disabled": True}
    assert config["terminalsAvailable"] is False
    assert config["token"] == ""
    assert {extension["name"].split("/")[0] for extension in config["federated_extensions"]} <= {
        "@sundbench",
        "sundbench",
    }


def test_what_is_off_has_the_name_that_jupyterlab_gives_it(repository_lab: Path) -> None:
    """A plugin that a later version calls something else would be on again."""
    static = Path(sys.prefix, "share", "jupyter", "lab", "static")
    bundle = "".join(path.read_text(encoding="utf-8") for path in static.glob("*.js"))
    config = json.loads((repository_lab / "page_config.json").read_text())

    for name in [*config["disabledExtensions"], *config["lockedExtensions"]]:
        assert name in bundle, name


def test_news_updates_and_installation_are_off(running) -> None:
    lab = running.app.extension_manager.extension_points["lab"].app

    assert lab.news_url is None
    assert lab.check_for_updates_class is NeverCheckForUpdate
    assert lab.extension_manager == "readonly"
    assert lab.lock_all_plugins
    assert lab.labextensions_path == []


@pytest.mark.parametrize(
    "path", ["lab", "api/contents", "static/lab/none.js", "api/me", "sundbench/state", "files/a"]
)
def test_every_answer_has_the_headers(running, path: str) -> None:
    headers = running.ask("GET", path)[1]

    assert headers["Content-Security-Policy"].startswith(POLICY)
    for name in HEADERS.keys() - {"Content-Security-Policy"}:
        assert headers[name] == HEADERS[name]


@pytest.mark.parametrize(
    "grant", ["allow-downloads", "allow-popups", "allow-top-navigation", "http:", "https:", "*"]
)
def test_the_policy_grants_no_way_out(grant: str) -> None:
    assert grant not in POLICY


def test_the_server_stops_itself_and_spares_kernels_that_work(running) -> None:
    assert running.app.shutdown_no_activity_timeout == 60 * 60
    assert running.app.kernel_manager.cull_idle_timeout == 120 * 60
    assert running.app.kernel_manager.cull_connected
    assert not running.app.kernel_manager.cull_busy


def test_settings_that_a_user_saves_stay_in_the_servers_own_folder(running) -> None:
    lab = running.app.extension_manager.extension_points["lab"].app

    assert str(running.notebooks) not in lab.user_settings_dir + lab.workspaces_dir
    assert running.app.config_file_paths == [] or not any(
        "notebooks" in path for path in running.app.config_file_paths
    )
