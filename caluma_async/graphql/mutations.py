"""All mutations, and what every one does: read the input, perform the verb, read the payload after the commit."""

from __future__ import annotations

import strawberry

from caluma_async.graphql.events.mutations import EventMutations
from caluma_async.graphql.form.default_mutations import DefaultMutations
from caluma_async.graphql.form.document_mutations import DocumentMutations
from caluma_async.graphql.form.mutations import FormMutations
from caluma_async.graphql.workflow.mutations import WorkflowMutations


@strawberry.type
class Mutation(WorkflowMutations, FormMutations, DefaultMutations, DocumentMutations, EventMutations):
    """What can be done."""
