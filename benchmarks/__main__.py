"""`python -m benchmarks [NAME ...]`: one line a figure, `name value unit`; `--list` says what each one is."""

from typing import Annotated

import typer

from benchmarks import (
    closing,
    dashboard,
    decoding,
    drift,
    graph_calls,
    impact,
    imports,
    planning,
    recording,
    throughput,
)
from benchmarks.measurement import Measurement, named

_DECODING = Measurement(
    {
        "decode_speedup_vs_sdk_models": "One page of 100 assignments as the adapter decodes it, times faster than by "
        "the SDK's models. Both grow with the rows; the ratio does not.",
        "page_read_vs_floor": "Reading 20 linked pages through the adapter, over bare httpx and msgspec. Falls towards "
        "1 as pages get larger: what lies between costs by call, not by row.",
    },
    decoding.figures,
)

MEASUREMENTS = (
    *graph_calls.MEASUREMENTS,
    _DECODING,
    *throughput.MEASUREMENTS,
    *imports.MEASUREMENTS,
    *planning.MEASUREMENTS,
    *impact.MEASUREMENTS,
    *recording.MEASUREMENTS,
    *drift.MEASUREMENTS,
    *closing.MEASUREMENTS,
    *dashboard.MEASUREMENTS,
)


def main(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Figures; all without one.")] = None,
    *,
    listed: Annotated[bool, typer.Option("--list", help="Say which figures there are, and measure nothing.")] = False,
) -> None:
    """Measure, and print one line a figure: name, value, unit."""
    if listed:
        for measurement in MEASUREMENTS:
            for name, about in measurement.about.items():
                print(f"{name}  {about}")
        return
    try:
        figures = named(MEASUREMENTS, names or ())
    except LookupError as error:
        raise typer.BadParameter(str(error)) from error
    for name, value, unit in figures:
        print(f"{name} {written(value)} {unit}", flush=True)


def written(value: float) -> str:
    """Write a value to three digits that mean something; whole numbers stay whole."""
    if value == round(value):
        return f"{value:.0f}"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


if __name__ == "__main__":
    typer.run(main)
