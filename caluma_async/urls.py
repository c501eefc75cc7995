"""Django's own pages. GraphQL is routed beside them, in `asgi.py`."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [path("admin/", admin.site.urls), path("monitor/", include("caluma_async.monitor.urls"))]
