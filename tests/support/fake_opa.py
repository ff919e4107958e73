"""A fake of an OPA server, as far as Bridle speaks with one: its data API, its tokens, its answer to a module it cannot read.

It evaluates with OPA's own library where that is installed (its wheel wants Python 3.14), and says what OPA says. Elsewhere it
evaluates with the embedded engine, and says nothing about OPA's own evaluation.
"""

import importlib.util
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import regorus

HAS_OPA = importlib.util.find_spec("opa_bindings") is not None
UNDEFINED = object()


def open_opa(modules):
    """Return a function of a path below `data` and an input that evaluates with OPA itself."""
    from opa_bindings import OpaEngine, OpaUndefinedError

    engine = OpaEngine()
    for name, text in modules.items():
        engine.add_policy(name, text)

    def evaluate(path, given):
        try:
            return engine.eval_document(path, given)
        except OpaUndefinedError:
            return UNDEFINED

    return evaluate


def open_embedded(modules):
    """Return the same with the embedded engine."""
    engine = regorus.Engine()
    for name, text in modules.items():
        engine.add_policy(name, text)

    def evaluate(path, given):
        engine.set_input_json(json.dumps(given))
        try:
            value = json.loads(engine.eval_rule_as_json(f"data.{path}"))
        except RuntimeError:
            return UNDEFINED
        return UNDEFINED if value == "<undefined>" else value

    return evaluate


class FakeOpaServer(HTTPServer):
    """Serves one request at a time. `says`, when given, is the status and the body of every answer."""

    def __init__(self, modules, token):
        super().__init__(("127.0.0.1", 0), Handler)
        self.modules, self.token, self.says, self.evaluate = modules, token, None, None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def run(self):
        self.evaluate = (open_opa if HAS_OPA else open_embedded)(
            self.modules
        )  # is of the thread that makes it
        self.serve_forever(poll_interval=0.02)
        self.evaluate = None  # and has to end there


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if not self._known():
            return self._answer(401, {"code": "unauthorized"})
        if self.server.says is not None:
            return self._answer(*self.server.says)
        value = self.server.evaluate(self.path.removeprefix("/v1/data/").replace("/", "."), body["input"])
        return self._answer(200, {} if value is UNDEFINED else {"result": value})

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
