"""A cluster: servers are Slurm's jobs on its nodes; all parts speak TLS, with certificates on both sides."""

from sundbench.hub.audit_gateway import certificates
from sundbench.hub.deployment import deployment
from sundbench.hub.internal_tls import believe_only_the_inner_authorities
from sundbench.hub.server_names import ForAiohttp
from sundbench.hub.slurm.certificates import alternative
from sundbench.hub.slurm.letter import PORT_PATH
from sundbench.hub.slurm.reports import PortHandler
from sundbench.hub.slurm.spawner import ClusterSpawner

c = get_config()  # noqa: F821 - JupyterHub gives it

hub, slurm = deployment().settings.hub, deployment().settings.slurm

c.ConfigurableHTTPProxy.api_url = f"https://127.0.0.1:{hub.proxy_port}"

believe_only_the_inner_authorities()
c.JupyterHub.internal_ssl = True
c.JupyterHub.internal_certs_location = str(certificates(deployment().site))
c.JupyterHub.trusted_alt_names = [alternative(slurm.host)]
c.JupyterHub.hub_bind_url = f"https://0.0.0.0:{hub.hub_port}"
c.JupyterHub.hub_connect_url = f"https://{slurm.host}:{hub.hub_port}"

# The hub, too, knows a server by its own name.
c.JupyterHubHTTPClient.connector_options = {"resolver": ForAiohttp()}

c.JupyterHub.spawner_class = ClusterSpawner
c.JupyterHub.extra_handlers = [(f"/api{PORT_PATH}", PortHandler)]
# A start may wait in Slurm's queue.
c.Spawner.start_timeout = slurm.queue_minutes * 60 + hub.start_timeout + 60
