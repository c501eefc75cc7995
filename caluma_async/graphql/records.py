"""What every record shows: who made it and who changed it, and when."""

from __future__ import annotations

from datetime import datetime

import strawberry


@strawberry.type
class Recorded:
    """Who made it and who changed it last, and when."""

    created_at: datetime
    modified_at: datetime
    created_by_user: str | None
    created_by_group: str | None
    modified_by_user: str | None
    modified_by_group: str | None
