"""Signatures of requests to S3 (version 4), checked by the published rules alone, as the fake of S3 does not."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final
from urllib.parse import quote, unquote

_PLAIN: Final = "-_.~"


class Guard:
    """A WSGI application before another one: what is not signed with the secret, or too late, is answered 403."""

    def __init__(self, guarded: Callable[..., Iterable[bytes]], secret: str) -> None:
        self._guarded = guarded
        self._secret = secret

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        refusal = None if environ["REQUEST_METHOD"] == "OPTIONS" else _refusal(environ, self._secret)
        if refusal is None:
            # whichever name the client had for it, it is a service and not a bucket's host
            environ["HTTP_HOST"] = f"{environ['SERVER_NAME']}:{environ['SERVER_PORT']}"
            return self._guarded(environ, start_response)
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        start_response("403 Forbidden", [("Content-Type", "application/xml")])
        return [f"<Error><Code>{refusal}</Code></Error>".encode()]


def _refusal(environ: dict[str, Any], secret: str) -> str | None:
    path, _, query = environ["REQUEST_URI"].partition("?")
    asked = [(unquote(name), unquote(value)) for name, _, value in (each.partition("=") for each in query.split("&"))]
    given = _given(environ, dict(asked))
    if given is None:
        return "AccessDenied"
    signature, scope, signed, moment, payload = given
    headers = "".join(f"{name}:{' '.join(_header(environ, name).split())}\n" for name in signed.split(";"))
    left = sorted(_pair(*each) for each in asked if each[0] not in {"", "X-Amz-Signature"})
    request = [environ["REQUEST_METHOD"], quote(unquote(path), f"/{_PLAIN}"), "&".join(left), headers, signed, payload]
    text = ["AWS4-HMAC-SHA256", moment, scope, sha256("\n".join(request).encode()).hexdigest()]
    key = f"AWS4{secret}".encode()
    for part in (*scope.split("/"), "\n".join(text)):
        key = hmac.digest(key, part.encode(), "sha256")
    if not hmac.compare_digest(key.hex(), signature):
        return "SignatureDoesNotMatch"
    lifetime = timedelta(seconds=int(dict(asked).get("X-Amz-Expires", "900")))
    began = datetime.strptime(moment, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    return None if datetime.now(UTC) < began + lifetime else "AccessDenied"


def _given(environ: dict[str, Any], asked: dict[str, str]) -> tuple[str, str, str, str, str] | None:
    """Signature, scope, names of the signed headers, time, and the hash of the body: by the address or by headers."""
    if "X-Amz-Signature" in asked:
        scope = asked["X-Amz-Credential"].partition("/")[2]
        return asked["X-Amz-Signature"], scope, asked["X-Amz-SignedHeaders"], asked["X-Amz-Date"], "UNSIGNED-PAYLOAD"
    _, _, parts = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    said = dict(part.strip().split("=", 1) for part in parts.split(",") if part)
    if "Signature" not in said:
        return None
    scope = said["Credential"].partition("/")[2]
    payload = _header(environ, "x-amz-content-sha256")
    return said["Signature"], scope, said["SignedHeaders"], _header(environ, "x-amz-date"), payload


def _header(environ: dict[str, Any], name: str) -> str:
    upper = name.upper().replace("-", "_")
    found: str = environ.get(upper if upper in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{upper}", "")
    return found


def _pair(name: str, value: str) -> str:
    return f"{quote(name, _PLAIN)}={quote(value, _PLAIN)}"
