"""Who is asking? One function answers that for every request. What they may do is decided elsewhere.

`bearer` reads the token of a request; `tokens` checks it here, by the keys of `keys`, or `userinfo` asks the identity
provider about it, both through `provider`; `users` makes the user of what the token says.
"""

from caluma_async.access.authentication.bearer import Authenticator, authenticate, close
from caluma_async.access.authentication.users import make_user

__all__ = ["Authenticator", "authenticate", "close", "make_user"]
