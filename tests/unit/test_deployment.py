"""What the files for deployment promise: no root, no secrets, nothing misspelt, and enough time to stop."""

from __future__ import annotations

import configparser
import re
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from caluma_async.conf import every, settings
from tests.acceptance.server import ROOT

SECRETS = re.compile(r"SECRET|PASSWORD|TOKEN|ACCESS_KEY", re.IGNORECASE)
SITE = {"server-1", "server-2", "worker", "migrate", "static"}
UNITS = ["caluma-async@.service", "caluma-async-worker@.service"]


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions with their arguments."""
    lines = [line for line in (ROOT / "Dockerfile").read_text().splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    split = [line.partition(" ") for line in joined.splitlines() if line.strip()]
    return [(name, rest.strip()) for name, _, rest in split]


def of_last_stage() -> list[tuple[str, str]]:
    found = instructions()
    last = max(place for place, (name, _) in enumerate(found) if name == "FROM")
    return found[last:]


def known_variables() -> set[str]:
    """What the settings and the server read of the environment."""
    code = "".join((ROOT / "caluma_async" / name).read_text() for name in ("settings.py", "conf.py"))
    code += (ROOT / "caluma_async/management/commands/serve.py").read_text()
    read = re.findall(r'nvironment\.(?:get|flag|items|integer|time_zone|log_level)\(\s*"(\w+)"', code)
    return {*every(), *read, "DATABASE_URL"}


def test_the_image_runs_as_nobody_of_importance() -> None:
    users = [rest for name, rest in of_last_stage() if name == "USER"]
    assert users
    assert int(users[-1]) > 1000
    after = [name for name, _ in of_last_stage()][[name for name, _ in of_last_stage()].index("USER") :]
    assert not {"COPY", "RUN", "ADD"} & set(after)


def test_the_image_is_built_in_two_stages_and_takes_over_what_it_needs() -> None:
    stages = [rest for name, rest in instructions() if name == "FROM"]
    assert len(stages) == 2
    assert all("slim" in stage and not stage.endswith(":latest") for stage in stages)
    copied = [rest for name, rest in of_last_stage() if name == "COPY"]
    assert copied
    assert all(rest.startswith("--from=build ") for rest in copied)


def given() -> dict[str, str]:
    """What the image sets of the environment."""
    pairs = [pair.partition("=") for name, rest in of_last_stage() if name == "ENV" for pair in shlex.split(rest)]
    return {name: value for name, _, value in pairs}


def test_the_image_says_where_it_listens_and_serves() -> None:
    assert [rest for name, rest in instructions() if name == "EXPOSE"] == [given()["PORT"]]
    (command,) = [rest for name, rest in instructions() if name == "CMD"]
    assert yaml.safe_load(command)[1:] == ["manage.py", "serve"]


class _Answering(BaseHTTPRequestHandler):
    """Says how well it is."""

    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status if self.path == "/healthz" else 404)
        self.end_headers()
        self.wfile.write(b'{"database": "told"}')

    def log_message(self, *arguments: Any) -> None:
        """Not on the console."""


@pytest.mark.parametrize(("status", "verdict"), [(200, 0), (503, 1)])
def test_the_image_says_how_it_is_wherever_it_listens(status: int, verdict: int) -> None:
    (check,) = [rest.partition(" CMD ")[2] for name, rest in instructions() if name == "HEALTHCHECK"]
    handler = type("_Answering", (_Answering,), {"status": status})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        server.timeout = 20  # else a check that asks elsewhere would be waited for
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        environment = {"PORT": str(server.server_port), "PATH": str(Path(sys.executable).parent)}
        process = ["/bin/sh", "-c", check]
        done = subprocess.run(process, env=environment, check=False, capture_output=True, text=True, timeout=20)
        thread.join()
    assert (done.returncode, done.stdout.strip()) == (verdict, '{"database": "told"}')


def test_the_image_holds_no_secret() -> None:
    for name, rest in instructions():
        assert name not in {"ENV", "ARG"} or not SECRETS.search(rest), rest
        assert name != "ADD", rest


def test_the_image_names_settings_that_there_are() -> None:
    assert set(given()) - known_variables() == {"PATH", "PYTHONUNBUFFERED"}


def test_what_is_copied_is_there_and_may_be() -> None:
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    assert all((ROOT / path).exists() for path in allowed)
    copied = [rest for name, rest in instructions() if name == "COPY" and not rest.startswith("--from")]
    paths = {path.rstrip("/") for rest in copied for path in rest.split()[:-1]} - {"."}
    assert {path for path in paths if not any(path == one or path.startswith(f"{one}/") for one in allowed)} == set()
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in lines
    assert "**/.env" in lines


def compose() -> Any:
    return yaml.safe_load((ROOT / "compose.yaml").read_text())


def test_the_services_are_those_that_the_guide_promises() -> None:
    services = compose()["services"]
    assert set(services) == {*SITE, "proxy", "database", "redis"}
    assert services["worker"]["command"][1:] == ["manage.py", "work_events"]
    assert {services[name]["environment"]["EVENT_DELIVERS"] for name in ("server-1", "server-2")} == {"false"}
    assert "EVENT_DELIVERS" not in services["worker"]["environment"]
    for service in services.values():
        assert set(service.get("depends_on", {})) <= set(services)
        volumes = [volume.partition(":")[0] for volume in service.get("volumes", ())]
        assert all(name in compose()["volumes"] or (ROOT / name).exists() for name in volumes)


def test_every_variable_is_one_that_is_read_and_has_a_value_that_it_may_have() -> None:
    for name in SITE:
        environment = compose()["services"][name]["environment"]
        assert set(environment) - known_variables() == set()
        for setting, value in environment.items():
            if setting in every() and "${" not in value:
                declared = every()[setting]
                parsed: Any = declared.parse(value)
                assert declared.check(parsed) is None


def test_what_the_file_for_secrets_says_moves_no_server_away_from_the_proxy() -> None:
    everywhere = "0.0.0.0"  # noqa: S104 - of a container
    fixed = {"HOST": everywhere, "PORT": given()["PORT"], "ENV": "production"}
    for name in SITE:
        service = compose()["services"][name]
        assert service["env_file"] == [{"path": ".env", "required": False}]
        assert fixed.items() <= service["environment"].items()


def test_secrets_come_from_outside() -> None:
    for service in compose()["services"].values():
        for name, value in service.get("environment", {}).items():
            assert not SECRETS.search(name) or value.startswith("${"), name
            assert not re.search(r"://\w+:[^@$]+@", re.sub(r"\$\{[^}]*\}", "$", value)), name


def test_containers_get_the_time_to_stop() -> None:
    needed = settings.SHUTDOWN_TIMEOUT + settings.EVENT_DRAIN
    for name in ("server-1", "server-2", "worker"):
        assert int(compose()["services"][name]["stop_grace_period"].removesuffix("s")) > needed


def unit(name: str) -> configparser.SectionProxy:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(ROOT / "deploy" / name)
    assert {"Unit", "Service", "Install"} == set(parser.sections())
    return parser["Service"]


@pytest.mark.parametrize("name", UNITS)
def test_units_run_as_a_user_of_their_own_and_get_the_time_to_stop(name: str) -> None:
    service = unit(name)
    assert service["User"] not in {"", "root"}
    assert int(service["TimeoutStopSec"]) > settings.SHUTDOWN_TIMEOUT + settings.EVENT_DRAIN
    command = service["ExecStart"].split()
    assert command[1] == "manage.py"
    assert command[2] in {path.stem for path in _commands()}
    assert not SECRETS.search(" ".join(f"{key}={value}" for key, value in service.items()))


def _commands() -> Iterator[Path]:
    return (ROOT / "caluma_async").rglob("management/commands/*.py")


def test_the_proxy_knows_the_servers_and_lets_sockets_through() -> None:
    conf = (ROOT / "deploy/nginx.conf").read_text()
    servers = {name for name in compose()["services"] if name.startswith("server-")}
    assert re.findall(r"server (server-\d):8000 max_fails=0 resolve;", conf) == sorted(servers)
    assert "zone caluma" in conf
    assert "resolver 127.0.0.11" in conf
    assert "proxy_set_header Upgrade $http_upgrade" in conf
    statements = "\n".join(line for line in conf.splitlines() if not line.lstrip().startswith("#"))
    assert "non_idempotent" not in statements
    assert "keepalive " not in statements
    assert conf.count("{") == conf.count("}")


GUIDE = (ROOT / "docs/guide/deployment.md").read_text()


@pytest.mark.parametrize("heading", ["With Docker Compose", "With systemd"])
def test_the_variables_of_the_guide_are_read_and_its_modules_can_be_the_users(heading: str) -> None:
    part = re.split(r"^## ", GUIDE, flags=re.MULTILINE)
    (text,) = [section for section in part if section.startswith(heading)]
    written = dict(re.findall(r"^([A-Z_]+)=(\S+)", text, flags=re.MULTILINE))
    assert {"SECRET_KEY", "PERMISSION_CLASSES", "VISIBILITY_CLASSES"} <= set(written)
    assert set(written) - known_variables() <= {"POSTGRES_PASSWORD"}
    packages = {value.partition(".")[0] for name, value in written.items() if name.endswith(("_CLASSES", "_MODULES"))}
    assert not packages & sys.stdlib_module_names


def test_what_is_copied_into_an_image_of_ones_own_has_a_name_that_is_free() -> None:
    copied = re.findall(r"^COPY (\w+) (\w+)$", GUIDE, flags=re.MULTILINE)
    assert copied
    assert not {name for pair in copied for name in pair} & sys.stdlib_module_names
