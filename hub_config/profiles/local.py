"""One machine: the Python proxy, servers as processes beside the hub."""

from sundbench.hub.deployment import deployment
from sundbench.hub.local_spawner import LocalSpawner
from sundbench.hub.proxy.local import LocalProxy

c = get_config()  # noqa: F821 - JupyterHub gives it

settings = deployment().settings.hub

c.JupyterHub.bind_url = f"http://{settings.address}:{settings.port}/"
if settings.public_url is not None:
    c.JupyterHub.public_url = settings.public_url
c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{settings.hub_port}"
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{settings.proxy_port}"
c.JupyterHub.proxy_class = LocalProxy

c.JupyterHub.spawner_class = LocalSpawner
