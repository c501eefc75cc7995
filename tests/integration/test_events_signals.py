"""`on` with signals of Django's."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models.signals import m2m_changed, post_delete, post_save, pre_save
from django.dispatch import Signal

from caluma_async.errors import SignalHandlingError
from caluma_async.events import asend_event, filter_events, on, scope, send_event
from caluma_async.events.emit import emissions
from caluma_async.events.receivers import registry
from caluma_async.events.scope import Pending, use_recorder
from caluma_async.identity import ANONYMOUS, User

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("isolated_receivers")]

painted = Signal()


def saved() -> set[str]:
    return set(Group.objects.values_list("name", flat=True))


def test_a_receiver_is_called_with_what_the_signal_gives() -> None:
    seen: dict[str, Any] = {}
    on(post_save, sender=Group)(lambda **kwargs: seen.update(kwargs))
    group = Group.objects.create(name="painters")
    assert seen["instance"] is group
    assert seen["created"] is True
    assert seen["sender"] is Group
    assert seen["signal"] is post_save
    assert (seen["user"], seen["context"]) == (ANONYMOUS, None)
    assert "event" not in seen


def test_it_gets_only_what_it_names() -> None:
    seen = []
    on(post_save, sender=Group)(lambda instance: seen.append(instance.name))
    Group.objects.create(name="painters")
    assert seen == ["painters"]


@pytest.mark.parametrize("sender", [Group, "auth.Group", None])
def test_a_sender_is_a_model_its_label_or_any(sender: Any) -> None:
    seen = []
    on(post_save, sender=sender)(lambda sender, **kwargs: seen.append(sender))
    Group.objects.create(name="painters")
    assert seen == [Group]
    ContentType.objects.create(app_label="a", model="b")
    assert seen == ([Group, ContentType] if sender is None else [Group])


def test_receivers_run_in_the_order_of_registration_also_beside_one_for_all_models() -> None:
    ran = []
    on(post_save, sender=Group, name="first")(lambda **kwargs: ran.append("first"))
    on(post_save, name="second")(lambda **kwargs: ran.append("second"))
    on(post_save, sender=Group, name="third")(lambda **kwargs: ran.append("third"))
    Group.objects.create(name="painters")
    assert ran == ["first", "second", "third"]


def test_a_model_that_nobody_asked_for_has_no_listener() -> None:
    before = post_delete.has_listeners(ContentType)
    on(post_delete, sender=Group)(lambda **kwargs: None)
    assert post_delete.has_listeners(Group)
    assert post_delete.has_listeners(ContentType) is before


def test_an_async_def_is_awaited_in_the_same_transaction() -> None:
    @on(post_save, sender=Group)
    async def nested(instance: Group, **kwargs: Any) -> None:
        if instance.name == "first":
            await Group.objects.acreate(name="second")

    Group.objects.create(name="first")
    assert saved() == {"first", "second"}


def test_a_receiver_that_fails_is_undone_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    @on(post_save, sender=Group, name="failing")
    def failing(instance: Group, **kwargs: Any) -> None:
        if instance.name == "first":
            Group.objects.create(name="undone")
            raise ValueError("no paint left")

    Group.objects.create(name="first")
    assert saved() == {"first"}
    assert "failing failed on post_save" in caplog.text


def test_with_raise_exception_saving_fails_after_the_others_have_run() -> None:
    ran = []
    on(post_save, sender=Group, raise_exception=True, name="failing")(lambda **kwargs: 1 / 0)
    on(post_save, sender=Group, name="next")(lambda **kwargs: ran.append("next"))
    with pytest.raises(SignalHandlingError, match="post_save: failing failed"), transaction.atomic():
        Group.objects.create(name="painters")
    assert ran == ["next"]
    assert saved() == set()


def test_filters_ask_for_the_signal_s_arguments() -> None:
    seen = []

    @on(post_save, sender=Group)
    @filter_events(lambda instance, created: created and instance.name == "first")
    def created(instance: Group, **kwargs: Any) -> None:
        seen.append(instance.name)

    Group.objects.create(name="first").save()
    Group.objects.create(name="second")
    assert seen == ["first"]


def test_pre_save_can_change_what_is_saved() -> None:
    @on(pre_save, sender=Group)
    def change(instance: Group, **kwargs: Any) -> None:
        instance.name = instance.name.upper()

    Group.objects.create(name="painters")
    assert saved() == {"PAINTERS"}


def test_a_list_may_mix_signals() -> None:
    seen = []

    @on([post_save, post_delete], sender=Group)
    def changed(instance: Group, signal: Signal, created: bool | None = None, **kwargs: Any) -> None:
        seen.append((signal, created))

    Group.objects.create(name="painters").delete()
    assert seen == [(post_save, True), (post_delete, None)]


def test_many_to_many_changes_are_received() -> None:
    seen = []
    on(m2m_changed, sender=Group.permissions.through)(lambda action, **kwargs: seen.append(action))
    Group.objects.create(name="painters").permissions.add(Permission.objects.first())
    assert seen == ["pre_add", "post_add"]


def test_a_signal_of_the_site_s_own_is_received_under_the_name_it_has() -> None:
    seen: dict[str, Any] = {}

    @on(painted)
    def received(**kwargs: Any) -> None:
        seen.update(kwargs)

    painted.send("painter", wall="north")
    assert (seen["sender"], seen["wall"]) == ("painter", "north")
    assert registry.all()[-1].events[0].name == f"{__name__}.painted"


def test_send_event_sends_signals() -> None:
    seen = []
    on(painted, sender="painter")(lambda user, wall: seen.append((user, wall)))
    send_event(painted, "painter", wall="north", user=User("me"))
    assert seen == [(User("me"), "north")]


@pytest.mark.django_db(transaction=True)
async def test_signals_can_be_sent_from_a_coroutine() -> None:
    seen = []
    on(painted)(lambda **kwargs: seen.append(kwargs["wall"]))
    await asend_event(painted, "painter", wall="north")
    assert seen == ["north"]


def test_a_signal_without_a_known_name_is_received() -> None:
    seen = []
    unnamed = Signal()
    on(unnamed, name="received")(lambda **kwargs: seen.append(kwargs["wall"]))
    unnamed.send("test", wall="north")
    assert seen == ["north"]


def test_the_user_is_the_verb_s() -> None:
    seen = []
    on(post_save, sender=Group)(lambda **kwargs: seen.append(kwargs["user"]))
    with emissions(user=User("me")):
        Group.objects.create(name="painters")
    assert seen == [User("me")]


def test_without_blocking_the_instance_is_due_after_the_commit() -> None:
    found: list[Pending] = []
    before = list(scope._recorders)
    use_recorder(lambda left, is_last: found.extend(left))

    @on(post_save, sender=Group, blocking=False)
    def delivered(instance: Group, **kwargs: Any) -> None: ...

    try:
        group = Group.objects.create(name="painters")
    finally:
        scope._recorders[:] = before
    (pending,) = found
    assert pending.event.name == "post_save"
    assert pending.event.type.subject == "instance"
    assert pending.event.arguments["instance"] is group


def test_when_the_receiver_is_gone_the_signal_is_left_alone() -> None:
    with registry.isolated():
        on(post_delete, sender=Group)(lambda **kwargs: None)
        on(post_delete, name="all")(lambda **kwargs: None)
        assert post_delete.has_listeners(Group)
    assert not post_delete.has_listeners(Group)
