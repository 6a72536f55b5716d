"""A packet as JSON, in ASCII: `{cover, people: [{person, fields, assignments}], closing}`."""

import json
from dataclasses import asdict
from typing import TextIO

from lifecycle.core.packet import Closing, Cover, Part, plain_cover, plain_part


class Lines:
    """Writes JSON, one person after the other."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._between = "\n"

    def begin(self, cover: Cover) -> None:
        """Write the cover and open the list."""
        self._out.write(f'{{"cover": {json.dumps(plain_cover(cover), indent=1)},\n"people": [')

    def add(self, part: Part) -> None:
        """Write one person."""
        self._out.write(self._between + json.dumps(plain_part(part), indent=1))
        self._between = ",\n"

    def end(self, closing: Closing) -> None:
        """Close the list and write the closing."""
        self._out.write(f'\n],\n"closing": {json.dumps(asdict(closing), indent=1)}}}\n')
