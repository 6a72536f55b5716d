"""Leaves out what the budget of requests no longer allows: the last part of it is for taking away and extending.

Additions that are left out are not lost: they are wanted still, and looked at again every hour.
"""

from collections.abc import Sequence

from lifecycle import messages
from lifecycle.core.budget import Allowance
from lifecycle.core.plan import Assign, ChangeStep
from lifecycle.look import Look
from lifecycle.ports import Ports


async def affordable(steps: Sequence[ChangeStep], seen: Look, ports: Ports) -> list[ChangeStep]:
    """Return the steps that may be sent; says once a day of a person that something waits for the budget."""
    if not any(isinstance(step, Assign) for step in steps):
        return list(steps)
    allowance = Allowance(ports.model.budget, await ports.meter.spent(seen.now))
    allowed = [step for step in steps if allowance.allows(step)]
    if len(allowed) < len(steps):
        waiting = sorted({step.package for step in steps} - {step.package for step in allowed})
        data = {"waits": "budget", "packages": waiting}  # not how many are left: it would be other news every hour
        person = seen.known.identity.person
        await messages.notify(ports.bus, "access.late", person, data, now=seen.now, once=f"{seen.now:%Y-%m-%d}")
    return allowed
