"""Answers of sources that a run has fetched and not finished with."""

from django.db import models

from syncjobs.models.runs import SyncRun


class FetchedPage(models.Model):
    """An answer of the source, compressed, without secret fields. It is deleted when its run ends.

    key: a hash of the request and of what it depends on, see :mod:`connectors.recordings.keeping`.
    """

    run = models.ForeignKey(SyncRun, on_delete=models.CASCADE, related_name="pages")
    key = models.CharField(max_length=32)
    answer = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "key"], name="one_page_per_request_and_run")]

    def __str__(self) -> str:
        return f"Page {self.key} of run {self.run_id}"
