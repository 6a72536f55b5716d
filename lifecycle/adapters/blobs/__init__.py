"""Seals in a container of Azure Blob Storage, which a policy of immutability keeps from everybody, us too.

`address` knows what may be named, `seals` keeps them; that one loads the SDK, so that it is imported late.
"""
