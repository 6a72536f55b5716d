"""What we remember, by noun: facts, people, dossiers (one person's state and chain), wake-ups, reservations, holds.

Each partition of the `Records` port has exactly one owner, a module here, and nobody else reads or writes it. All of
it is written once, on the port's three operations, so an adapter only stores rows.
"""
