"""`/files`: uploads to the folder that is the storage, and downloads from it. The address says who may do what.

A blob goes through memory in pieces, and to the file system in threads: the event loop waits for neither.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from io import BytesIO
from typing import Any, BinaryIO, Final

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse
from django.utils.http import content_disposition_header, http_date

from caluma_async.errors import NotAllowed
from caluma_async.form.files import signatures
from caluma_async.form.files.blobs import harmless
from caluma_async.form.files.folder import Folder, Intake, described
from caluma_async.form.files.limits import too_large, wrong_type
from caluma_async.form.files.signatures import Permit
from caluma_async.form.files.storage import storage
from caluma_async.graphql import errors
from caluma_async.graphql.body import BadRequestError
from caluma_async.graphql.middleware import Middleware, json_response

Receive = Callable[[], Awaitable[Any]]

_PIECE: Final = 1_000_000
_SAFE: Final = {
    "Cache-Control": "private",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "X-Content-Type-Options": "nosniff",
}
"""Whatever was uploaded: no browser takes it for a page of this site."""


class MediaApp:
    """The ASGI application for `/files`."""

    def __init__(self) -> None:
        self._middleware = Middleware()

    async def __call__(self, scope: Any, receive: Receive, send: Any) -> None:
        """Serve one ASGI `http` scope."""
        try:
            request = ASGIRequest(scope, BytesIO())
            response = await self._middleware(request, lambda request: _answered(request, receive))
        except UnicodeDecodeError:
            response = json_response(400, errors.outermost("The address of the request is not UTF-8."))
        if not isinstance(response, _Download):
            response.headers["Content-Length"] = str(len(response.content))
        headers = [(name.encode("ascii"), value.encode("latin-1")) for name, value in response.items()]
        await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
        if isinstance(response, _Download):
            async with aclosing(response.pieces):
                async for piece in response.pieces:
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": response.content})


class _Download(HttpResponse):
    """A response whose content goes out in pieces."""

    def __init__(self, pieces: AsyncGenerator[bytes], headers: dict[str, str]) -> None:
        super().__init__(headers=headers)
        self.pieces = pieces


async def _answered(request: HttpRequest, receive: Receive) -> HttpResponse:
    try:
        folder = storage()
        if not isinstance(folder, Folder):
            raise BadRequestError("Files are not kept on this server.", 404)
        if request.method == "PUT":
            return await _upload(_allowed(request, "upload"), folder, request, receive)
        if request.method in {"GET", "HEAD"}:
            return await _download(_allowed(request, "download"), folder, request)
        raise BadRequestError("Files are put and got.", 405, {"Allow": "GET, HEAD, PUT"})
    except NotAllowed as error:
        return json_response(403, errors.outermost(error.message))
    except BadRequestError as error:
        return json_response(error.status, errors.outermost(error.message), error.headers)


def _allowed(request: HttpRequest, deed: str) -> Permit:
    permit = signatures.permit(request.GET.get("signature", ""))
    if permit.deed != deed:
        raise NotAllowed(f"This address is good for the {permit.deed} of a file only.")
    return permit


async def _upload(permit: Permit, folder: Folder, request: HttpRequest, receive: Receive) -> HttpResponse:
    _check_type(permit, request)
    announced = request.headers.get("Content-Length", "")
    _check_size(int(announced) if announced.isdecimal() and len(announced) < 20 else 0)
    intake = await asyncio.to_thread(folder.receive)
    try:
        await _take_in(intake, receive)
        found = await asyncio.to_thread(intake.keep, permit.blob)
    finally:
        await asyncio.to_thread(intake.close)
    return HttpResponse(status=200, headers={"ETag": f'"{described(permit.blob, found).etag}"'})


async def _take_in(intake: Intake, receive: Receive) -> None:
    """Write the body down as it comes."""
    size, more = 0, True
    while more:
        piece = bytearray()
        while more and len(piece) < _PIECE:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise BadRequestError("The connection was closed before the file was complete.")
            piece += message.get("body", b"")
            more = message.get("more_body", False)
        size += len(piece)
        _check_size(size)
        await asyncio.to_thread(intake.file.write, piece)


def _check_size(size: int) -> None:
    if complaint := too_large(size):
        raise BadRequestError(complaint, 413)


def _check_type(permit: Permit, request: HttpRequest) -> None:
    """What the file is by its name, and by the request if that says it, must be allowed."""
    kinds = {permit.blob.content_type, str(request.content_type or permit.blob.content_type).lower()}
    if complaint := wrong_type(kinds):
        raise BadRequestError(complaint, 415)


async def _download(permit: Permit, folder: Folder, request: HttpRequest) -> HttpResponse:
    try:
        file = await asyncio.to_thread(folder.open, permit.blob)
    except FileNotFoundError as error:
        raise BadRequestError("Nothing has been uploaded for this file.", 404) from error
    found = described(permit.blob, os.fstat(file.fileno()))
    headers = {
        **_SAFE,
        "Content-Type": found.content_type,
        "Content-Length": str(found.size),
        "Content-Disposition": str(content_disposition_header(True, harmless(permit.name))),
        "ETag": f'"{found.etag}"',
        "Last-Modified": http_date(found.last_modified.timestamp()),
    }
    pieces = _pieces(file, 0 if request.method == "HEAD" else found.size)
    return _Download(pieces, headers)


async def _pieces(file: BinaryIO, left: int) -> AsyncGenerator[bytes]:
    try:
        while left > 0 and (piece := await asyncio.to_thread(file.read, min(_PIECE, left))):
            left -= len(piece)
            yield piece
    finally:
        await asyncio.to_thread(file.close)
