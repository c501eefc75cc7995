"""An identity provider on the loopback, for tests: it has keys, signs tokens, and knows whose they are."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

ISSUER = "https://login.example.org"
AUDIENCE = "caluma"


@cache
def private_key(name: str) -> rsa.RSAPrivateKey:
    """A key of that name."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def public_jwk(name: str, **more: Any) -> dict[str, Any]:
    """The public half of it, as providers publish it."""
    jwk: dict[str, Any] = RSAAlgorithm.to_jwk(private_key(name).public_key(), as_dict=True)
    return {"kid": name, "use": "sig", **{key: jwk[key] for key in ("kty", "n", "e")}, **more}


def token(
    *, key: Any = "first", kid: str | None = "first", algorithm: str = "RS256", lasts: float = 300, **claims: Any
) -> str:
    """A token of anna's; `key` is the name of the provider's key, or another key. `None` leaves a claim out."""
    now = time.time()
    given = {"sub": "anna", "iss": ISSUER, "aud": AUDIENCE, "iat": now, "exp": now + lasts, **claims}
    payload = {name: value for name, value in given.items() if value is not None}
    secret = private_key(key) if isinstance(key, str) and algorithm.startswith("RS") else key
    return jwt.encode(payload, secret, algorithm=algorithm, headers={} if kid is None else {"kid": kid})


class IdentityProvider:
    """What it answers with, and what it was asked for: paths, and tokens of userinfo."""

    def __init__(self, address: str) -> None:
        self.keys_at = f"{address}/keys"
        self.userinfo_at = f"{address}/userinfo"
        self.keys: Any = {"keys": [public_jwk("first")]}
        self.known: dict[str, Any] = {}
        self.status = 200
        self.asked: list[str] = []
        self.go_on = threading.Event()
        self.go_on.set()
        self._was_asked = threading.Event()

    def was_asked(self, seconds: float) -> bool:
        """Wait for the first request; whether there was one within so many seconds."""
        return self._was_asked.wait(seconds)

    async def has_been_asked(self) -> None:
        """Wait for the first request."""
        assert await asyncio.to_thread(self.was_asked, 30)

    def answer(self, path: str, authorization: str) -> tuple[int, bytes]:
        """What one request gets, as soon as it may go on."""
        self.asked.append(path)
        self._was_asked.set()
        self.go_on.wait(30)
        if self.status != 200:
            return self.status, b"{}"
        if path == "/keys":
            return 200, json.dumps(self.keys).encode()
        known = self.known.get(authorization.removeprefix("Bearer "))
        if isinstance(known, bytes):
            return 200, known
        return (401, b"{}") if known is None else (200, json.dumps(known).encode())


@contextmanager
def identity_provider() -> Iterator[IdentityProvider]:
    """One that listens on the loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = provider.answer(self.path, self.headers.get("Authorization", ""))
            with suppress(ConnectionError):  # who asked may have left
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        provider = IdentityProvider(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield provider
        finally:
            provider.go_on.set()
            server.shutdown()
            thread.join()
