"""A fake of an OPA server, as far as Bridle speaks with one: its data API, its tokens, its answer to a module it cannot read.

It evaluates with the embedded engine, so that it says nothing about OPA's own evaluation.
"""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import regorus


class FakeOpaServer(HTTPServer):
    """Serves one request at a time. `says`, when given, is the status and the body of every answer."""

    def __init__(self, modules, token):
        super().__init__(("127.0.0.1", 0), Handler)
        self.modules, self.token, self.says, self.engine = modules, token, None, None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def run(self):
        self.engine = regorus.Engine()  # belongs to the thread that makes it
        for name, text in self.modules.items():
            self.engine.add_policy(name, text)
        self.serve_forever(poll_interval=0.02)
        self.engine = None  # and has to end there


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if not self._known():
            return self._answer(401, {"code": "unauthorized"})
        if self.server.says is not None:
            return self._answer(*self.server.says)
        rule = "data." + self.path.removeprefix("/v1/data/").replace("/", ".")
        self.server.engine.set_input_json(json.dumps(body["input"]))
        try:
            value = json.loads(self.server.engine.eval_rule_as_json(rule))
        except RuntimeError:
            return self._answer(200, {})
        return self._answer(200, {} if value == "<undefined>" else {"result": value})

    def do_PUT(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        return self._answer(400 if self._known() else 401, {"code": "invalid_parameter"})

    def _known(self):
        return not self.server.token or self.headers.get("Authorization") == f"Bearer {self.server.token}"

    def _answer(self, status, body):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@contextmanager
def run_fake_opa(modules, token=""):
    server = FakeOpaServer(modules, token)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
