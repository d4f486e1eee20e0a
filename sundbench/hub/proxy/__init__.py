"""The one port that browsers use: configurable-http-proxy's Python version, made fit for many at once."""
