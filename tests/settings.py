"""The product's settings on the tests' database."""

import os

from tests.databases import test_database_url

os.environ["DATABASE_URL"] = test_database_url()

from caluma_async.settings import *  # noqa: F403
from caluma_async.settings import DATABASES, INSTALLED_APPS

_name = os.environ.get("TEST_NAME", "caluma_async")
_default = DATABASES["default"]
if _default["ENGINE"] == "django.db.backends.sqlite3":
    # a file, not memory: threads and their locks are what many tests are about
    _default["TEST"] = {"NAME": f"{_default['NAME']}.{_name}"}
else:
    _default["TEST"] = {"NAME": f"test_{_name}"}
    _default["CONN_MAX_AGE"] = 0
    INSTALLED_APPS.append("procrastinate.contrib.django")

EVENT_RECEIVER_MODULES: list[str] = []
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
