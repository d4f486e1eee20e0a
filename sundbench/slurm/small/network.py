"""The small cluster's network: a switch in a namespace of its own, a cable to each node, and one to the host.

Namespaces have no names and hang on processes: they, and all cables with them, are gone with the cluster's
first process, however it ends.

    10.213.K.1, .2, ...   nodes, each in a network namespace of its own
    10.213.K.253          Slurm's controller, at the switch
    10.213.K.254          this machine; nodes reach it, and nothing beyond it
"""

from __future__ import annotations

import subprocess

CONTROLLER, HOST = 253, 254
MOST_NODES = 200
_NETWORKS = range(1, 255)


class NoNetworkError(Exception):
    """The cluster's network can't be made here; says why."""


def address(network: int, number: int) -> str:
    """The address with this number in one of the networks."""
    return f"10.213.{network}.{number}"


def interface(network: int) -> str:
    """The name of the cable's end, on this machine and on every node: software wants one for all."""
    return f"sundbench{network}"


def join_host(process: int) -> int:
    """Lay a cable from this machine to the switch.

    Args:
        process: who is in the switch's namespace.

    Returns:
        The network: one that no other cluster on this machine has.

    Raises:
        NoNetworkError: there can be no cable, or all networks are taken.
    """
    for network in _NETWORKS:
        name = interface(network)
        # The kernel has no two interfaces of one name: it is the claim to the network.
        made = _ip("link", "add", name, "type", "veth", "peer", "name", "host", "netns", str(process))
        if made is None:
            _must("address", "add", f"{address(network, HOST)}/24", "dev", name)
            _must("link", "set", name, "up")
            return network
        if "exists" not in made:
            raise NoNetworkError(made)
    raise NoNetworkError(f"{len(_NETWORKS)} small clusters run here already")


def make_switch(network: int) -> None:
    """Join the host's cable, in the switch's namespace."""
    _must("link", "set", "lo", "up")
    _must("link", "add", "switch", "type", "bridge")
    _must("address", "add", f"{address(network, CONTROLLER)}/24", "dev", "switch")
    _must("link", "set", "switch", "up")
    _must("link", "set", "host", "master", "switch", "up")


def join_node(network: int, node: str, number: int, process: int) -> None:
    """Lay a cable from the switch, in whose namespace this is called, to a node.

    Args:
        network: the cluster's.
        node: its name, which becomes the cable's.
        number: its address's.
        process: who is in its namespace.
    """
    name = interface(network)
    _must("link", "add", node, "type", "veth", "peer", "name", name, "netns", str(process))
    _must("link", "set", node, "master", "switch", "up")
    inside = ("nsenter", f"--net=/proc/{process}/ns/net", "ip")
    for command in (
        ("link", "set", "lo", "up"),
        ("address", "add", f"{address(network, number)}/24", "dev", name),
        ("link", "set", name, "up"),
    ):
        subprocess.run([*inside, *command], check=True)


def plug(node: str, *, pulled: bool) -> None:
    """Pull a node's cable, or put it back."""
    _must("link", "set", node, "down" if pulled else "up")


def _must(*command: str) -> None:
    if said := _ip(*command):
        raise NoNetworkError(f"ip {' '.join(command)}: {said}")


def _ip(*command: str) -> str | None:
    """None, or what was wrong."""
    done = subprocess.run(["ip", *command], check=False, capture_output=True, text=True)
    return None if done.returncode == 0 else done.stderr.strip() or f"exit code {done.returncode}"
