"""Seals in a container of Azure Blob Storage, which a policy of immutability keeps from everybody, us too.

`address` knows what may be named, `seals` keeps them and loads the SDK at its first call.
"""
