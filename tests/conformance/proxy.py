"""A proxy in front of moto that goes wrong on request: what it does is decided for each request by the judge's rule.

A fault is a function of the request and of `forward`, which sends the request on and returns moto's answer. It answers
by `Request.answer`, or leaves the client alone. Whether moto got the request is thus the fault's own doing.
"""

import http.client
import http.server
import re
import socket
import threading
import time
from urllib.parse import urlsplit

# Whatever waits in a fault ends with the proxy.
PATIENCE = 600


class Request:
    """One request, and the connection it came on."""

    def __init__(self, handler, body):
        self.handler, self.body = handler, body
        self.method, self.path = handler.command, handler.path
        credential = re.search(r"Credential=([^/]+)/\d+/([^/]+)/([^/]+)/", handler.headers.get("Authorization", ""))
        self.key, self.region, self.service = credential.groups() if credential else ("", "", "")
        action = re.search(rb"(?:^|&)Action=(\w+)", body)
        target = handler.headers.get("X-Amz-Target", "")
        if target:
            self.operation = target.split(".")[-1]
        elif action:
            self.operation = action.group(1).decode()
        else:
            self.operation = self.method
        self.at, self.fault = time.monotonic(), ""

    def answer(self, status, body=b"", headers=(), pace=None, sent=None):
        """Answers; `pace` sends that many bytes a second, `sent` cuts the connection after so many bytes."""
        head = [f"HTTP/1.1 {status} {http.client.responses.get(status, '')}"]
        named = {name.lower() for name, _ in headers}
        head += [f"{name}: {value}" for name, value in headers if name.lower() not in ("transfer-encoding", "connection")]
        if "content-length" not in named:
            head.append(f"Content-Length: {len(body)}")
        out, connection = self.handler.wfile, self.handler.connection
        out.write(("\r\n".join(head) + "\r\n\r\n").encode())
        if self.method == "HEAD":
            return
        if sent is not None:
            out.write(body[:sent])
            self.reset()
            return
        if pace is None:
            out.write(body)
            return
        for at in range(0, len(body), pace):
            out.write(body[at:at + pace])
            out.flush()
            if self.handler.server.closing.wait(1):
                break
        connection.close()

    def reset(self):
        self.handler.close_connection = True
        connection = self.handler.connection
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.close()

    def wait(self):
        """Says nothing until the client goes or the proxy ends."""
        self.handler.close_connection = True
        self.handler.server.closing.wait(PATIENCE)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 0

    def log_message(self, *_):
        pass

    def body(self):
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            whole = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                whole += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return whole
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def go(self):
        body = self.body()
        request = Request(self, body)

        def forward():
            upstream = http.client.HTTPConnection(*self.server.upstream, timeout=PATIENCE)
            upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in ("connection", "transfer-encoding", "content-length", "expect"):
                    upstream.putheader(name, value)
            upstream.putheader("Content-Length", str(len(body)))
            upstream.endheaders(body or None)
            answer = upstream.getresponse()
            found = answer.status, answer.read(), answer.getheaders()
            upstream.close()
            return found

        fault = self.server.rule(request)
        request.fault = getattr(fault, "__name__", "") if fault else ""
        self.server.seen.append(request)
        try:
            if fault:
                fault(request, forward)
            else:
                request.answer(*forward())
        except OSError:  # the client has gone
            self.close_connection = True

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = go


class Proxy(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, url):
        super().__init__(("127.0.0.1", 0), Handler)
        parts = urlsplit(url)
        self.upstream = (parts.hostname, parts.port)
        self.rule, self.seen, self.closing = lambda _: None, [], threading.Event()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, *_):
        pass  # clients go when they have waited long enough

    def stop(self):
        self.closing.set()
        self.shutdown()


# What goes wrong. Those that call `forward` have moto do what was asked.

def trickled(request, forward):
    request.answer(*forward(), pace=1)


def swallowed(request, forward):
    forward()
    request.wait()


def silent(request, _):
    request.wait()


def cut(request, forward):
    status, body, headers = forward()
    headers = [(name, value) for name, value in headers if name.lower() != "content-length"]
    request.answer(status, body, [*headers, ("Content-Length", str(len(body) + 1))], sent=len(body) // 2)


def refused(request, _):
    request.reset()


def garbled_xml(request, _):
    request.answer(200, b"<Response><Result><Item>", [("Content-Type", "text/xml")])


def garbled_json(request, _):
    request.answer(200, b'{"Accounts": [{', [("Content-Type", "application/x-amz-json-1.1")])


def web_page(request, _):
    page = b"<!DOCTYPE html><html><head><title>Blocked by policy</title></head></html>"
    request.answer(403, page, [("Content-Type", "text/html")])


def slow_down(request, _):
    body = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
    request.answer(503, body, [("Content-Type", "application/xml")])


def too_many(request, _):
    body = b'{"__type": "ThrottlingException", "message": "Rate exceeded"}'
    request.answer(429, body, [("Content-Type", "application/x-amz-json-1.1"), ("Retry-After", "2")])


def unavailable(request, _):
    body = b"<ErrorResponse><Error><Code>ServiceUnavailable</Code><Message>busy</Message></Error></ErrorResponse>"
    request.answer(503, body, [("Content-Type", "text/xml")])
