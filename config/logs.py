"""Writes each log record as one line with a JSON object, which log shippers can read without a special parser."""

import json
import logging
from datetime import UTC, datetime

from syncjobs.current_run import CURRENT_RUN


class JsonLine(logging.Formatter):
    """Formats ``{"at", "level", "logger"[, "run"], "message"[, "exception"][, "stack"]}``.

    at: UTC with milliseconds. run: the id of the run on which the thread works.
    """

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line: dict[str, object] = {"at": at, "level": record.levelname, "logger": record.name}
        if (run_id := CURRENT_RUN.get()) is not None:
            line["run"] = run_id
        line["message"] = record.getMessage()
        if record.exc_info and not record.exc_text:
            record.exc_text = self.formatException(record.exc_info)
        if record.exc_text:
            line["exception"] = record.exc_text
        if record.stack_info:
            line["stack"] = record.stack_info
        return json.dumps(line, ensure_ascii=False)
