"""Who may see and do what. The rules of the domain itself are not here: those hold for everybody."""

from typing import Final

from caluma_async.access.base import Access, Deed, Operation, Trusted

TRUSTED: Final = Trusted()

__all__ = ["TRUSTED", "Access", "Deed", "Operation", "Trusted"]
