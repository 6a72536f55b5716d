"""How long a cold start imports: the app against the vendor packages that it cannot do without.

Every import is timed inside a fresh interpreter, around the import statements alone, so the interpreter's own start is
in neither side. Counted is the processor's time, which is all there is to it once files are in the system's cache, and
which other programs disturb less than the clock. The sides alternate, `ROUNDS` times, after one round that only fills
the caches of files and bytecode; each ratio is one of medians.

The app imports some of its vendors only with the first message, so the first ratio says what indexing costs (for which
the Functions host allows ten seconds), and the second counts everything: `FIRST_MESSAGE` is all that is imported late
on the way of a first message through intake, bus, rules, identity and Graph, whatever the settings would leave out; but
telemetry, which is off on a machine, has a figure of its own.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from benchmarks.measurement import Figure, Measurement

VENDORS = (
    "azure.functions",
    "azure.servicebus.aio",
    "azure.identity.aio",
    "msgraph",
    "msgspec",
    "tenacity",
    "cloudevents",
)
FIRST_VENDORS = (*VENDORS, "azure.data.tables.aio", "cel", "yaml")
INDEXING = ("function_app",)
FIRST_MESSAGE = (
    *INDEXING,
    "lifecycle.intake",
    "lifecycle.attend",
    "lifecycle.adapters.servicebus",
    "lifecycle.adapters.tables.records",
    "lifecycle.adapters.rules",
    "lifecycle.adapters.graph.pipeline",
    "cel",
    "azure.core.credentials",
    "azure.identity.aio",
)
TELEMETRY = (
    "lifecycle.adapters.telemetry",
    "azure.monitor.opentelemetry.exporter",
)
ROUNDS = 5
_ROOT = Path(__file__).resolve().parents[1]


def figures() -> Iterator[Figure]:
    """Yield the times and both ratios."""
    sides = {"app": INDEXING, "vendors": VENDORS, "first": FIRST_MESSAGE, "first vendors": FIRST_VENDORS}
    sides["telemetry"] = (*FIRST_MESSAGE, *TELEMETRY)
    found: dict[str, list[float]] = {side: [] for side in sides}
    for number in range(ROUNDS + 1):
        for side, modules in sides.items():
            spent = seconds(modules)
            if number:
                found[side].append(spent)
    middle = {side: median(values) for side, values in found.items()}
    yield "import_seconds", middle["app"], "s"
    yield "import_vs_vendor_packages", middle["app"] / middle["vendors"], "times"
    yield "import_with_first_message_seconds", middle["first"], "s"
    yield "import_with_first_message_vs_vendor_packages", middle["first"] / middle["first vendors"], "times"
    yield "import_with_telemetry_seconds", middle["telemetry"], "s"


def seconds(modules: tuple[str, ...]) -> float:
    """Return the processor's seconds in which a fresh interpreter imports the modules, in this order."""
    statements = "\n".join(f"import {module}" for module in modules)
    program = f"import time\nbegan = time.process_time()\n{statements}\nprint(time.process_time() - began)"
    done = subprocess.run(  # noqa: S603 - this interpreter, and a program made of the names above
        [sys.executable, "-c", program], cwd=_ROOT, check=True, capture_output=True, text=True
    )
    return float(done.stdout)


MEASUREMENTS = (
    Measurement(
        {
            "import_seconds": "Importing function_app in a fresh interpreter. Grows with what the triggers and the "
            "wiring import at once.",
            "import_vs_vendor_packages": "That, over importing the vendor packages alone; below 1 because some of "
            "them are imported late.",
            "import_with_first_message_seconds": "Importing function_app and all that the first message imports.",
            "import_with_first_message_vs_vendor_packages": "That, over the vendor packages with cel and yaml: grows "
            "with our own modules and with what of the vendors only we import.",
            "import_with_telemetry_seconds": "The same where telemetry goes to Application Insights.",
        },
        figures,
    ),
)
