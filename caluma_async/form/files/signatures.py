"""Addresses on this server for one deed with one blob, good for a while: signed, so that nobody makes up another."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal
from urllib.parse import urlencode
from uuid import UUID

from django.core import signing

from caluma_async.conf import settings
from caluma_async.errors import NotAllowed
from caluma_async.form.files.blobs import Blob

PATH: Final = "/files"
_SALT: Final = "caluma_async.form.files"

Deed = Literal["upload", "download"]


@dataclass(frozen=True, slots=True)
class Permit:
    """What an address allows: `name` is the one that a download is called."""

    deed: Deed
    blob: Blob
    name: str

    @property
    def url(self) -> str:
        """The address, without the host."""
        signature = signing.dumps([self.deed, self.blob.key.hex, self.blob.name, self.name], salt=_SALT)
        return f"{PATH}?{urlencode({'signature': signature})}"


def permit(signature: str) -> Permit:
    """What the signature of an address allows; raises `NotAllowed`."""
    try:
        lifetime = timedelta(minutes=settings.MINIO_PRESIGNED_TTL_MINUTES)
        deed, key, blob_name, name = signing.loads(signature, salt=_SALT, max_age=lifetime)
        return Permit(deed, Blob(UUID(key), blob_name), name)
    except signing.SignatureExpired as error:
        raise NotAllowed("This address is no longer good: ask for a new one.") from error
    except (signing.BadSignature, ValueError, TypeError) as error:
        raise NotAllowed("This address was not made by this server.") from error
