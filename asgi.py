"""The ASGI application: GraphQL, health and Django's own pages over HTTP, and the life of what runs beside them."""

import os

from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "caluma_async.settings")
django = get_asgi_application()

# only now: these need Django's apps
from caluma_async import health, serving  # noqa: E402
from caluma_async.access import guard, site  # noqa: E402
from caluma_async.conf import settings  # noqa: E402
from caluma_async.events import health as events_health  # noqa: E402
from caluma_async.events import lifecycle  # noqa: E402
from caluma_async.events.metrics import Metrics  # noqa: E402
from caluma_async.graphql.app import GraphQLApp  # noqa: E402
from caluma_async.graphql.live.app import LiveApp  # noqa: E402
from caluma_async.graphql.schema import schema  # noqa: E402
from caluma_async.lifespan import Lifespan  # noqa: E402
from caluma_async.media import MediaApp  # noqa: E402
from caluma_async.monitor.live import MonitorApp  # noqa: E402
from caluma_async.tracing import spans  # noqa: E402

site.current.rules()  # no server where everybody could do everything unasked

lifespan = Lifespan()
lifespan.register("tracing", stop=spans.flush)  # first, to be stopped last
serving.register_database(lifespan)
serving.register_authentication(lifespan)
serving.register_bus(lifespan)
lifespan.register("events", start=lifecycle.start, stop=lifecycle.stop)
serving.register_mutations(lifespan)

healthz = health.Health()
healthz.register("database", health.database)
healthz.register("events", events_health.check)

graphql = GraphQLApp(schema)
paths = {"/graphql": graphql, "/healthz": healthz, "/files": MediaApp()}
if settings.EVENT_METRICS:
    metrics = Metrics()
    metrics.listen()
    paths["/metrics"] = guard.for_metrics(metrics)

application = serving.protocols(
    paths,
    websockets={"/graphql": LiveApp(graphql), "/monitor/live": MonitorApp()},
    otherwise=ASGIStaticFilesHandler(django) if settings.ENV == "development" else django,
    lifespan=lifespan,
)
