"""``sundbench vault``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sundbench.cli.screen import progress, screen
from sundbench.errors import StoreError
from sundbench.site import Site

if TYPE_CHECKING:
    import polars as pl

app = typer.Typer(no_args_is_help=True)


@app.callback()
def vault() -> None:
    """Keep the identity vault: its key, a new key, and the persons who said no."""


@app.command()
def key(file: Annotated[Path, typer.Argument(help="The new file; it must not be there yet.")]) -> None:
    """Make the vault's key: 32 random bytes in a file that its owner alone can read.

    Keep it apart from the installation, back it up, and give its path in SUNDBENCH_VAULT_KEY_FILE to the
    commands that freeze and extract, to nothing else. Without it the vault can't be read again.

    Example: sundbench vault key /etc/sundbench/vault.key
    """
    from sundbench.store.vault import Vault

    Vault.create_key(file)
    screen.print(
        f"wrote {file}: now export SUNDBENCH_VAULT_KEY_FILE={file.resolve()}", markup=False, soft_wrap=True
    )


@app.command()
def rotate(
    ctx: typer.Context,
    new: Annotated[Path, typer.Argument(help="The new key's file, which `sundbench vault key` has made.")],
) -> None:
    """Seal all that the vault holds with a new key; SUNDBENCH_VAULT_KEY_FILE names the old one.

    All of it or, wherever it is cut off, nothing: then the old key still opens the vault, and the same
    command begins again. Pseudonyms, freezes and extracts stay as they are. Keep the old key for as long as
    there are backups from before.

    Example: sundbench vault rotate /etc/sundbench/vault.key.new
    """
    from sundbench.governance.audit.actions import Action
    from sundbench.governance.audit.recording import recording
    from sundbench.governance.people import current_user
    from sundbench.store.rotation import rotate as rotated

    site: Site = ctx.obj
    _allowed(site)

    def record(old: bytes, key: bytes) -> None:
        with recording(site, current_user()) as recorder:
            recorder.record(Action.VAULT_ROTATE, str(site.vault), old=old.hex(), new=key.hex())

    with progress("vault") as report:
        changed = rotated(site, new, record, report)
    said = "is sealed with the new key" if changed else "was sealed with that key already"
    screen.print(
        f"{site.vault}: {said}: now export SUNDBENCH_VAULT_KEY_FILE={new.resolve()}",
        markup=False,
        soft_wrap=True,
    )


@app.command("opt-out")
def opt_out(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="Person identifiers, one a line.")],
) -> None:
    """Note persons who said no: extracts leave them out from now on.

    Identifiers are spelled as in deliveries; a hyphen in a person number doesn't matter. Whether the vault
    knows a person yet doesn't matter either.

    Example: sundbench vault opt-out said-no.txt
    """
    from sundbench.store.vault import Vault

    site: Site = ctx.obj
    _allowed(site)
    said_no = _identifiers(file)
    with Vault.open(site) as opened:
        known = opened.index_of(said_no).is_not_null().sum()
        new = opened.opt_out(said_no)
        opened.save()
        screen.print(f"{new:,} identifiers added; {opened.opt_outs:,} are on the list")
    if new and any(site.extracts.glob("*/[!.]*/extract.json")):
        screen.print("they are still in the extracts there are: run `sundbench extract` for each again")
    if known < len(said_no):
        screen.print(
            f"of the {len(said_no):,} in this file the vault doesn't know {len(said_no) - known:,}: if they "
            "should be in a freeze, compare their spelling with the delivery's",
            soft_wrap=True,
        )


@app.command("opt-in")
def opt_in(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="Person identifiers, one a line.")],
) -> None:
    """Take persons off the list of those who said no, since they have changed their mind.

    A person is taken off under every number that the vault knows to be theirs. Extracts hold them again from
    the next one on.

    Example: sundbench vault opt-in changed-their-mind.txt
    """
    from sundbench.store.vault import Vault

    site: Site = ctx.obj
    _allowed(site)
    given = _identifiers(file)
    with Vault.open(site) as opened:
        withdrawn = opened.opt_in(given)
        opened.save()
        screen.print(f"{withdrawn:,} identifiers taken off; {opened.opt_outs:,} are on the list")
    if not withdrawn:
        screen.print(f"none of the {len(given):,} in this file was on the list", soft_wrap=True)
    elif any(site.extracts.glob("*/[!.]*/extract.json")):
        screen.print("extracts hold them again once `sundbench extract` has run for each again")


def _allowed(site: Site) -> None:
    """Refuse those who are no steward, once there is one."""
    from sundbench.governance import database, people
    from sundbench.governance.models import Role

    with database.reading(site) as session:
        people.require_once_held(session, people.current_user(), Role.STEWARD)


def _identifiers(file: Path) -> pl.Series:
    import polars as pl

    from sundbench.registers.persons import normalised

    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        raise StoreError(f"{file}: can't be read as text: give a file of identifiers, one a line") from None
    return normalised(pl.Series(lines, dtype=pl.String)).drop_nulls().unique()


@app.command()
def show(ctx: typer.Context) -> None:
    """Show how much the vault holds: counts alone.

    Example: sundbench vault show
    """
    from sundbench.store.vault import Vault

    site: Site = ctx.obj
    with Vault.open(site) as opened:
        screen.print(f"{opened.persons:,} persons, {len(opened.identifiers):,} identifiers")
        screen.print(f"{opened.opt_outs:,} identifiers of persons who said no")
        screen.print(f"{len(opened.permits):,} permits with pseudonyms")
