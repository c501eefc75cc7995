"""The event types of the form domain, written out. What happens in one family of documents is one lane."""

from __future__ import annotations

from typing import Final

from caluma_async.events.event import EventType
from caluma_async.form.lanes import document_lane, family_lane


def _design(name: str, *arguments: str) -> EventType:
    """Something about what is asked; `arguments` begin with what it is about. Nothing orders such events."""
    return EventType(name, subject=arguments[0], arguments=arguments)


pre_save_form: Final = _design("pre_save_form", "form", "validated_data")
post_save_form: Final = _design("post_save_form", "form", "created")
pre_save_question: Final = _design("pre_save_question", "question", "validated_data")
post_save_question: Final = _design("post_save_question", "question", "created")
pre_save_option: Final = _design("pre_save_option", "option", "validated_data")
post_save_option: Final = _design("post_save_option", "option", "created")
pre_add_form_question: Final = _design("pre_add_form_question", "form", "question")
post_add_form_question: Final = _design("post_add_form_question", "form", "question")
pre_remove_form_question: Final = _design("pre_remove_form_question", "form", "question")
post_remove_form_question: Final = _design("post_remove_form_question", "form", "question")
pre_reorder_form_questions: Final = _design("pre_reorder_form_questions", "form", "questions")
post_reorder_form_questions: Final = _design("post_reorder_form_questions", "form", "questions")
pre_save_default_answer: Final = _design("pre_save_default_answer", "answer", "question", "validated_data")
post_save_default_answer: Final = _design("post_save_default_answer", "answer", "question", "created", "previous")
pre_remove_default_answer: Final = _design("pre_remove_default_answer", "question", "answer")
post_remove_default_answer: Final = _design("post_remove_default_answer", "question", "previous")


def _document(name: str, *arguments: str) -> EventType:
    """Something in a family of documents, of which `document` is one."""
    return EventType(name, subject=arguments[0], arguments=arguments, lane=document_lane)


pre_create_document: Final = _document("pre_create_document", "document", "validated_data")
post_create_document: Final = _document("post_create_document", "document")
pre_save_document: Final = _document("pre_save_document", "document", "validated_data")
post_save_document: Final = _document("post_save_document", "document")
pre_copy_document: Final = _document("pre_copy_document", "document")
post_copy_document: Final = _document("post_copy_document", "document", "source")
pre_remove_document: Final = _document("pre_remove_document", "document")
# what is gone can be told of, but not handed over
post_remove_document: Final = EventType(
    "post_remove_document", arguments=("document_id", "form_id", "family_id", "meta"), lane=family_lane
)

pre_save_answer: Final = _document(
    "pre_save_answer", "answer", "document", "question", "created", "previous", "validated_data"
)
post_save_answer: Final = _document("post_save_answer", "answer", "document", "question", "created", "previous")
pre_remove_answer: Final = _document("pre_remove_answer", "answer", "document", "question")
post_remove_answer: Final = _document("post_remove_answer", "document", "question", "answer_id", "previous")
pre_add_row: Final = _document("pre_add_row", "document", "answer")
post_add_row: Final = _document("post_add_row", "document", "answer")
pre_remove_row: Final = _document("pre_remove_row", "document", "answer")
post_remove_row: Final = _document("post_remove_row", "document", "answer")
pre_create_file: Final = _document("pre_create_file", "document", "answer", "validated_data")
post_create_file: Final = _document("post_create_file", "file", "answer", "document")
pre_remove_file: Final = _document("pre_remove_file", "file", "answer", "document")
post_remove_file: Final = _document("post_remove_file", "document", "question", "file_id", "name")
post_calculate_answers: Final = _document("post_calculate_answers", "document", "answers")

post_request_recalculation: Final = EventType(
    "post_request_recalculation", arguments=("recalculation",), lane=lambda _: "recalculation"
)
"""Forms changed so that calculated answers may have become wrong; one lane, so that they are worked off in turn."""
