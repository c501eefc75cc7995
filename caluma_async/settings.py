"""Django's settings, read from the environment or a `.env` file. Our own stand in `conf.py`, with their defaults."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from caluma_async.conf import DEVELOPMENT_KEY, Environment, settings
from caluma_async.errors import Misconfigured

BASE_DIR = Path(__file__).resolve().parent.parent
_environment = Environment(BASE_DIR / ".env")
globals().update(_environment.overrides())

ENV = _environment.get("ENV", "development")
if ENV not in {"development", "production"}:
    raise Misconfigured(f"ENV={ENV!r}: must be development or production.")
_development = ENV == "development"

DEBUG = _environment.flag("DEBUG", False)
SECRET_KEY = _environment.get("SECRET_KEY", DEVELOPMENT_KEY if _development else "")
if not _development and SECRET_KEY in {"", DEVELOPMENT_KEY}:
    raise Misconfigured("ENV=production needs a SECRET_KEY of its own (50 or more random characters).")
ALLOWED_HOSTS = _environment.items("ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"] if _development else [])
GRAPHIQL = _environment.flag("GRAPHIQL", _development)
GRAPHQL_INTROSPECTION = _environment.flag("GRAPHQL_INTROSPECTION", _development)

INSTALLED_APPS = [
    "caluma_async.compat",  # first: what `caluma` stands for must be known before receivers are imported
    "caluma_async.access",
    "caluma_async.events",
    "caluma_async.form",
    "caluma_async.workflow",
    "caluma_async.monitor",
    "caluma_async.tracing",
    "caluma_async.demo",
    "caluma_async",  # for its commands
    "corsheaders",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]
MIDDLEWARE = [
    "corsheaders.middleware.CorsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "caluma_async.urls"
APPEND_SLASH = True
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]


def _database() -> dict[str, Any]:
    """The default database with what the verbs rely on: lock time-outs, and write locks taken at BEGIN on SQLite."""
    database = _environment.database(f"sqlite:///{BASE_DIR / 'db.sqlite3'}")
    lock_timeout = float(globals().get("LOCK_TIMEOUT", settings.__class__.LOCK_TIMEOUT.default))
    options = database.setdefault("OPTIONS", {})
    if database["ENGINE"] == "django.db.backends.sqlite3":
        options.setdefault("transaction_mode", "IMMEDIATE")
        options.setdefault("timeout", lock_timeout)
        options.setdefault("init_command", "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;")
    else:
        options.setdefault("options", f"-c lock_timeout={int(lock_timeout * 1000)}")
    return database


DATABASES = {"default": _database()}
if globals().get("EVENT_CARRIER") == "procrastinate" and DATABASES["default"]["ENGINE"].endswith("postgresql"):
    # for its migrations; without the package `manage.py check` says what is missing
    INSTALLED_APPS += ["procrastinate.contrib.django"] if find_spec("procrastinate") else []
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

LANGUAGE_CODE = _environment.get("LANGUAGE_CODE", "en")
LANGUAGES = [(code, code) for code in _environment.items("LANGUAGES", ["en", "de", "fr", "it"])]
if LANGUAGE_CODE not in dict(LANGUAGES):
    raise Misconfigured(f"LANGUAGE_CODE={LANGUAGE_CODE!r} is none of LANGUAGES ({', '.join(dict(LANGUAGES))}).")
TIME_ZONE = _environment.time_zone("TIME_ZONE", "UTC")
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = _environment.get("STATIC_ROOT", str(BASE_DIR / "static"))

CORS_ALLOWED_ORIGINS = _environment.items("CORS_ALLOWED_ORIGINS", [])
_group_header = str(globals().get("GROUP_HEADER", settings.__class__.GROUP_HEADER.default)).lower()
CORS_ALLOW_HEADERS = ["accept", "authorization", "content-type", "user-agent", "x-request-id", "language"]
CORS_ALLOW_HEADERS.append(_group_header)

SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not _development
SECURE_SSL_REDIRECT = _environment.flag("SECURE_SSL_REDIRECT", False)
SECURE_HSTS_SECONDS = 0 if _development else 31_536_000
# whether all other hosts of the domain speak HTTPS too is not for one service to say
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
_proxy_header = _environment.get("SECURE_PROXY_SSL_HEADER", "")
SECURE_PROXY_SSL_HEADER = (f"HTTP_{_proxy_header.upper().replace('-', '_')}", "https") if _proxy_header else None

EMAIL_BACKEND = _environment.get(
    "EMAIL_BACKEND",
    "django.core.mail.backends.console.EmailBackend" if _development else "django.core.mail.backends.smtp.EmailBackend",
)

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"request_id": {"()": "caluma_async.correlation.RequestIdFilter"}},
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s [%(request_id)s] %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["request_id"]}},
    "root": {"handlers": ["console"], "level": _environment.log_level("LOG_LEVEL", "INFO")},
    "loggers": {
        "django": {"handlers": [], "level": "INFO"},
        "httpx": {"level": "WARNING"},  # a line for every request to the identity provider otherwise
        "procrastinate": {"level": "WARNING"},  # a line for every mutation otherwise
    },
}
