"""Where the monitor's pages are. Its socket is routed beside GraphQL's, in `asgi.py`."""

from django.urls import path

from caluma_async.monitor import views

app_name = "monitor"
urlpatterns = [
    path("", views.page, name="page"),
    path("state", views.state, name="state"),
    path("act", views.act, name="act"),
]
