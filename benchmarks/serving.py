"""Runs a server in a process of its own while something is measured, so that it takes none of the measured time."""

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any


@contextmanager
def beside(serve: Callable[[Connection], None]) -> Iterator[Any]:
    """Run `serve` in another process until the block ends; yields what it sends first, its ports."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    server = context.Process(target=serve, args=(there,), daemon=True)
    server.start()
    try:
        yield here.recv()
    finally:
        server.terminate()
        server.join()
