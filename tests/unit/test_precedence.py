"""Requests come first: they are counted from the first byte to the last, however they end."""

from __future__ import annotations

from typing import Any

import pytest

from caluma_async.lifespan import Lifespan
from caluma_async.precedence import requests
from caluma_async.serving import protocols


@pytest.mark.parametrize("fails", [False, True])
async def test_a_request_is_under_way_until_its_application_returns(fails: bool) -> None:
    seen: list[bool] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        seen.append(requests.are_under_way)
        if fails:
            raise ConnectionError

    served = protocols({}, otherwise=application, lifespan=Lifespan())
    try:
        await served({"type": "http", "path": "/"}, None, None)
    except ConnectionError:
        seen.append(True)
    assert seen == [True] * (1 + fails)
    assert not requests.are_under_way
