"""Where files can be put and got, and what the storage knows of them. Asked in threads: a storage may take its time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from caluma_async.form.files.blobs import Blob
from caluma_async.form.files.storage import Storage, storage
from caluma_async.form.models import File
from caluma_async.graphql.context import Context
from caluma_async.graphql.fields import answered_by
from caluma_async.graphql.selection import ResolveInfo

_READS = ("name", "stored_name")


def upload_url() -> Any:
    """A field with the address at which the file can be put, for a while."""
    return _address(lambda kept, file: kept.upload_url(file.blob))


def download_url() -> Any:
    """A field with the address at which the file can be got, for a while."""
    return _address(lambda kept, file: kept.download_url(file.blob, file.name))


def metadata() -> Any:
    """A field with what the storage knows of the file; null before the upload."""

    async def resolve(source: File, _info: ResolveInfo, /, **_: Any) -> Any:
        return await metadata_of(source.blob)

    return answered_by(resolve, reads=_READS)


async def metadata_of(blob: Blob) -> Any:
    """What the storage knows of a blob, as the API shows it."""
    found = await asyncio.to_thread(lambda: storage().metadata(blob))
    return None if found is None else found.as_json()


async def address(asked: Callable[[Storage], str], context: Context) -> str:
    """What the storage answers, as an address for the client: with this server's host if it has none."""
    url = await asyncio.to_thread(lambda: asked(storage()))
    request = context.request
    if not url.startswith("/") or "SERVER_NAME" not in request.META:
        return url
    return request.build_absolute_uri(f"{request.META.get('SCRIPT_NAME', '').rstrip('/')}{url}")


def _address(of: Callable[[Storage, File], str]) -> Any:
    async def resolve(source: File, info: ResolveInfo, /, **_: Any) -> str:
        return await address(lambda kept: of(kept, source), info.context)

    return answered_by(resolve, reads=_READS)
