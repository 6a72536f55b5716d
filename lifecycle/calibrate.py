"""Learns from Graph how many requests everybody in the tenant made, and tells when few are left.

Ours are counted as they are sent; what others send is only known by asking. Runs daily, oftener does no harm. Each
day that was counted is written down at once, so a run that dies goes on where it stopped.
"""

from datetime import datetime
from http import HTTPStatus

from lifecycle import measures, messages
from lifecycle.core.budget import Allowance, Spent
from lifecycle.errors import Refused
from lifecycle.ports import Ports
from lifecycle.records import budget


async def calibrate(ports: Ports, now: datetime) -> Spent:
    """Count the days of the quarter that were not counted yet (the first time: all) and return what was spent.

    A notice `budget.low` goes out once a day while the budget is low, also when Graph could not be asked for all days.
    To catalog roles alone Graph counts nothing: then only ours are known. Raises what Graph or the records raise.
    """
    await budget.prune(ports.records, now)
    try:
        for span in await budget.uncalibrated(ports.records, now):
            counted = await ports.entitlements.requests_created(span.since, span.until)
            await budget.calibrated(ports.records, span, counted)
    except Refused as error:
        if error.status != HTTPStatus.FORBIDDEN:
            raise
    finally:
        spent = await budget.spent(ports.records, now)
        allowance = Allowance(ports.model.budget, spent)
        measures.stands(measures.BUDGET_USED, spent.tenant, {"whose": "tenant"})
        measures.stands(measures.BUDGET_USED, spent.ours, {"whose": "ours"})
        measures.stands(measures.BUDGET_LEFT, allowance.left)
        await _warn(allowance, ports, now)
    return spent


async def _warn(allowance: Allowance, ports: Ports, now: datetime) -> None:
    if not allowance.low or await budget.warned(ports.records, now):
        return
    data = {
        "tenant": allowance.spent.tenant,
        "ours": allowance.spent.ours,
        "limit": allowance.budget.requests,
        "left": allowance.left,
        "additionsWithheld": allowance.reserved,
    }
    await messages.notify(ports.bus, "budget.low", "requests", data, now=now, once=f"{now:%Y-%m-%d}")
    await budget.note_warning(ports.records, now)
