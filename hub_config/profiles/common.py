"""What holds on every site: rights, pages, cookies, the audit log; nothing about where servers run."""

import logging
from pathlib import Path

from sundbench.hub import database
from sundbench.hub.authenticator import PasswordAuthenticator
from sundbench.hub.deployment import deployment
from sundbench.hub.oidc.authenticator import OidcAuthenticator
from sundbench.hub.pages import HEADERS, log_and_record
from sundbench.hub.pages.home import last_words
from sundbench.hub.proxy.local import LocalProxy
from sundbench.hub.rights import roles
from sundbench.hub.runtime import secret
from sundbench.hub.services import host, service_roles, services

c = get_config()  # noqa: F821 - JupyterHub gives it

hub = deployment()
site, settings = hub.site, hub.settings
here = Path(__file__).resolve().parent.parent

logging.getLogger("alembic").setLevel(logging.WARNING)  # two lines at each look at governance

# The hub and its state.
c.JupyterHub.db_url = database.url(site, settings.database)
c.JupyterHub.db_kwargs = database.arguments(settings.database)
c.JupyterHub.cookie_secret = bytes.fromhex(secret(site, "cookie"))
c.JupyterHub.cookie_max_age_days = settings.idle.session_hours / 24
c.ConfigurableHTTPProxy.auth_token = secret(site, "proxy")
c.ConfigurableHTTPProxy.pid_file = str(site.hub / "jupyterhub-proxy.pid")
# Ending the hub leaves servers at work, for the next hub to adopt; stopping the platform stops them.
c.JupyterHub.cleanup_servers = False
c.JupyterHub.last_activity_interval = 60
c.JupyterHub.authenticate_prometheus = True
# A server that was starting when its hub was killed waits for the hub: which must not wait for it.
c.JupyterHub.init_spawners_timeout = 3

# The front door.
front = settings.hub
c.JupyterHub.bind_url = f"{'https' if settings.tls.used else 'http'}://{front.address}:{front.port}/"
if settings.tls.used:
    c.JupyterHub.ssl_cert, c.JupyterHub.ssl_key = str(settings.tls.certificate), str(settings.tls.key)
if front.public_url is not None:
    c.JupyterHub.public_url = front.public_url
if settings.tls.subdomains:
    c.JupyterHub.subdomain_host = front.url.rstrip("/")
    c.JupyterHub.subdomain_hook = host
c.JupyterHub.proxy_class = LocalProxy

# Who someone is: the identity provider says, or a password kept here.
c.JupyterHub.authenticator_class = OidcAuthenticator if settings.oidc.used else PasswordAuthenticator
c.Authenticator.auth_refresh_age = 30
c.CryptKeeper.keys = [secret(site, "auth-state")]

# Rights: governance's, through groups. Nobody is JupyterHub's own admin, and nobody holds `self`.
c.JupyterHub.services = services(hub)
c.JupyterHub.load_roles = [*roles(one["name"] for one in services(hub)), *service_roles(hub)]
c.Authenticator.admin_users = set()
c.GovernanceAuthenticator.hub_config = str(here)
c.GovernanceAuthenticator.theme = str(here.parent / "reports" / "theme")

# A server is a project: there are named servers only, and the spawner refuses the one without a name.
c.JupyterHub.allow_named_servers = True
c.JupyterHub.redirect_to_server = False
c.JupyterHub.default_url = "/hub/home"
c.JupyterHub.implicit_spawn_seconds = 0
# Starts queue in the spawner: JupyterHub's own limit would reject.
c.JupyterHub.concurrent_spawn_limit = 0
c.Spawner.start_timeout = 3600
c.Spawner.http_timeout = 60
c.Spawner.poll_interval = 5
c.Spawner.consecutive_failure_limit = 0
c.Spawner.disable_user_config = True

# Pages.
c.JupyterHub.template_paths = [str(here / "templates")]
c.JupyterHub.template_vars = {
    "site_name": {"da": settings.site.name.da, "en": settings.site.name.en},
    "demonstration": settings.site.demonstration,
    "last_words": last_words,
    "provider": settings.oidc.name.model_dump() if settings.oidc.used else None,
}
encrypted = settings.hub.url.startswith("https:")
cookies = {"samesite": "Lax", **({"secure": True} if encrypted else {})}
c.JupyterHub.tornado_settings = {
    "headers": HEADERS | ({"Strict-Transport-Security": "max-age=31536000"} if encrypted else {}),
    "log_function": log_and_record,
    "cookie_options": cookies,
    "xsrf_cookie_kwargs": dict(cookies),
    # The API says within these seconds whether a start was refused; after that, that it goes on.
    "slow_spawn_timeout": 3,
}
