"""Users that legacy code makes for itself."""

from __future__ import annotations

from caluma_async.compat.caluma.caluma_user.models import AnonymousUser, BaseUser
from caluma_async.identity import User


def test_a_users_attributes_may_be_assigned() -> None:
    user = BaseUser()
    user.username = "import"  # type: ignore[misc]
    user.group = "office"  # type: ignore[misc]
    assert (str(user), user.group, user.is_authenticated) == ("import", "office", True)


def test_it_is_a_user_for_verbs_and_rows() -> None:
    user = BaseUser("clerk", groups=["office", "staff"], claims={"sub": "clerk"})
    assert isinstance(user, User)
    assert user.stored() == User("clerk", groups=["office", "staff"], claims={"sub": "clerk"}).stored()
    assert user.group == "office"


def test_two_users_are_never_the_same_key() -> None:
    assert len({BaseUser("clerk"), BaseUser("clerk")}) == 2


def test_an_attribute_may_be_taken_away() -> None:
    user = BaseUser("clerk")
    del user.username
    assert user.username is None


def test_nobody_is_not_authenticated() -> None:
    assert not AnonymousUser().is_authenticated
