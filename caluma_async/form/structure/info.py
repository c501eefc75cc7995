"""What expressions find under `info`: the forms around the question, the case and the work item."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from caluma_async.expressions import Lazy
from caluma_async.form.structure.fields import Layout, Section


def context(section: Section, layout: Layout, surroundings: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
    """The names that an expression in the section may read: `info`, and `form`, the slug of the root's form."""
    info = Lazy(
        form=lambda: section.form.slug,
        formMeta=lambda: section.form.meta,
        parent=lambda: _parent(section),
        root=lambda: _form(layout.root),
        case=lambda: surroundings()["case"],
        workItem=lambda: surroundings()["workItem"],
    )
    return {"info": info, "form": layout.root.form.slug}


def _form(section: Section) -> Mapping[str, Any]:
    return {"form": section.form.slug, "formMeta": section.form.meta}


def _parent(section: Section) -> Mapping[str, Any] | None:
    outside = section.outside
    return None if outside is None else {**_form(outside.section), "question": outside.slug}
