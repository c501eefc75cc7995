"""Stands for `caluma.caluma_core.relay`."""

import base64
import binascii

__all__ = ["extract_global_id"]


def extract_global_id(id: str) -> str:  # noqa: A002 - the name that callers use
    """The key in a global id; anything else as it is."""
    try:
        name, found, key = base64.b64decode(id, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return id
    return key if found and name.isidentifier() else id
