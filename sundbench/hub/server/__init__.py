"""One project's JupyterLab server, locked down: ``python -I -m sundbench.hub.server DESCRIPTOR``.

The server is the one process that both a browser and a kernel talk to. It holds no data: it sees the
project's notebooks and the sockets of its kernels. What passes through it is decided here: which addresses
answer (`routes`), who may ask for what (`authorizer`), which files come in and go out (`contents`), and which
messages reach a kernel, each recorded first (`channels`).
"""
