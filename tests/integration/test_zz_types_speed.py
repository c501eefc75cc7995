import time, asyncio, cProfile, pstats
import pytest, strawberry, strawberry_django
from asgiref.sync import async_to_sync
from caluma_async.graphql.context import Context
from caluma_async.graphql.database import on_callers_thread
from caluma_async.graphql.execution import execute, Asked, Schema
from caluma_async.graphql.schema import schema
from caluma_async.testing.factories import *
from caluma_async.workflow import models
from django.db import connection

@strawberry_django.type(models.WorkItem)
class WI:
    id: strawberry.auto
    created_at: strawberry.auto
    modified_at: strawberry.auto
    created_by_user: strawberry.auto
    created_by_group: strawberry.auto
    modified_by_user: strawberry.auto
    modified_by_group: strawberry.auto
    status: strawberry.auto
    closed_at: strawberry.auto
    closed_by_user: strawberry.auto
@strawberry.type
class Q:
    @strawberry.field
    def items(self) -> list[WI]: return ITEMS
ITEMS=[]
F="createdAt modifiedAt createdByUser createdByGroup modifiedByUser modifiedByGroup status closedAt closedByUser"
Q1 = "{ allWorkItems(first: 50) { edges { node { id status task { slug } case { id workflow { slug } } } } } }"
Q2 = "{ allWorkItems(first: 50) { edges { node { id %s } } } }" % F
Q3 = "{ items { id %s } }" % F
@pytest.mark.django_db
def test_speed():
    make_task("b"); make_workflow("w", start=["a"], flows={"a": "'b'|task"})
    for i in range(60): make_case("w", ready=["a"])
    ITEMS[:] = list(models.WorkItem.objects.all()[:50])
    sd = Schema(query=Q)
    for q, s in ((Q1, schema), (Q2, schema), (Q3, sd)):
        async def go(n):
            for _ in range(n):
                r = await execute(s, Asked(query=q), Context())
            assert "errors" not in r.body, r.body
        with on_callers_thread():
            async_to_sync(go)(3)
            best=9
            for _ in range(5):
                t=time.perf_counter(); async_to_sync(go)(20); best=min(best,(time.perf_counter()-t)/20)
            print("ms per request", best*1000)
    # only graphql, ours
    prof = cProfile.Profile()
    async def inner():
        from caluma_async.graphql import connections
        from caluma_async.graphql.pages import Rows
        async def fake(fn): return Rows(ITEMS)
        connections.orm = fake
        best=9
        for _ in range(5):
            t=time.perf_counter()
            for _ in range(20): r = await execute(schema, Asked(query=Q2), Context())
            best=min(best,(time.perf_counter()-t)/20)
        assert "errors" not in r.body, r.body
        print("GraphQL alone ms", best*1000)
        prof.enable()
        for _ in range(20): r = await execute(schema, Asked(query=Q2), Context())
        prof.disable()
    async_to_sync(inner)()
    pstats.Stats(prof).sort_stats("tottime").print_stats(14)
