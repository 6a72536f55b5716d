"""The namespace of the sandbox: which queues there are, and which of them the app consumes."""

from types import MappingProxyType

from sandbox.broker import QueueConfig

_DUPLICATE_WINDOW_SECONDS = 600.0  # Azure's default

_INTAKE = ("hr", "projects", "decisions", "sweeps")
_OUT = ("notices", "quarantine")

CONSUMED = (*_INTAKE, "work")
"""Queues the app empties: the sandbox is busy while one of them holds a message that can be taken."""

QUEUES = (
    *(QueueConfig(name, duplicate_window=_DUPLICATE_WINDOW_SECONDS) for name in _INTAKE),
    QueueConfig("work", requires_session=True, lock_duration=60.0, duplicate_window=_DUPLICATE_WINDOW_SECONDS),
    *(QueueConfig(name) for name in _OUT),
)

NAMES = MappingProxyType({queue.name: queue.name for queue in QUEUES})
"""Queue names by role. Here they are the same word; in Azure they are settings."""
