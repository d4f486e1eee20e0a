"""What people are told whom the log-in doesn't let in. The reason is what the audit log has."""

from __future__ import annotations

from sundbench.hub.refusal import Refused


def no_answer() -> Refused:
    """The provider can't be reached, or has a fault."""
    return Refused(
        "provider",
        da="Log-in-tjenesten svarer ikke lige nu. Prøv igen om lidt; eller sig det til driften.",
        en="The log-in service doesn't answer just now. Try again in a while; or tell the operator.",
        status=503,
    )


def stale() -> Refused:
    """The way back from the provider was used before, is too old, or began in another browser."""
    return Refused(
        "stale",
        da="Dette log-in er brugt eller forældet. Gå til forsiden, og log ind igen.",
        en="This log-in was used already, or is out of date. Go to the front page, and log in again.",
        status=400,
    )


def declined() -> Refused:
    """The provider, or the person there, said no."""
    return Refused(
        "declined",
        da="Log-in-tjenesten gennemførte ikke dit log-in. Gå til forsiden, og prøv igen.",
        en="The log-in service did not complete your log-in. Go to the front page, and try again.",
    )


def bad_token() -> Refused:
    """The provider's answer isn't what its standard demands, or wasn't meant for this hub."""
    return Refused(
        "token",
        da="Log-in-tjenestens svar kan ikke godtages. Prøv igen; bliver det ved, så sig det til driften.",
        en="The log-in service's answer can't be accepted. Try again; if it goes on, tell the operator.",
    )


def no_second_factor() -> Refused:
    """The log-in was weaker than the site demands, or too long ago."""
    return Refused(
        "second-factor",
        da="Dit log-in var ikke stærkt nok, eller er for gammelt. Log ind igen med to faktorer.",
        en="Your log-in was not strong enough, or too long ago. Log in again with two factors.",
    )


def not_in_group() -> Refused:
    """The person isn't in the group that the site requires."""
    return Refused(
        "group",
        da="Din konto er ikke åbnet for Sundbench. Spørg din organisations brugeradministration.",
        en="Your account is not open for Sundbench. Ask those who administer your organisation's accounts.",
    )


def no_name() -> Refused:
    """The account has no name that governance could know."""
    return Refused(
        "name",
        da="Din kontos navn kan ikke bruges i Sundbench. Spørg projektets ansvarlige.",
        en="Your account's name can't be used in Sundbench. Ask the project's steward.",
    )


def unknown() -> Refused:
    """Governance doesn't know the person."""
    return Refused(
        "not-registered",
        da="Du er ikke registreret i Sundbench. Spørg projektets ansvarlige.",
        en="You are not registered in Sundbench. Ask the project's steward.",
    )


def another_account() -> Refused:
    """The name belongs to another account of the provider's, or the account to another name."""
    return Refused(
        "another-account",
        da="Navnet hører til en anden konto end den, du loggede ind med. Spørg projektets ansvarlige.",
        en="The name belongs to another account than the one you logged in with. Ask the project's steward.",
    )
