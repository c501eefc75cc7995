"""The receivers of this site: one file per subject. Replace them by your own.

`EVENT_RECEIVER_MODULES` names this package, and importing a file registers the receivers in it; so every file is
imported here. `manage.py receivers` shows what is registered.
"""

from receivers import four_eyes, mail, webhook

__all__ = ["four_eyes", "mail", "webhook"]
