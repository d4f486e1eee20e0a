"""A job without sandbox, broker or Jupyter: answers over HTTP, and says what it was given."""

import json
import signal
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from sundbench.hub.assignment import Assignment

given = Assignment.take(Path(sys.argv[1]))


class Server(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps({"user": given.user, "permit": given.permit, "version": "stand-in"}).encode()
        self.send_response(200)
        self.send_header("X-JupyterHub-Version", "6.1.0")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


if (given.scratch / "fail").exists():
    sys.exit("told to fail")
if (given.scratch / "slow").exists():
    time.sleep(1.5)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
(given.runtime / "given.json").write_text(json.dumps({**given.environment, "secret": given.audit_secret}))
ThreadingHTTPServer(("127.0.0.1", given.port), Server).serve_forever()
