"""One machine: the Python proxy, servers as processes beside the hub."""

from sundbench.hub.deployment import deployment
from sundbench.hub.local_spawner import LocalSpawner

c = get_config()  # noqa: F821 - JupyterHub gives it

settings = deployment().settings.hub

c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{settings.hub_port}"
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{settings.proxy_port}"

c.JupyterHub.spawner_class = LocalSpawner
