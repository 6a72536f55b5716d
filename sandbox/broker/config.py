"""What a queue is created with and how full it is."""

import sys
from dataclasses import dataclass

DEAD_LETTER_SUFFIX = "/$deadletterqueue"


@dataclass(frozen=True, slots=True)
class QueueConfig:
    """A queue as it is created: durations in seconds, 0 for no duplicate detection and no default time to live.

    `max_message_size` is in bytes, properties included; 262,144 is the Standard tier's.
    """

    name: str
    requires_session: bool = False
    lock_duration: float = 60.0
    max_delivery_count: int = 10
    duplicate_window: float = 0.0
    default_ttl: float = 0.0
    dead_letter_on_expiration: bool = False
    max_message_size: int = 262144

    @property
    def holds_dead_letters(self) -> bool:
        """Whether this is another queue's dead-letter queue."""
        return self.name.endswith(DEAD_LETTER_SUFFIX)

    def dead_letters(self) -> "QueueConfig":
        """Its dead-letter queue: without sessions, expiry, duplicate detection or a delivery limit."""
        return QueueConfig(
            self.name + DEAD_LETTER_SUFFIX,
            lock_duration=self.lock_duration,
            max_delivery_count=sys.maxsize,
            max_message_size=self.max_message_size,
        )


@dataclass(frozen=True, slots=True)
class QueueCounts:
    """How many messages a queue has, each in one place only; `active` are free to take, `dead` in its dead letters."""

    active: int
    locked: int
    scheduled: int
    deferred: int
    dead: int
