"""Text from outside, made harmless to look at: nothing in it can steer a terminal, a page or a reader's eye.

Control characters, line and paragraph separators, marks that turn the direction of writing, lone surrogates and other
invisible characters are spelled out as escapes.
"""


def visible(text: str, *, keep: str = "") -> str:
    """Return the text with whatever cannot be seen spelled out, except for the characters in `keep`."""
    return "".join(char if char.isprintable() or char in keep else ascii(char)[1:-1] for char in text)
