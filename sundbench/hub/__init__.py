"""JupyterHub: sandboxed project servers, their kernels, and the pages around them."""
