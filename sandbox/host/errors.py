"""Why the host refuses to start. The real host would say it later, in a log, or not at all."""


class HostError(Exception):
    """The app or its configuration cannot run: says what is wrong, where, and what to change."""
