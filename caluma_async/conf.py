"""Every setting with its type, default and meaning. Nothing else reads the environment or Django's settings.

A setting is looked up when it is used, so that tests may override it. ``Environment`` reads the same names from
the process environment or from a ``.env`` file, for the settings module.
"""

from __future__ import annotations

import json
import logging
import math
import os
import re
import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Generic, TypeVar, overload
from zoneinfo import ZoneInfo

import environ
from django.conf import settings as django_settings

from caluma_async.errors import Misconfigured

T = TypeVar("T")

SIGNATURES = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Algorithms that need a private key to sign; what can be checked can otherwise be forged."""

DEVELOPMENT_KEY = "development-only-not-a-secret"

ENGINES: Final = ("django.db.backends.sqlite3", "django.db.backends.postgresql")
"""The kinds of database that the statements are written for."""

PREFIXES: Final = ("DYNAMIC_", "EVENT_", "GRAPHQL_", "MEDIA_", "MINIO_", "OIDC_")
"""How settings of ours begin, and hardly anything else in an environment."""


_found: Final[dict[str, Any]] = object.__getattribute__(django_settings, "__dict__")
"""What Django has looked up so far; it forgets what is overridden. `_wrapped` holds the settings in force."""


class Setting(Generic[T]):
    """One setting: a descriptor that reads Django's settings and falls back to the default.

    ``parse`` makes the value of the text found in the environment; ``check`` returns a complaint or ``None``.
    """

    def __init__(
        self,
        default: T,
        meaning: str,
        *,
        parse: Callable[[str], T],
        check: Callable[[T], str | None] = lambda _: None,
    ) -> None:
        self.default = default
        self.meaning = meaning
        self.parse = parse
        self.check = check
        self.name = ""
        self._lacks_it: object = None

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Setting[T]: ...
    @overload
    def __get__(self, instance: object, owner: type) -> T: ...
    def __get__(self, instance: object | None, owner: type) -> Setting[T] | T:
        if instance is None:
            return self
        if self.name in _found:
            found: T = _found[self.name]
            return found
        holder = _found.get("_wrapped", "")  # while it is exchanged it is not there
        if holder is self._lacks_it and self.name not in vars(holder):
            return self.default
        return self._looked_up(holder)

    def _looked_up(self, holder: object) -> T:
        """Ask Django, which takes long to say that there is no such name: keep who said so."""
        if not hasattr(django_settings, self.name):
            self._lacks_it = holder if hasattr(holder, "__dict__") else None
        value: T = getattr(django_settings, self.name, self.default)
        return value


def _text(value: str) -> str:
    return value.strip()


def _flag(value: str) -> bool:
    lowered = value.strip().lower()
    if lowered in {"1", "true", "yes", "on"}:
        return True
    if lowered in {"0", "false", "no", "off", ""}:
        return False
    raise ValueError("must be true or false")


def _items(value: str) -> Sequence[str]:
    return [item.strip() for item in value.split(",") if item.strip()]


def _whole(value: str) -> int:
    try:
        return int(value)
    except ValueError as error:
        raise ValueError("must be a whole number") from error


def _number(value: str) -> float:
    try:
        return float(value)
    except ValueError as error:
        raise ValueError("must be a number") from error


def _time_zone(value: str) -> str:
    try:
        return ZoneInfo(value).key
    except (LookupError, OSError, ValueError) as error:
        raise ValueError("there is no such time zone") from error


def _log_level(value: str) -> str:
    levels = logging.getLevelNamesMapping()
    if value.upper() not in levels:
        raise ValueError(f"must be one of {', '.join(levels)}")
    return value.upper()


def _mapping(value: str) -> Mapping[str, Any]:
    parsed = json.loads(value or "{}")
    if not isinstance(parsed, dict):
        raise ValueError("must be a JSON object")
    return parsed


def _one_of(*choices: str) -> Callable[[str], str | None]:
    def check(value: str) -> str | None:
        return None if value in choices else f"must be one of {', '.join(choices)}"

    return check


def _at_least(least: float) -> Callable[[float], str | None]:
    def check(value: float) -> str | None:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return None if number and least <= value < math.inf else f"must be a number, {least:g} or more"

    return check


def _integer(default: int, meaning: str, least: int) -> Setting[int]:
    return Setting(default, meaning, parse=_whole, check=_at_least(least))


def _seconds(default: float, meaning: str, least: float = 0) -> Setting[float]:
    return Setting(default, meaning, parse=_number, check=_at_least(least))


def _texts(default: Sequence[str], meaning: str, *, among: Collection[str] = ()) -> Setting[Sequence[str]]:
    def check(value: Sequence[str]) -> str | None:
        if not (isinstance(value, list | tuple) and all(isinstance(text, str) for text in value)):
            return "must be a list of strings"
        fits = not among or (value and set(among).issuperset(value))
        return None if fits else f"must list some of {', '.join(among)}"

    return Setting(default, meaning, parse=_items, check=check)


def _dotted_names(default: Sequence[str], meaning: str) -> Setting[Sequence[str]]:
    return _texts(default, meaning)


def _address(meaning: str) -> Setting[str]:
    def check(value: str) -> str | None:
        known = value == "" or (isinstance(value, str) and value.startswith(("https://", "http://")))
        return None if known else "must be an address that begins with https:// or http://"

    return Setting("", meaning, parse=_text, check=check)


class Settings:
    """The settings of this product; Django's own are Django's."""

    # events
    EVENT_RECEIVER_MODULES = _dotted_names(
        ["receivers"], "Dotted modules that are imported once at start-up to register receivers."
    )
    EVENT_DISPATCH = Setting(
        "auto",
        "`auto`: `async def` receivers of `post_` events do not block. `blocking`: every receiver blocks.",
        parse=_text,
        check=_one_of("auto", "blocking"),
    )
    EVENT_SLOW_RECEIVER = _seconds(1.0, "Seconds after which a blocking receiver is warned of by name.")
    EVENT_MAX_DEPTH = _integer(25, "How long a chain of events that cause each other may grow before it is refused.", 1)
    EVENT_CARRIER = Setting(
        "asyncio",
        "What carries deliveries to their receivers: `asyncio` (this process), `inline` (at once after the commit), "
        "`procrastinate` (workers anywhere, over PostgreSQL).",
        parse=_text,
        check=_one_of("asyncio", "inline", "procrastinate"),
    )
    EVENT_DELIVERS = Setting(
        True,
        "Whether server processes deliver; if not, only `manage.py work_events` does, and is told by the database.",
        parse=_flag,
    )
    EVENT_CONCURRENCY = _integer(256, "Deliveries to `async def` receivers that run at once, per process.", 1)
    EVENT_THREADS = _integer(
        16,
        "Threads per process for `def` receivers, as many for database calls of `async def` ones; a connection each.",
        1,
    )
    EVENT_TIMEOUT = _seconds(
        300.0, "Seconds one attempt of a delivery may take unless the receiver says otherwise.", 0.001
    )
    EVENT_LEASE = _seconds(60.0, "Seconds after which deliveries of a process that no longer answers are free.", 1)
    EVENT_POLL = _seconds(1.0, "Seconds between looks for deliveries that nobody announced.", 0.01)
    EVENT_QUEUE_SIZE = _integer(10_000, "Deliveries a process holds in memory at most; more stay in the table.", 1)
    EVENT_DRAIN = _seconds(20.0, "Seconds that running deliveries get to finish when a process stops.")
    EVENT_RETENTION = _seconds(7.0, "Days after which delivered rows are deleted.")
    EVENT_METRICS = Setting(False, "Whether `/metrics` answers (needs prometheus-client).", parse=_flag)
    EVENT_METRICS_TOKEN = Setting(
        "", "What `/metrics` wants as bearer token. Without one it answers in development only.", parse=_text
    )

    # live
    EVENT_LOG = Setting(
        False,
        "Whether every event is kept in the log, also one that nobody receives: what subscriptions continue from.",
        parse=_flag,
    )
    CHANNEL_LAYER_URL = Setting(
        "",
        "Redis (`redis://…`) for telling other processes of events that subscribers wait for. Empty: no telling.",
        parse=_text,
        check=lambda value: (
            None if value == "" or str(value).startswith(("redis://", "rediss://")) else "must begin with redis://"
        ),
    )
    LIVE_QUEUE_SIZE = _integer(1_000, "Events that may wait for one subscriber; a slower one is cut off.", 1)
    LIVE_SUBSCRIPTIONS = _integer(20, "Subscriptions one WebSocket may have at once.", 1)
    LIVE_THREADS = _integer(2, "Threads per process for what subscribers are shown; each holds one connection.", 1)

    # workflow
    DYNAMIC_GROUPS_CLASSES = _dotted_names(
        [], "Dotted classes whose registered methods give groups to group expressions."
    )
    DYNAMIC_TASKS_CLASSES = _dotted_names([], "Dotted classes whose registered methods give tasks to flow expressions.")
    LOCK_TIMEOUT = _seconds(
        10.0, "Seconds a verb waits for another one on the same case family (PostgreSQL; SQLite: for the file)."
    )
    TRANSACTION_RETRIES = _integer(3, "How often a verb is repeated after a deadlock or a serialization failure.", 0)

    # forms
    DATA_SOURCE_CLASSES = _dotted_names([], "Dotted classes that offer choices to dynamic choice questions.")
    FORMAT_VALIDATOR_CLASSES = _dotted_names(
        [], "Dotted classes of formats that answers may have to have, besides `email` and `phone-number`."
    )

    # files
    MEDIA_STORAGE_SERVICE = Setting(
        "",
        "Where uploads are kept: `local` (a folder of this machine), `minio`, `s3` (both need `django-storages[s3]`). "
        "Empty: `minio` if `MINIO_STORAGE_ENDPOINT` is given, else `local`.",
        parse=_text,
        check=_one_of("", "local", "minio", "s3"),
    )
    MEDIA_STORAGE_FOLDER = Setting(
        "media", "`local`: the folder; all processes share it. Relative to where the server is started.", parse=_text
    )
    MEDIA_MAX_SIZE = _integer(100_000_000, "`local`: bytes of an upload; a larger one is answered 413.", 1)
    MEDIA_TYPES = _texts([], "`local`: the content types that may be uploaded, such as `image/png`. Empty: any.")
    MINIO_STORAGE_ENDPOINT = Setting(
        "",
        "Host and port of MinIO; of another S3 service, or empty for that of AWS.",
        parse=_text,
        check=lambda value: "must be a host and a port, without http://" if "://" in value else None,
    )
    MINIO_STORAGE_PUBLIC_URL = Setting(
        "",
        "Where clients reach it, such as `https://files.example.com`, if that is not where this server does.",
        parse=_text,
        check=lambda value: (
            None if re.fullmatch(r"(https?://[^/?#\s]+/?)?", value) else "must be a scheme and a host, without a path"
        ),
    )
    MINIO_STORAGE_ACCESS_KEY = Setting(
        "", "Key of the account. Empty with `s3`: what the machine is given.", parse=_text
    )
    MINIO_STORAGE_SECRET_KEY = Setting("", "Its secret.", parse=_text)
    MINIO_STORAGE_USE_HTTPS = Setting(False, "Whether the storage is spoken to by HTTPS.", parse=_flag)
    MINIO_STORAGE_REGION_NAME = Setting(
        "", "The region of the bucket. Empty: `us-east-1`, as MinIO has it.", parse=_text
    )
    MINIO_STORAGE_MEDIA_BUCKET_NAME = Setting("caluma-media", "The bucket.", parse=_text)
    MINIO_STORAGE_AUTO_CREATE_MEDIA_BUCKET = Setting(True, "Whether it is made when it is missing.", parse=_flag)
    MINIO_PRESIGNED_TTL_MINUTES = _seconds(
        15.0, "Minutes for which addresses of uploads and downloads are good, with every storage.", 0.01
    )

    # history
    ENABLE_HISTORICAL_API = Setting(
        False, "Whether clients may ask for what was before (`documentAsOf`). It is kept in any case.", parse=_flag
    )

    # access
    PERMISSION_CLASSES = _dotted_names(
        [], "Dotted classes that say who may do what; all must allow it. Empty: everybody may."
    )
    VISIBILITY_CLASSES = _dotted_names(
        [], "Dotted classes that say who may see what; all narrow it down. Empty: everything."
    )
    VALIDATION_CLASSES = _dotted_names(
        [], "Dotted classes that check or change the input of mutations, one after the other."
    )

    # authentication
    AUTHENTICATOR = Setting(
        "caluma_async.access.authentication.authenticate",
        "Dotted name of the coroutine function that takes a Django request and gives the `User`, or refuses.",
        parse=_text,
    )
    OIDC_JWKS_ENDPOINT = _address("Address of the identity provider's keys: tokens are JWTs that are checked here.")
    OIDC_ISSUER = Setting("", "The `iss` that a JWT must have.", parse=_text)
    OIDC_AUDIENCE = _texts([], "The audiences of which a JWT must name one in `aud`.")
    OIDC_ALGORITHMS = _texts(
        ["RS256"], "Signature algorithms that are accepted: `RS…`, `PS…`, `ES…`, `EdDSA`.", among=SIGNATURES
    )
    OIDC_LEEWAY = _seconds(30.0, "Seconds by which the provider's clock may differ.")
    OIDC_JWKS_LIFETIME = _seconds(
        3600.0, "Seconds until the provider's keys are read anew; while it is down, they hold twice as long.", 1
    )
    OIDC_JWKS_COOLDOWN = _seconds(
        10.0, "Seconds between two requests for keys, however many tokens name unknown ones.", 1
    )
    OIDC_USERINFO_ENDPOINT = _address(
        "Address of the identity provider's userinfo: it is asked who a token belongs to."
    )
    OIDC_BEARER_TOKEN_REVALIDATION_TIME = _seconds(
        0.0, "Seconds for which the answer about a token is kept. 0: it is asked every time."
    )
    OIDC_TIMEOUT = _seconds(5.0, "Seconds until an identity provider that does not answer is given up (503).", 0.1)
    OIDC_VERIFY_SSL = Setting(True, "Whether the provider's certificate is checked.", parse=_flag)
    OIDC_USERNAME_CLAIM = Setting("sub", "The claim with the user's name; `a.b` is `b` in `a`.", parse=_text)
    OIDC_CLIENT_CLAIM = Setting("azp", "The claim with the name of a client without a user.", parse=_text)
    OIDC_GROUPS_CLAIM = Setting("caluma_groups", "The claim with the list of the user's groups.", parse=_text)
    OIDC_USER_FACTORY = Setting(
        "caluma_async.access.authentication.make_user",
        "Dotted name of the function or class that makes the `User` of a token and its claims.",
        parse=_text,
    )
    GROUP_HEADER = Setting("X-Group", "The header by which a request chooses one of the user's groups.", parse=_text)

    # GraphQL
    GRAPHQL_THREADS = _integer(4, "Threads per process for database work of requests; each holds one connection.", 1)
    GRAPHQL_MAX_ROWS = _integer(10_000, "Rows one connection may return; more is an error, never a silent cut.", 1)
    GRAPHQL_MAX_NODES = _integer(
        20_000,
        "Objects that all connections of one request may return; each nested connection counts as one, and an object "
        "in the third list below another twice, in the fourth three times, and so on.",
        1,
    )
    GRAPHQL_MAX_BODY = _integer(2_500_000, "Bytes of a request body; a larger one is answered 413.", 1_000)
    GRAPHQL_MAX_DOCUMENT = _integer(100_000, "Characters of a GraphQL document.", 100)
    GRAPHQL_MAX_TOKENS = _integer(10_000, "Tokens of a GraphQL document.", 10)
    GRAPHQL_MAX_DEPTH = _integer(30, "Levels of nested fields in a GraphQL document.", 1)
    GRAPHQL_MAX_ALIASES = _integer(100, "Aliased fields in a GraphQL document.", 0)
    GRAPHQL_DOCUMENT_CACHE = _integer(500, "Parsed and validated documents kept per process.", 0)
    GRAPHQL_INTROSPECTION = Setting(
        False, "Whether clients may ask for the schema itself (on in development).", parse=_flag
    )
    GRAPHIQL = Setting(
        False, "Whether a browser at `/graphql` gets GraphiQL (its page loads scripts from a CDN).", parse=_flag
    )

    # the server
    ENV = Setting(
        "development",
        "`development` or `production`: decides defaults, and who serves static files (production: the web server).",
        parse=_text,
        check=_one_of("development", "production"),
    )
    SHUTDOWN_TIMEOUT = _seconds(
        30.0, "Seconds a stopping server waits for requests, and then for mutations, under way."
    )

    # the rest
    CALUMA_COMPAT = Setting(
        True, "Whether `caluma.*` imports resolve to this package where Caluma is not installed.", parse=_flag
    )


settings = Settings()


def of_django(name: str) -> Any:
    """One of Django's own settings."""
    return getattr(django_settings, name)


