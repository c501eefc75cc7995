"""The event types of the form domain, written out. What happens in one family of documents is one lane."""

from __future__ import annotations

from typing import Final

from caluma_async.events.event import EventType


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
