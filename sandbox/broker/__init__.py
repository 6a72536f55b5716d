"""A Service Bus namespace on loopback: the part of it that Lifecycle uses, for the unmodified azure-servicebus library.

Queues, sessions, locks, dead letters, schedules, duplicate detection and session state over AMQP 1.0. There are no
topics, no TLS, no persistence, and any token is let in: it must never be deployed or listen beyond this machine.
"""

from sandbox.broker.config import QueueConfig, QueueCounts
from sandbox.broker.server import Broker

__all__ = ["Broker", "QueueConfig", "QueueCounts"]
