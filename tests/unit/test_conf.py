"""What the environment says: read, and refused in a sentence where it makes no sense."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import override_settings

from caluma_async.conf import Environment, Settings, every, mistakes, unknown
from caluma_async.conf import settings as ours
from caluma_async.errors import Misconfigured
from caluma_async.events.checks import check_names

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return Environment(tmp_path / ".env")


def manage(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """`manage.py` in a process of its own."""
    command = [sys.executable, str(ROOT / "manage.py"), *arguments]
    surroundings = {**os.environ, "DJANGO_SETTINGS_MODULE": "caluma_async.settings", **variables}
    return subprocess.run(command, cwd=ROOT, env=surroundings, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("EVENT_CONCURRENCY", "many", "must be a whole number"),
        ("EVENT_CONCURRENCY", "", "must be a whole number"),
        ("EVENT_LEASE", "a minute", "must be a number"),
        ("CALUMA_COMPAT", "maybe", "must be true or false"),
    ],
)
def test_what_is_no_value_of_a_setting_is_refused(
    environment: Environment, monkeypatch: pytest.MonkeyPatch, name: str, value: str, complaint: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(Misconfigured) as caught:
        environment.overrides()
    assert caught.value.message == f"{name}={value!r} in the environment: {complaint}."


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [("EVENT_CONCURRENCY", " 7 ", 7), ("EVENT_LEASE", "1.5", 1.5), ("CALUMA_COMPAT", "off", False)],
)
def test_values_have_the_type_of_their_setting(
    environment: Environment, monkeypatch: pytest.MonkeyPatch, name: str, value: str, expected: Any
) -> None:
    monkeypatch.setenv(name, value)
    assert environment.overrides()[name] == expected


@pytest.mark.parametrize("zone", ["Mars", "../etc", "", "\x00"])
def test_there_are_time_zones(environment: Environment, monkeypatch: pytest.MonkeyPatch, zone: str) -> None:
    monkeypatch.setattr(os, "environ", {"TIME_ZONE": zone})
    with pytest.raises(Misconfigured, match="there is no such time zone"):
        environment.time_zone("TIME_ZONE", "UTC")
    monkeypatch.setattr(os, "environ", {"TIME_ZONE": "Europe/Zurich"})
    assert environment.time_zone("TIME_ZONE", "UTC") == "Europe/Zurich"


def test_there_are_levels_of_logging(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_LEVEL", "loud")
    with pytest.raises(Misconfigured, match="must be one of CRITICAL"):
        environment.log_level("LOG_LEVEL", "INFO")
    monkeypatch.setenv("LOG_LEVEL", "warning")
    assert environment.log_level("LOG_LEVEL", "INFO") == "WARNING"


@pytest.mark.parametrize("address", ["", "nonsense", "mysql://a:secret@b/c", "postgres://a:secret@b:port/c"])
def test_a_database_has_an_address_and_the_password_is_not_shown(
    environment: Environment, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", address)
    with pytest.raises(Misconfigured, match=r"^DATABASE_URL .*postgres://") as caught:
        environment.database("sqlite:///x")
    assert "secret" not in caught.value.message


def test_a_number_is_finite_and_large_enough() -> None:
    check = vars(Settings)["EVENT_LEASE"].check
    assert [check(value) for value in (1, 60.5)] == [None, None]
    for wrong in (0.5, float("inf"), float("nan"), True, "60"):
        assert check(wrong) == "must be a number, 1 or more"


def test_every_default_is_a_value_that_the_setting_may_have() -> None:
    assert {name: setting.check(setting.default) for name, setting in every().items()} == dict.fromkeys(every())
    assert mistakes() == {}


def test_a_name_that_is_no_setting_is_reported_with_the_one_that_may_be_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("EVENT_DISPATHC", "EVENT_ZZZZZZZZZZ", "SOMEBODY_ELSES", "EVENT_LEASE"):
        monkeypatch.setenv(name, "1")
    assert unknown() == ["EVENT_DISPATHC", "EVENT_ZZZZZZZZZZ"]
    said = [(message.id, message.msg, message.hint) for message in check_names()]
    assert said == [
        ("events.W002", "There is no setting EVENT_DISPATHC.", "Is EVENT_DISPATCH meant?"),
        ("events.W002", "There is no setting EVENT_ZZZZZZZZZZ.", None),
    ]


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"EVENT_LEASE": "x"}, "EVENT_LEASE='x' in the environment: must be a number."),
        ({"ENV": "prod"}, "ENV='prod': must be development or production."),
        ({"LANGUAGE_CODE": "tlh"}, "LANGUAGE_CODE='tlh' is none of LANGUAGES (en, de, fr, it)."),
        (
            {"EVENT_RECEIVER_MODULES": "nowhere"},
            "EVENT_RECEIVER_MODULES: nowhere cannot be imported (ModuleNotFoundError: No module named 'nowhere').",
        ),
    ],
)
def test_a_command_says_in_a_line_what_is_wrong(variables: dict[str, str], said: str) -> None:
    done = manage("check", **variables)
    assert (done.returncode, done.stderr) == (1, f"{said} (--traceback shows where.)\n")


def test_a_command_says_in_a_line_that_there_is_no_database() -> None:
    done = manage("migrate", DATABASE_URL="sqlite:////no/such/folder/db.sqlite3")
    assert (done.returncode, done.stderr) == (1, "unable to open database file (--traceback shows where.)\n")
    assert "Traceback" in manage("migrate", "--traceback", DATABASE_URL="sqlite:////no/such/folder/x").stderr


def test_a_setting_follows_what_is_overridden_and_taken_back(settings: Any) -> None:
    assert [ours.EVENT_LEASE, ours.EVENT_LEASE] == [60.0, 60.0]
    settings.EVENT_LEASE = 5.0
    assert [ours.EVENT_LEASE, ours.EVENT_LEASE] == [5.0, 5.0]
    with override_settings(EVENT_LEASE=7.0):
        assert ours.EVENT_LEASE == 7.0
        del django_settings.EVENT_LEASE
        assert ours.EVENT_LEASE == 60.0
    del settings.EVENT_LEASE
    assert ours.EVENT_LEASE == 60.0
    # as a project does that assigns without a context
    django_settings.EVENT_LEASE = 9.0
    assert ours.EVENT_LEASE == 9.0
    del django_settings.EVENT_LEASE
    assert ours.EVENT_LEASE == 60.0
