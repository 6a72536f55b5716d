"""The port `Users` in Graph: who in Entra a person of HR is. Reads only, and only what correlation needs."""

from collections.abc import Callable

from lifecycle.adapters.graph import wire
from lifecycle.adapters.graph.client import GraphClient
from lifecycle.adapters.graph.permissions import USERS
from lifecycle.adapters.graph.wire import quoted
from lifecycle.errors import Transient
from lifecycle.ports import Page, User

_SELECT = "id,employeeId,userPrincipalName,accountEnabled"
_TOP = "999"  # the most that a page of users holds


class GraphUsers:
    """The users of one tenant, deleted ones left out as Graph's lists leave them out."""

    def __init__(self, client: GraphClient) -> None:
        self._client = client

    async def by_employee_id(self, employee_id: str) -> list[User]:
        """Return every user with that employeeId, none for an empty one. Raises as `GraphClient.rows` does."""
        return await self._matching("employeeId", employee_id, lambda user: user.employee_id)

    async def by_principal_name(self, name: str) -> User | None:
        """Return the user of that name, or None. Raises as `GraphClient.rows` does.

        Asked as a filter, not as `/users/{name}`: the name comes from outside, and a path would read an object id or
        `me` in it as something else.
        """
        found = await self._matching("userPrincipalName", name, lambda user: user.user_principal_name)
        if len(found) > 1:
            raise Transient(f"GET {USERS}: {len(found)} users share one userPrincipalName, which Entra keeps unique")
        return found[0] if found else None

    async def page(self, *, link: str = "") -> Page[User]:
        """Return one page of all users. Raises as `GraphClient.page` does, `StaleLink` among them."""
        read = await self._client.page(USERS, wire.users, query={"select": _SELECT, "top": _TOP}, link=link)
        return Page([_user(row) for row in read.value], read.next_link or "")

    async def close(self) -> None:
        """Close the client's connections."""
        await self._client.close()

    async def _matching(self, name: str, value: str, told: Callable[[User], str | None]) -> list[User]:
        if not value:
            return []
        query = {"filter": f"{name} eq {quoted(value)}", "select": _SELECT}
        rows = await self._client.rows(USERS, wire.users, query=query)
        found = [_user(row) for row in rows]
        if any((told(user) or "").casefold() != value.casefold() for user in found):
            # Rather no answer than another person's user.
            raise Transient(f"GET {USERS}: Graph listed a user whose {name} is not the one asked for")
        return found


def _user(row: wire.DirectoryUser) -> User:
    return User(row.id, row.employee_id, row.user_principal_name, row.account_enabled)
