"""What keys look like in the table, so that its order is the port's, by code point.

The table compares UTF-16 units, where every character beyond U+FFFF (two surrogates, D800 to DFFF) comes before U+E000
to U+FFFF. So what lies at or above U+E000 is stored 0x2000 higher: all of it is then two surrogates, in the right
order. No key leaves Unicode by that, because its last two planes are private and not printable. ASCII stays as it is.
"""

from lifecycle.adapters.limits import FORBIDDEN

_FIRST = 0xE000
_SHIFT = 0x2000
_BEYOND = 0x10FFFD  # above every stored character; the two after it are none
_MOVED = 0x10000
_CONTROLS = frozenset(map(chr, [*range(0x20), *range(0x7F, 0xA0)]))  # what a key cannot hold, and a filter should not


def stored(name: str) -> str:
    """Return the key or the partition's name as the table holds it."""
    return name if name.isascii() else "".join(map(_up, name))


def read_back(name: str) -> str:
    """Return what `stored` was given."""
    return name if name.isascii() else "".join(map(_down, name))


def stored_bound(bound: str) -> str:
    """Return a bound of a listing as the table is asked with it.

    A character that no key holds and no table takes is replaced by the next one that it does, and what follows is cut:
    the same keys lie before it.
    """
    for place, character in enumerate(bound):
        if character in FORBIDDEN or character in _CONTROLS:
            return stored(bound[:place]) + _next(character)
    return stored(bound)


def _up(character: str) -> str:
    code = ord(character)
    return character if code < _FIRST else chr(min(code + _SHIFT, _BEYOND))


def _down(character: str) -> str:
    code = ord(character)
    return character if code < _MOVED else chr(code - _SHIFT)


def _next(character: str) -> str:
    while character in FORBIDDEN or character in _CONTROLS:
        character = chr(ord(character) + 1)
    return character
