"""What a benchmark is: one run, the figures that come of it, and for each what it means and what it grows with."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

type Figure = tuple[str, float, str]
"""Name, value, unit."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """One run with its figures. `about` says of each figure, by name, what it is and what it grows with."""

    about: Mapping[str, str]
    run: Callable[[], Iterator[Figure]]

    def figures(self) -> Iterator[Figure]:
        """Run it. Raises `LookupError` when the figures are not exactly those that `about` explains."""
        expected = set(self.about)
        for name, value, unit in self.run():
            if name not in expected:
                raise LookupError(f"{name} was measured and is not explained, or came twice; see `Measurement.about`")
            expected.remove(name)
            yield name, value, unit
        if expected:
            raise LookupError(f"{', '.join(sorted(expected))}: explained but not measured")


def named(measurements: Sequence[Measurement], names: Collection[str]) -> Iterator[Figure]:
    """Yield the figures of those names (all, when there are none), each measurement run at most once.

    Raises `LookupError`, before anything runs, for a name that no measurement has.
    """
    known = {name for measurement in measurements for name in measurement.about}
    if unknown := sorted(set(names) - known):
        raise LookupError(f"no figure is called {', '.join(unknown)}; `--list` shows those there are")
    wanted = set(names) or known
    return (
        figure
        for measurement in measurements
        if wanted & set(measurement.about)
        for figure in measurement.figures()
        if figure[0] in wanted
    )
