"""The names of Caluma that concern access."""

from __future__ import annotations

import base64

import pytest
from caluma.caluma_core import mutation, permissions, relay, types, validations, visibilities
from caluma.caluma_form import schema as form_schema
from caluma.caluma_user.models import OIDCUser
from django.http import HttpRequest

from caluma_async.access import permissions as our_permissions
from caluma_async.access import validations as our_validations
from caluma_async.access import visibilities as our_visibilities
from caluma_async.access.asking import Asking, RequestContext
from caluma_async.access.authentication.users import acting_for
from caluma_async.errors import Unauthenticated
from caluma_async.form.models import Form
from caluma_async.identity import User
from caluma_async.keys import uuid7
from caluma_async.records import Record
from caluma_async.verbs import Verb
from caluma_async.workflow import CancelCase


def test_the_names_lead_to_our_classes() -> None:
    assert permissions.BasePermission is our_permissions.BasePermission
    assert permissions.object_permission_for is our_permissions.object_permission_for
    assert visibilities.Union is our_visibilities.Union
    assert visibilities.Any is our_visibilities.Any
    assert validations.validation_for is our_validations.validation_for
    assert (mutation.Mutation, types.Node, form_schema.Form) == (Verb, Record, Form)


@pytest.mark.parametrize(
    ("given", "key"),
    [
        (base64.b64encode(b"Case:123").decode(), "123"),
        ("review", "review"),
        ("no base64!", "no base64!"),
        (base64.b64encode(b"no colon").decode(), base64.b64encode(b"no colon").decode()),
        (base64.b64encode(b"\xff:\xff").decode(), base64.b64encode(b"\xff:\xff").decode()),
    ],
)
def test_global_ids_are_read(given: str, key: str) -> None:
    assert relay.extract_global_id(given) == key


def test_the_input_is_given_by_the_names_that_clients_use() -> None:
    case, item = uuid7(), uuid7()
    context = RequestContext(User("anna"), HttpRequest())
    data = {"id": case, "work_items": [item], "parent_work_item": None}
    assert CancelCase.get_params(Asking(context=context, data=data, sent={"a": 1})) == {
        "input": {"id": str(case), "workItems": [str(item)], "parentWorkItem": None, "context": {"a": 1}}
    }
    assert CancelCase.get_params(Asking(context=context)) == {"input": {}}


def test_a_user_of_a_token_can_be_derived_from() -> None:
    class TownUser(OIDCUser):
        def __init__(self, *args: object, **kwargs: object) -> None:
            super().__init__(*args, **kwargs)
            self.group = self.claims.get("main-group", self.group)

    user = TownUser("secret", {"sub": "anna", "caluma_groups": ["a", "b"], "main-group": "b"})
    assert (user.username, user.groups, user.group, user.token, str(user)) == (
        "anna",
        ("a", "b"),
        "b",
        "secret",
        "anna",
    )
    assert acting_for(user, "a").group == "a"
    assert user.group == "b"
    assert OIDCUser("secret", introspection={"azp": "nightly"}).username == "nightly"
    with pytest.raises(Unauthenticated):
        OIDCUser("secret")
