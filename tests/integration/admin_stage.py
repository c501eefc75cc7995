"""Django's admin as somebody uses it: pages are opened, what is on them is changed, and sent as a browser sends it."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

from django.contrib.admin.utils import quote
from django.contrib.auth.models import Group, Permission, User
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse


def superuser(client: Client) -> Client:
    """Log the client in as the superuser `chief` of the group `office`."""
    user = User.objects.create_superuser("chief", password="secret")
    user.groups.add(Group.objects.create(name="office"))
    client.force_login(user)
    return client


def staff(client: Client, *deeds: str) -> Client:
    """Log the client in as `clerk`, who may do these deeds, such as `view`, to everything."""
    user = User.objects.create_user("clerk", is_staff=True)
    for deed in deeds:
        user.user_permissions.add(*Permission.objects.filter(codename__startswith=f"{deed}_"))
    client.force_login(user)
    return client


def page(action: str, model: Any, *keys: Any) -> str:
    """The address of a page of the model; `action` is `add`, `change`, `delete` or `changelist`."""
    return reverse(
        f"admin:{model._meta.app_label}_{model._meta.model_name}_{action}", args=[quote(key) for key in keys]
    )


def page_of(row: Any) -> str:
    """The address of the row's page."""
    return page("change", type(row), row.pk)


def submit(client: Client, url: str, **changes: Any) -> Any:
    """Open the page, type the changes, and send the form; the answer of the server, redirects not followed."""
    opened = client.get(url)
    assert opened.status_code == 200, opened
    typed = _Typed()
    typed.feed(opened.content.decode())
    unknown = changes.keys() - typed.names
    assert not unknown, f"The page has no {unknown}, but {sorted(typed.names)}."
    given = {name: value for name, value in {**typed.values, **changes}.items() if value not in (None, [])}
    return client.post(url, given)


def act(client: Client, action: str, *rows: Any, **more: Any) -> Any:
    """Open the list, and run its action on the rows."""
    address, keys = page("changelist", type(rows[0])), [str(each.pk) for each in rows]
    assert client.get(address).status_code == 200
    return client.post(address, {"action": action, "_selected_action": keys, **more})


def remove(client: Client, row: Any) -> Any:
    """Open the page that asks whether the row is to be deleted, and say yes."""
    address = page("delete", type(row), row.pk)
    assert client.get(address).status_code == 200
    return client.post(address, {"post": "yes"})


def saved(response: Any) -> None:
    """See that the page was saved, without a complaint."""
    assert response.status_code == 302, complaints(response)
    assert "error" not in {message.level_tag for message in get_messages(response.wsgi_request)}, told(response)


def told(response: Any) -> list[str]:
    """The messages that the next page shows."""
    return [str(message) for message in get_messages(response.wsgi_request)]


def complaints(response: Any) -> dict[str, list[str]]:
    """What is shown beside the fields."""
    assert response.status_code == 200, response
    errors: dict[str, list[str]] = response.context["adminform"].form.errors
    return errors


class _Typed(HTMLParser):
    """What a browser would send of the page's form: values by name, and all the names that there are."""

    def __init__(self) -> None:
        super().__init__()
        self.values: dict[str, Any] = {}
        self.names: set[str] = set()
        self._within = False
        self._area: str | None = None
        self._select: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        name = found.get("name")
        if tag == "form":
            self._within = str(found.get("id", "")).endswith("_form")
        elif not self._within:
            return
        elif tag == "option" and self._select and "selected" in found:
            self._keep(self._select, found.get("value", ""))
        elif name and tag in {"input", "textarea", "select"} and found.get("type") not in {"submit", "button"}:
            self._field(tag, name, found)

    def _field(self, tag: str, name: str, found: dict[str, str | None]) -> None:
        self.names.add(name)
        if tag == "textarea":
            self._area = name
            self.values[name] = ""
        elif tag == "select":
            self._select = name
        elif found.get("type") in {"checkbox", "radio"}:
            if "checked" in found:
                self._keep(name, found.get("value", "on"))
        elif found.get("type") != "file":
            self.values[name] = found.get("value", "")

    def handle_data(self, data: str) -> None:
        if self._area:
            self.values[self._area] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self._area:
            # a browser leaves out the first line's end, and sends the others as HTTP has them
            text = self.values[self._area].removeprefix("\r").removeprefix("\n").replace("\r\n", "\n")
            self.values[self._area] = text.replace("\n", "\r\n")
            self._area = None
        elif tag == "select":
            self._select = None
        elif tag == "form":
            self._within = False

    def _keep(self, name: str, value: Any) -> None:
        """Several checked boxes, or selected options, have one name."""
        self.values[name] = [*self.values.get(name, []), value]
