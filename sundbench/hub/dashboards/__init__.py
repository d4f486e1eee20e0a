"""Dashboards over released outputs: a service of the hub's, built on Voila, for those who may read them."""
