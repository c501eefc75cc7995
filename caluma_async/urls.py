"""Django's own pages. GraphQL is routed beside them, in `asgi.py`."""

from django.contrib import admin
from django.urls import path

urlpatterns = [path("admin/", admin.site.urls)]