def variable(name: str) -> str | None:
    """A variable of the process environment that others set for us, such as Django's autoreloader."""
    return os.environ.get(name)


def every() -> Mapping[str, Setting[Any]]:
    """All settings by name, in the order in which they are declared."""
    return {name: value for name, value in vars(Settings).items() if isinstance(value, Setting)}


def mistakes() -> Mapping[str, str]:
    """What is wrong with the settings in force, by name."""
    complaints = {name: setting.check(getattr(settings, name)) for name, setting in every().items()}
    return {name: complaint for name, complaint in complaints.items() if complaint is not None}


def unknown() -> Sequence[str]:
    """Names in the environment that begin like settings of ours, but are none."""
    return sorted(name for name in os.environ if name.startswith(PREFIXES) and name not in every())


class Environment:
    """The process environment and the ``.env`` file beside it (the environment wins)."""

    def __init__(self, dotenv: Path) -> None:
        self.env = environ.Env()
        if dotenv.is_file():
            environ.Env.read_env(str(dotenv), overwrite=False)

    def get(self, name: str, default: str) -> str:
        """The text of a variable."""
        return os.environ.get(name, default)

    def flag(self, name: str, default: bool) -> bool:
        """A variable that says yes or no."""
        return self._parsed(name, _flag, default)

    def integer(self, name: str, default: int) -> int:
        """A variable that counts something."""
        return self._parsed(name, _whole, default)

    def time_zone(self, name: str, default: str) -> str:
        """A variable that names a time zone."""
        return self._parsed(name, _time_zone, default)

    def log_level(self, name: str, default: str) -> str:
        """A variable that names a level of Python's logging."""
        return self._parsed(name, _log_level, default)

    def items(self, name: str, default: Sequence[str]) -> list[str]:
        """A variable that lists things, separated by commas."""
        return list(self._parsed(name, _items, default))

    def database(self, default: str) -> dict[str, Any]:
        """The database that ``DATABASE_URL`` names, as Django wants it."""
        try:
            with warnings.catch_warnings(action="ignore"):  # it would show the password
                found = dict(self.env.db("DATABASE_URL", default=default))
        except Exception as error:
            raise Misconfigured("DATABASE_URL is no address such as postgres://user@host/name.") from error
        if found.get("ENGINE") not in ENGINES:
            raise Misconfigured("DATABASE_URL must be an address that begins with postgres:// or sqlite:///.")
        return found

    def overrides(self) -> dict[str, Any]:
        """Our own settings as far as the environment names them."""
        return {
            name: self._parsed(name, setting.parse, setting.default)
            for name, setting in every().items()
            if name in os.environ
        }

    def _parsed(self, name: str, parse: Callable[[str], T], default: T) -> T:
        if name not in os.environ:
            return default
        try:
            return parse(os.environ[name])
        except ValueError as error:
            raise Misconfigured(f"{name}={os.environ[name]!r} in the environment: {error}.") from error
