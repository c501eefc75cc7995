"""Stands for `caluma.caluma_core.visibilities`."""

from caluma_async.access.visibilities import (
    Any,
    Authenticated,
    BaseVisibility,
    CreatedByGroup,
    Union,
    filter_queryset_for,
)

__all__ = ["Any", "Authenticated", "BaseVisibility", "CreatedByGroup", "Union", "filter_queryset_for"]
