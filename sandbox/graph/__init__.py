"""A Microsoft Graph tenant on a laptop, as far as entitlement management and users go.

`Tenant` is the state and does no I/O; `graph_app` serves it under /v1.0 to any client that speaks plain HTTP, the
unmodified msgraph-sdk included; `control_routes` are the switches of the sandbox: faults, tenant changes, the log.
The simulator accepts only what Graph documents: what is undocumented is refused, so that nobody comes to depend on it.
"""

from sandbox.graph.control import control_routes
from sandbox.graph.http import graph_app
from sandbox.graph.tenant import Tenant
from sandbox.graph.token import app_token

__all__ = ["Tenant", "app_token", "control_routes", "graph_app"]
