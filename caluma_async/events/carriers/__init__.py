"""What carries a delivery from the commit to its execution, and which of them does it in this process."""

from caluma_async.events.carriers.base import Carrier, InHand, Parcel, Waiting

__all__ = ["Carrier", "InHand", "Parcel", "Waiting"]
