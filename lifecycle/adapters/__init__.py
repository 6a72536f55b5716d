"""Whom the worker talks to: one vendor per file or folder. Vendors' exceptions stop here."""
