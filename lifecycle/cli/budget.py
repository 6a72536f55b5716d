"""`budget`: how many assignment requests of the rolling quarter are used, by whom, and what that means."""

from datetime import datetime, timedelta

import typer

from lifecycle.cli.screen import emit, heading, instant, line, note
from lifecycle.cli.world import AsJson, ReadyFile, World, inside
from lifecycle.core.budget import Allowance
from lifecycle.records.budget import Day, by_day

_DAYS = 14


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example: lifecycle budget\n\nExample: lifecycle budget --json | jq .left")(budget)


def budget(context: typer.Context, *, as_json: AsJson = False, ready: ReadyFile = None) -> None:
    """Show the requests of the quarter: the tenant's, ours, what is left, and whether additions are withheld.

    Graph counts everybody's requests in 90 days; what others send is learned once a day. Reads records alone.
    """

    async def work(world: World) -> tuple[Allowance, list[Day], datetime]:
        ports = world.ports
        now = ports.clock.now()
        days = await by_day(ports.records, now)
        return Allowance(ports.model.budget, await ports.meter.spent(now)), days, now

    found, days, now = inside(context, ready, work)
    told = max((day.told_until for day in days if day.told_until is not None), default=None)
    recent = [day for day in days if day.day > (now - timedelta(days=_DAYS)).date()]
    share = found.used / found.budget.requests if found.budget.requests else 1.0
    if as_json:
        emit(
            {
                "at": now,
                "tenant": found.used,
                "ours": found.spent.ours,
                "limit": found.budget.requests,
                "left": found.left,
                "used_share": round(share, 4),
                "low": found.low,
                "additions_withheld": found.reserved,
                "calibrated_until": told,
                "days": [{"day": str(day.day), "tenant": day.tenant, "ours": day.ours} for day in recent],
            }
        )
        return
    heading(f"requests in the 90 days up to {instant(now)}")
    line(f"  tenant  {found.used} of {found.budget.requests} ({share:.1%})")
    line(f"  ours    {found.spent.ours}")
    line(f"  left    {found.left}")
    if found.reserved:
        line("  ! additions are withheld: what is left is kept for removals and ends")
    elif found.low:
        line(f"  ! more than {found.budget.warn:.0%} are used; find out who sends the others before additions stop")
    line(
        "  others' requests were never counted: ours alone are known"
        if told is None
        else f"  counted up to {instant(told)}"
    )
    heading(f"by day, the last {_DAYS}")
    for day in recent:
        line(f"  {day.day}  tenant {day.tenant}  ours {day.ours}")
    if not recent:
        line("  none")
    if told is None:
        note("the nightly sweep counts them; `lifecycle sweep drift` begins one")
