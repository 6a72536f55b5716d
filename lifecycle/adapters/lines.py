"""The app's log as lines of JSON, one a record: the one place where a record becomes text.

Everything that is not plain ASCII is escaped, control characters and marks that turn text around among it, so an id
from outside cannot end a line, forge another, or read as something else.
"""

import json
import logging
from datetime import UTC, datetime

from lifecycle import traces

LOGGER = "lifecycle"
"""The name of the logger that everything of ours is under."""

LONGEST = 4000
"""Characters of a message that are kept; a defect's holds the last lines of its stack."""


class Lines(logging.Formatter):
    """Formats a record as one line: when, how bad, which logger, what, and the trace it belongs to."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {"at": at, "level": record.levelname.lower(), "logger": record.name}
        line["message"] = record.getMessage()[:LONGEST]
        trace, span = traces.ids_of_span()
        if trace:
            line |= {"trace": trace, "span": span}
        if record.exc_info is not None and record.exc_info[0] is not None:
            line["error"] = record.exc_info[0].__name__  # its text may hold more than ids
        return json.dumps(line)
