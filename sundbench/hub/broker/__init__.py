"""The broker: starts a server's kernels, each in a sandbox of its own, outside the server's.

A server asks for a kernel by its id and a policy's name. It can't name a command, a mount or a limit: those
come from the server's assignment and the policies, which it doesn't hold.
"""
