"""JupyterHub's configuration: what every site has, then what its profile adds.

The operator decides nothing here but in ``<home>/hub/settings.toml`` (settings.toml beside this file lists
every setting); ``site.profile`` there names the profile.
"""

from pathlib import Path

from sundbench.errors import HubError
from sundbench.hub.deployment import deployment

c = get_config()  # noqa: F821 - JupyterHub gives it

for name in ("common", deployment().settings.site.profile):
    profile = Path(__file__).resolve().parent / "profiles" / f"{name}.py"
    if not profile.is_file():  # what is missing would be passed over, and leave JupyterHub's own defaults
        raise HubError(f"{profile} is not there: install hub_config whole")
    load_subconfig(str(profile))  # noqa: F821
