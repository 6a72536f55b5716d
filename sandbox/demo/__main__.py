"""`python -m sandbox.demo [FOLDER]`: the demo without the rest of the command line."""

import asyncio
import sys
from pathlib import Path

from rich.console import Console

from sandbox.demo import demo

if __name__ == "__main__":
    given = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    sys.exit(0 if asyncio.run(demo(Console(), data=given)) else 1)
