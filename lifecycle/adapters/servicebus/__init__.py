"""The bus on Azure Service Bus: sends messages, shows what was set aside, and takes one of those away.

Receiving is not here, the Functions host does that. Queues must not be partitioned (sequence numbers name messages) and
must detect duplicates (a send that is repeated after a broken connection counts once).
"""

from lifecycle.adapters.servicebus.bus import ServiceBus

__all__ = ["ServiceBus"]
