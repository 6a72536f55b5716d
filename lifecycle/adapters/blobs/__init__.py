"""Containers of Azure Blob Storage: seals, which a policy of immutability keeps from everybody, and set-aside bodies.

`address` knows what may be named, `connection` opens it and loads the SDK at its first call, `seals` and `bodies` are
the ports.
"""
