"""``sundbench release``: ask for outputs to be let out, judge, let out."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from sundbench.cli.screen import listing, screen

app = typer.Typer(no_args_is_help=True)

ReleaseId = Annotated[str, typer.Argument(help="The release, as `sundbench release list` names it.")]


@app.callback()
def release() -> None:
    """Let outputs out: submit, two reviewers vote, publish.

    draft -> submitted -> in_review -> approved -> released, or returned, rejected, withdrawn.
    """


@app.command()
def submit(
    ctx: typer.Context,
    run: Annotated[str, typer.Argument(help="The run whose outputs should leave.")],
    author: Annotated[str | None, typer.Option(help="Who asks.  \\[default: you]")] = None,
    note: Annotated[str, typer.Option(help="What reviewers should know.")] = "",
    release: Annotated[
        str | None,
        typer.Option(help="An earlier request whose outputs these replace; its votes are cleared."),
    ] = None,
) -> None:
    """Check a run's outputs for disclosure and ask two reviewers for their release.

    Findings that stop it are listed, one line each, and the exit code is 1.

    Example: sundbench release submit drug_cost_effectiveness-20261122104500-1f2e --author anna
    """
    from sundbench.governance.audit.actions import Action
    from sundbench.governance.audit.recording import recording
    from sundbench.governance.people import current_user
    from sundbench.release import requests

    asker = author or current_user()
    try:
        with recording(ctx.obj, current_user()) as recorder:
            asked = requests.submit(ctx.obj, run, asker, note=note, release=release)
            recorder.record(
                Action.RELEASE_SUBMIT, asked.id, permit=asked.permit_id, run=run, author=asker, note=note
            )
    except requests.BlockedError as blocked:
        for finding in blocked.findings:
            screen.print(finding.line, soft_wrap=True, markup=False)
        raise
    screen.print(
        f"release {asked.id}: {asked.state}; two reviewers decide: sundbench release vote {asked.id}"
    )


@app.command("list")
def list_releases(ctx: typer.Context) -> None:
    """List all releases and where they stand.

    Example: sundbench release list
    """
    from sundbench.release import requests

    table = listing("release", "state", "run", "permit", "author", "votes")
    for asked in requests.every(ctx.obj):
        votes = str(len(asked.votes))
        table.add_row(asked.id, asked.state, asked.run, asked.permit_id, asked.author, votes)
    screen.print(table)


@app.command()
def show(
    ctx: typer.Context,
    release: ReleaseId,
    viewer: Annotated[
        str | None, typer.Option("--as", help="Who looks: reviewers see their own vote.  \\[default: you]")
    ] = None,
) -> None:
    """Show a release: its outputs, what reviewers should look at, and the votes once all have spoken.

    Example: sundbench release show r20261122-1f2e3d
    """
    from sundbench.disclosure.check import check
    from sundbench.disclosure.output import read_card
    from sundbench.disclosure.profile import profile
    from sundbench.governance.people import current_user
    from sundbench.release import manifest, requests
    from sundbench.release.run import folder_of

    asked = requests.find(ctx.obj, release)
    folder = folder_of(ctx.obj, asked.run)
    made = manifest.read(ctx.obj, folder)
    manifest.check_outputs(made, folder / "outbox")
    screen.print(
        f"release {asked.id}: {asked.state}\nrun {asked.run}, permit {asked.permit_id}, by {asked.author}"
    )
    if asked.note:
        screen.print(asked.note, markup=False)
    table = Table("output", "kind", "rows", "title")
    for path in sorted((folder / "outbox").glob("*.json")):
        card = read_card(path)
        table.add_row(card.name, card.kind, str(card.rows or ""), card.title.en)
    screen.print(table)
    for finding in check(folder / "outbox", profile(made.policy.profile)):
        screen.print(finding.line, soft_wrap=True, markup=False)
    shown = requests.open_votes(asked, viewer or current_user())
    for vote in shown:
        screen.print(f"{vote.reviewer}: {vote.decision} {vote.comment}".rstrip(), markup=False)
    hidden = len(asked.votes) - len(shown)
    if hidden:
        screen.print(f"{hidden} vote(s) given; shown when both reviewers have spoken")


@app.command()
def vote(
    ctx: typer.Context,
    release: ReleaseId,
    *,
    reviewer: Annotated[str | None, typer.Option(help="Who judges.  \\[default: you]")] = None,
    approve: Annotated[bool, typer.Option("--approve", help="It may leave.")] = False,
    give_back: Annotated[bool, typer.Option("--return", help="The author must change something.")] = False,
    reject: Annotated[bool, typer.Option("--reject", help="It may not leave.")] = False,
    comment: Annotated[str, typer.Option(help="Why; needed unless you approve.")] = "",
) -> None:
    """Say what you decide, as one of two reviewers. You don't see the other's vote before both are given.

    Example: sundbench release vote r20261122-1f2e3d --reviewer bo --approve
    """
    from sundbench.governance.audit.actions import Action
    from sundbench.governance.audit.recording import recording
    from sundbench.governance.models import Decision
    from sundbench.governance.people import current_user
    from sundbench.release import requests

    if approve + give_back + reject != 1:
        raise typer.BadParameter("give one of --approve, --return and --reject")
    decision = Decision.APPROVE if approve else Decision.RETURN if give_back else Decision.REJECT
    who = reviewer or current_user()
    with recording(ctx.obj, current_user()) as recorder:
        asked = requests.vote(ctx.obj, release, who, decision, comment)
        recorder.record(
            Action.RELEASE_VOTE,
            release,
            permit=asked.permit_id,
            reviewer=who,
            decision=decision.value,
            comment=comment,
            state=asked.state,
        )
    screen.print(f"release {asked.id}: {asked.state}, {len(asked.votes)} of 2 votes given")


@app.command()
def withdraw(
    ctx: typer.Context,
    release: ReleaseId,
    author: Annotated[str | None, typer.Option(help="Who asked for it.  \\[default: you]")] = None,
) -> None:
    """Take a request back.

    Example: sundbench release withdraw r20261122-1f2e3d --author anna
    """
    from sundbench.governance.audit.actions import Action
    from sundbench.governance.audit.recording import recording
    from sundbench.governance.people import current_user
    from sundbench.release import requests

    who = author or current_user()
    with recording(ctx.obj, current_user()) as recorder:
        asked = requests.withdraw(ctx.obj, release, who)
        recorder.record(Action.RELEASE_WITHDRAW, release, permit=asked.permit_id, author=who)
    screen.print(f"release {asked.id}: {asked.state}")


@app.command()
def publish(ctx: typer.Context, release: ReleaseId) -> None:
    """Let the outputs of an approved release out, read-only and for good.

    Example: sundbench release publish r20261122-1f2e3d
    """
    from sundbench.governance.audit.actions import Action
    from sundbench.governance.audit.recording import recording
    from sundbench.governance.people import current_user
    from sundbench.release import requests

    permit = requests.find(ctx.obj, release).permit_id
    with recording(ctx.obj, current_user()) as recorder:
        folder = requests.publish(ctx.obj, release)
        recorder.record(Action.RELEASE_PUBLISH, release, permit=permit)
    screen.print(f"release {release}: released in {folder}", soft_wrap=True)


@app.command()
def verify(ctx: typer.Context, release: ReleaseId) -> None:
    """See that a released folder is as it was signed.

    Example: sundbench release verify r20261122-1f2e3d
    """
    from sundbench.release.released import verified

    opened = verified(ctx.obj, release)
    screen.print(f"release {release}: {len(opened.about.outputs)} files as they were released")


@app.command("renew-key")
def renew_key(ctx: typer.Context) -> None:
    """Sign manifests and releases with a new key from now on.

    What was signed before is still believed: the public key of each key that signed once is kept, as
    keys/manifest-FINGERPRINT.pub. Remove that of a key which somebody else may have had: then what it signed
    is refused, and has to be run again. The audit log says when each was replaced.

    Example: sundbench release renew-key
    """
    from sundbench.governance import database, people
    from sundbench.governance.audit.actions import Action
    from sundbench.governance.audit.recording import recording
    from sundbench.governance.models import Role
    from sundbench.release import signing

    user = people.current_user()
    with database.reading(ctx.obj) as session:
        people.require_once_held(session, user, Role.ADMIN)
    made = []

    def record(old: str, new: str) -> None:
        with recording(ctx.obj, user) as recorder:
            recorder.record(Action.KEY_RENEW, "manifest", old=old, new=new)
        made.extend([old, new])

    signing.renew(ctx.obj, record)
    screen.print(f"key {made[1][:16]} signs from now on; what {made[0][:16]} signed is still believed")
