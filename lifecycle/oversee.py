"""Says what became of what nobody waits for: a run whose checks were all taken up, a timer that stands still.

Only says it, on `notices`, and remembers that it did. Finished means looked at; what was begun for a person may be
under way still, and `access.*` says how that ended.
"""

from datetime import datetime, timedelta

from lifecycle import messages
from lifecycle.ports import Ports
from lifecycle.records import heartbeats, runs

QUIET = timedelta(minutes=15)
"""How long nothing may come to a run that nobody declared whole (a feed's events come one by one) until it counts as
finished."""

STILL = timedelta(minutes=15)
"""The least time without a run after which a timer counts as standing still."""

_MISSED = 3  # times its own interval


async def tell_of_finished(ports: Ports, now: datetime) -> None:
    """Tell of every run that is finished and was not told of yet; called at every tick of the wake timer."""
    for one in await runs.closed(ports.records):
        progress = await runs.progress(ports.records, one.name)
        if progress is not None and (progress.waiting or progress.queued):
            continue
        if progress is not None and not progress.run.whole and now < one.at + QUIET:
            continue
        if progress is not None and progress.run.asked:
            run = progress.run
            data = {"run": run.name, "cause": run.cause, "people": run.asked, "begun": run.begun.isoformat()}
            once = f"{run.begun.isoformat()} {run.asked}"
            await messages.notify(ports.bus, "run.finished", run.name, data, now=now, once=once)
        await runs.concluded(ports.records, one)


async def tell_of_stalled(timer: str, ports: Ports, now: datetime) -> None:
    """Tell of the other timers that did not run for three times their own interval, once for each standstill.

    Nobody is left to tell when all of them stand still, or the app does: watch that `lifecycle.timer.duration` goes on.
    """
    for beat in await heartbeats.beats(ports.records):
        every = timedelta(seconds=beat.every)
        if beat.timer == timer or not every or now - beat.at <= max(_MISSED * every, STILL):
            continue
        if await heartbeats.told_of(ports.records, beat.timer) == beat.at:
            continue
        data = {"timer": beat.timer, "last": beat.at.isoformat(), "every": int(beat.every)}
        await messages.notify(ports.bus, "timer.stalled", beat.timer, data, now=now, once=beat.at.isoformat())
        await heartbeats.note_told(ports.records, beat.timer, beat.at)
