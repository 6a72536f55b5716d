"""Microsoft Graph: three ports over the SDK's pipeline, with our own bytes on the wire.

    GraphEntitlements, GraphReviews, GraphUsers   the ports `Entitlements`, `Reviews` and `Users`
    tenancy.GraphTenancy                          the port `Tenancy`, for `lifecycle check` alone
    witness.GraphWitness                          the port `Witness`: what evidence packets say beside the ledger
      GraphClient                                 one call: permission, retrying, pages, what went wrong
        pipeline                                  the SDK: authentication, middleware, HTTP (imported at the first call)

The SDK's models are not used: they decode a page of 100 assignments in most of a second, and lack the ids that a
request must carry. Nothing outside this package may import the SDK.
"""

from lifecycle.adapters.graph.client import GraphClient
from lifecycle.adapters.graph.credential import StaticToken
from lifecycle.adapters.graph.entitlements import GraphEntitlements
from lifecycle.adapters.graph.permissions import ListingMode, permissions_for
from lifecycle.adapters.graph.reviews import GraphReviews
from lifecycle.adapters.graph.users import GraphUsers

__all__ = [
    "GraphClient",
    "GraphEntitlements",
    "GraphReviews",
    "GraphUsers",
    "ListingMode",
    "StaticToken",
    "permissions_for",
]
