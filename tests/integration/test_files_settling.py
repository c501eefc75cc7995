"""What happens to blobs after the commit: they go aside with their file, or are copied with it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from caluma_async.errors import Unavailable
from caluma_async.events.models import Delivery
from caluma_async.form.api import copy_document
from caluma_async.form.files.blobs import Blob
from caluma_async.form.files.folder import Folder
from caluma_async.form.files.settling import copied
from caluma_async.form.files.storage import storage
from caluma_async.form.history.entries import entries_of
from caluma_async.form.models import Answer, File
from caluma_async.identity import User
from caluma_async.testing.factories import make_answer, make_document, make_file, make_question
from caluma_async.testing.plugin import Deliver
from caluma_async.verbs import bulk

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(settings: Settings, tmp_path: Path) -> Folder:
    settings.MEDIA_STORAGE_FOLDER = str(tmp_path / "kept")
    found = storage()
    assert isinstance(found, Folder)
    return found


@pytest.fixture
def papers(folder: Folder) -> Answer:
    make_question("papers", form="plan", type="files")
    return make_answer(make_document("plan"), "papers")


def upload(folder: Folder, file: File, content: bytes = b"a plan") -> None:
    with folder.receive() as intake:
        intake.file.write(content)
        intake.keep(file.blob)


def aside(file: File) -> Blob:
    """Where the blob of a removed file is."""
    return Blob(entries_of(File, [file.pk]).get(type="-").history_id, file.blob.name)


def test_the_blob_of_a_removed_file_goes_aside(folder: Folder, papers: Answer, deliver: Deliver) -> None:
    gone, left, never = (make_file(papers, name) for name in ("gone.pdf", "left.pdf", "never.pdf"))
    for file in (gone, left):
        upload(folder, file)
    bulk.delete([gone, never])
    assert folder.metadata(gone.blob) is not None
    assert deliver() == 2
    assert folder.metadata(gone.blob) is None
    assert folder.metadata(left.blob) is not None
    assert folder.path(aside(gone)).read_bytes() == b"a plan"


def test_files_that_go_with_their_answer_are_heard_of_too(folder: Folder, papers: Answer, deliver: Deliver) -> None:
    file = make_file(papers, "plan.pdf")
    upload(folder, file)
    papers.document.delete()
    deliver()
    assert folder.metadata(aside(file)) is not None


def test_a_renamed_file_is_found_under_its_first_name(folder: Folder, papers: Answer, deliver: Deliver) -> None:
    file = make_file(papers, "plan.pdf")
    upload(folder, file)
    file.name = "final.pdf"
    file.save()
    assert folder.metadata(file.blob) is not None
    bulk.delete([file])
    deliver()
    assert Path(aside(file).path).name.endswith("_plan.pdf")


def test_nothing_happens_after_a_rollback(folder: Folder, papers: Answer, deliver: Deliver) -> None:
    file = make_file(papers, "plan.pdf")
    upload(folder, file)
    with transaction.atomic():
        bulk.delete([file])
        transaction.set_rollback(True)
    assert deliver() == 0
    assert folder.metadata(file.blob) is not None


def test_blobs_are_copied_with_their_files(folder: Folder, papers: Answer, deliver: Deliver) -> None:
    originals = [make_file(papers, name) for name in ("a.pdf", "never.pdf")]
    copies = [make_file(papers, file.name) for file in originals]
    upload(folder, originals[0])
    copied(zip(originals, copies, strict=True))
    assert folder.metadata(copies[0].blob) is None
    deliver()
    found = [folder.metadata(file.blob) for file in (*originals, *copies)]
    assert [each is not None for each in found] == [True, False, True, False]
    copied([])
    assert deliver() == 0


def test_it_is_tried_again_while_the_storage_does_not_answer(
    folder: Folder, papers: Answer, deliver: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = make_file(papers, "plan.pdf")
    upload(folder, file)
    bulk.delete([file])

    def fail(*_: Any) -> bool:
        raise Unavailable("down")

    with monkeypatch.context() as down:
        down.setattr(Folder, "move", fail)
        deliver()
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.attempt) == ("waiting", 1)
    Delivery.objects.update(available_at=timezone.now() - timedelta(minutes=1))
    deliver()
    assert folder.metadata(aside(file)) is not None


def test_where_all_receivers_block_it_happens_after_the_commit(
    folder: Folder,
    papers: Answer,
    settings: Settings,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    settings.EVENT_DISPATCH = "blocking"
    file = make_file(papers, "plan.pdf")
    upload(folder, file)
    with django_capture_on_commit_callbacks(execute=True):
        bulk.delete([file])
        assert folder.metadata(file.blob) is not None
    assert folder.metadata(aside(file)) is not None


def test_a_copied_document_has_what_was_uploaded_for_its_original(
    folder: Folder, papers: Answer, deliver: Deliver
) -> None:
    file = make_file(papers, "plan.pdf")
    upload(folder, file)
    copy = copy_document(papers.document, User("anna"))
    deliver()
    [copied_file] = File.objects.filter(answer__document=copy)
    assert folder.path(copied_file.blob).read_bytes() == folder.path(file.blob).read_bytes() == b"a plan"
