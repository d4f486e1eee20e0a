"""Keeps the hub's processes up: the audit writer first, then JupyterHub, which starts the proxy and services.

What dies is started again, at once and then after waits that double up to a minute. Project servers are not
its children: they outlive the hub, which adopts them when it comes back. A supervisor that was killed leaves
its processes at work; the next one takes them over, if they are of the same version, or ends them.

``python -m sundbench.hub.supervisor`` is what `control.start` leaves running.
"""
