"""What governance's people and permits come to in the hub: projects, groups, scopes, refusals."""

from datetime import date
from pathlib import Path

import pytest

from sundbench.governance.models import Role
from sundbench.hub import rights
from sundbench.hub.permits_watch import reason_to_stop
from sundbench.hub.refusal import Refused
from sundbench.site import Site
from tests.hub.installation import PEOPLE, amend, close, make_site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return make_site(tmp_path)


def test_everyone_is_in_the_groups_of_their_rights(site: Site):
    now = rights.standing(site)

    assert now.groups("rikke") == {"project-members", "permit-lung-cancer"}
    assert now.groups("anders") == {"project-members", "permit-lung-cancer", "permit-diabetes"}
    assert now.groups("palle") == {"policymakers"}
    assert now.groups("ida") == {"administrators"}
    # A reviewer is a member of the project, and has no server in it.
    assert now.groups("vera") == now.groups("sofie") == now.groups("stranger") == frozenset()


def test_a_policymaker_of_one_permit_reads_too(site: Site):
    amend(site, "screening", ("nobody:policymaker",))

    assert rights.standing(site).groups("nobody") == {"policymakers"}


def test_projects_in_use_come_first(site: Site):
    found = rights.standing(site).projects("rikke")

    assert [(one.id, one.standing, one.works) for one in found] == [
        ("lung-cancer", "active", True),
        ("old-study", "expired", False),
    ]
    assert found[1].expires == date(2024, 1, 31)


def test_no_role_can_mint_tokens_or_reach_other_people():
    everything = {role["name"]: set(role.get("scopes", ())) for role in rights.roles(["dashboards"])}

    assert (
        set()
        .union(*everything.values())
        .isdisjoint(
            {
                "self",
                "inherit",
                "tokens",
                "shares",
                "access:servers",
                "servers",
                "start:servers",
                "proxy",
                "users",
            }
        )
    )
    assert everything["project-member"] == {"servers!user", "access:servers!user", "users:activity!user"}
    assert everything["policymaker"] == {"read:users!user", "access:services!service=dashboards"}
    assert not any("server" in scope for scope in everything["policymaker"] | everything["user"])
    (admin,) = [role for role in rights.roles() if role["name"] == "admin"]
    assert admin["users"] == admin["services"] == []


@pytest.mark.parametrize(
    ("user", "permit", "reason"),
    [
        ("rikke", "diabetes", "not-a-member"),
        ("rikke", "no-such", "not-a-member"),
        ("rikke", "", "default-server"),
        ("rikke", "old-study", "expired"),
        ("vera", "lung-cancer", "no-analyst"),
        ("palle", "lung-cancer", "not-a-member"),
        ("ida", "lung-cancer", "not-a-member"),
    ],
)
def test_who_may_not_work(site: Site, user: str, permit: str, reason: str):
    with pytest.raises(Refused) as refused:
        rights.require_work(site, user, permit)

    assert refused.value.reason == reason
    assert 'lang="da"' in refused.value.html
    assert 'lang="en"' in refused.value.html


def test_a_closed_permit_is_refused(site: Site):
    assert rights.require_work(site, "rikke", "lung-cancer").permit.id == "lung-cancer"

    close(site, "lung-cancer")

    with pytest.raises(Refused, match="closed"):
        rights.require_work(site, "rikke", "lung-cancer")


def test_why_a_running_server_must_stop(site: Site):
    scope = rights.standing(site).scope("lung-cancer")
    assert scope

    def why(user: str = "rikke") -> str | None:
        return reason_to_stop(rights.standing(site), user, "lung-cancer", scope)

    assert why() is None
    amend(site, "lung-cancer", ("rikke:researcher", "anders:researcher", "ida:analyst"))
    assert why() is None, "others may join"
    amend(site, "lung-cancer", ("rikke:reviewer", "anders:researcher"))
    assert why() == "role changed"
    amend(site, "lung-cancer", ("anders:researcher",))
    assert why() == "no member of the project any more"
    amend(site, "lung-cancer", ("rikke:researcher",), columns='"atc", "eksd"')
    assert why() == "permit amended: other data than the server was given"
    amend(site, "lung-cancer", ("rikke:researcher",), expires="2024-01-01")
    assert why() == "permit expired"
    close(site, "lung-cancer")
    assert why() == "permit closed"


def test_the_tests_have_people_of_every_role():
    assert {role for roles in PEOPLE.values() for role in roles} == set(Role)
