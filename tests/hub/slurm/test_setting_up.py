"""Projects' accounts are set up each for itself."""

import pytest

from sundbench.errors import ClusterError
from sundbench.hub.slurm import setting_up
from sundbench.site import Site
from sundbench.slurm import folders
from sundbench.slurm.accounts import Account
from tests.hub.installation import make_site


def test_what_one_project_s_people_did_keeps_no_other_from_its_account(
    tmp_path, monkeypatch: pytest.MonkeyPatch
):
    site, given = make_site(tmp_path), []

    def hand_over(_: Site, account: Account) -> None:
        given.append(account.permit)
        if account.permit == "lung-cancer":
            raise ClusterError("the folders of permit lung-cancer can't be given")

    # Nothing of this machine is changed here: tests/slurm/test_accounts.py makes accounts and folders.
    monkeypatch.setattr(setting_up.accounts, "create", lambda permit: Account(permit, "sb-0", 4711, 4711))
    monkeypatch.setattr(setting_up.accounts, "note", lambda *_: None)
    monkeypatch.setattr(folders, "hand_over", hand_over)
    with pytest.raises(ClusterError, match=r"^the folders of permit lung-cancer can't be given$"):
        setting_up.set_up(site, "sofie")
    assert "lung-cancer" in given
    assert len(given) > 1
