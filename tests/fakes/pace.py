"""A pace without a limit, for tests that are about something else: every turn comes at once and is counted."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class OpenPace:
    """Implements `Pace`. `turns` are the turns taken, urgent or not; `heard_of` is what it was told of the limit."""

    turns: list[bool] = field(default_factory=list)
    heard_of: list[float] = field(default_factory=list)

    async def turn(self, *, urgent: bool) -> None:
        self.turns.append(urgent)

    def heard(self, throttle: float) -> None:
        self.heard_of.append(throttle)
