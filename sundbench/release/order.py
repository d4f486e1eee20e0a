"""What a run is to be, settled before anything runs: who, what, on which data, with which parameters."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import UTC, date, datetime

from sundbench.disclosure.profile import profile
from sundbench.errors import PermitError
from sundbench.governance import database, permits
from sundbench.governance.permits import Registered
from sundbench.registers.catalogue import catalogue
from sundbench.release.extracts import Extract, find_extract
from sundbench.release.manifest import Policy, Settled
from sundbench.release.parameters import bind
from sundbench.release.study import StudyFile, StudyFolder
from sundbench.site import Site

_MAY_RUN = frozenset({"researcher", "analyst"})


class Order(Settled):
    """A run that may begin.

    Attributes:
        expires: the last day of its permit.
    """

    expires: date


def place(
    site: Site,
    study: StudyFolder,
    *,
    permit: str,
    user: str,
    freeze: str | None = None,
    given: Mapping[str, object] | None = None,
    seed: int | None = None,
) -> tuple[Order, Extract]:
    """Settle a run.

    Args:
        site: the installation.
        study: what to run.
        permit: under which permit.
        user: who runs it; a researcher or analyst of the permit.
        freeze: which of the permit's extracts; by default the newest.
        given: parameters that differ from their defaults.
        seed: of random draws; by default the study's.

    Returns:
        The order, and the extract that it names.

    Raises:
        StudyError: a parameter is unknown, of the wrong type or outside its domain.
        PermitError: the permit can't be used, by this user or for this study.
        ReleaseError: there is no extract.
    """
    # A study that takes its seed as a parameter has one seed, not two.
    asked = dict(given or {})
    if seed is not None and "seed" in study.about.parameters:
        asked["seed"] = seed
    parameters = bind(study.about.parameters, asked)
    registered = _allowed(site, permit, user, study.about)
    extract = find_extract(site, permit, freeze)
    if extract.permit_digest != registered.digest:
        raise PermitError(
            f"permit {permit} was amended after its extract of freeze {extract.freeze} was made, which may "
            "hold what it no longer allows: make it anew with "
            f"`sundbench extract {permit} --freeze {extract.freeze}`"
        )
    moment = datetime.now(UTC)
    order = Order(
        run=f"{study.about.id}-{moment:%Y%m%d%H%M%S}-{secrets.token_hex(2)}",
        user=user,
        study=study.about.id,
        study_files=study.digests,
        parameters=parameters,
        seed=int(parameters.get("seed", study.about.seed if seed is None else seed)),
        permit=permit,
        permit_digest=registered.digest,
        freeze=extract.freeze,
        extract_digest=extract.digest,
        synthetic=extract.synthetic,
        policy=Policy(
            profile=registered.permit.disclosure, digest=profile(registered.permit.disclosure).digest
        ),
        started=moment,
        expires=registered.permit.expires,
    )
    return order, extract


def _allowed(site: Site, permit: str, user: str, study: StudyFile) -> Registered:
    """The permit, if this user may run this study under it today."""
    with database.reading(site) as session:
        registered = permits.usable(session, permit, permits.today())
    if not registered.permit.roles(user) & _MAY_RUN:
        raise PermitError(f"{user} is neither researcher nor analyst in permit {permit}: ask the steward")
    lacking = study.lacks(registered.permit, catalogue())
    if lacking is not None:
        raise PermitError(f"study {study.id} needs {lacking}, which permit {permit} doesn't allow: amend it")
    return registered
