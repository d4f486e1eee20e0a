"""The store: national freezes, the identity vault and each permit's extract."""
