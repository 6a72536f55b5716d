"""Who and what a tenant has: users, catalogs, access packages, policies, reviews, with the look-ups that Graph offers.

No clock and no assignments here.
"""

from collections.abc import Iterable

from sandbox.graph.model import Catalog, CatalogRole, Package, Policy, User
from sandbox.graph.reviews import Review

ASSIGNMENT_MANAGER = "e2182095-804a-4656-ae11-64734e9b7ae5"
"""The role definition *Access package assignment manager*, the same in every tenant (Entra documentation)."""


class Directory:
    """The objects of a tenant by id, and users by employee id and principal name, both without regard to case."""

    def __init__(self) -> None:
        self.users: dict[str, User] = {}
        self.catalogs: dict[str, Catalog] = {}
        self.packages: dict[str, Package] = {}
        self.policies: dict[str, Policy] = {}
        self.reviews: dict[str, Review] = {}
        self.roles: list[CatalogRole] | None = None
        """Who has which role; None is that whoever asks may assign everywhere, which the simulator does not check."""
        self._by_employee_id: dict[str, dict[str, None]] = {}
        self._by_name: dict[str, str] = {}

    def put_user(self, user: User) -> None:
        """Add a user, or replace the one of that id."""
        if (before := self.users.get(user.id)) is not None:
            self._forget(before)
        self.users[user.id] = user
        if user.deleted:
            return
        self._by_name[user.user_principal_name.casefold()] = user.id
        if user.employee_id is not None:
            self._by_employee_id.setdefault(user.employee_id.casefold(), {})[user.id] = None

    def copy(self) -> "Directory":
        """Return a directory that can change without this one."""
        other = Directory()
        other.users, other.catalogs = self.users.copy(), self.catalogs.copy()
        other.packages, other.policies = self.packages.copy(), self.policies.copy()
        other.reviews = self.reviews.copy()
        other.roles = None if self.roles is None else self.roles.copy()
        other._by_employee_id = {k: v.copy() for k, v in self._by_employee_id.items()}
        other._by_name = self._by_name.copy()
        return other

    def user(self, key: str) -> User | None:
        """Return the user of an object id or a user principal name, None when absent or deleted."""
        user = self.users.get(key.lower()) or self.users.get(self._by_name.get(key.casefold(), ""))
        return None if user is None or user.deleted else user

    def with_employee_ids(self, employee_ids: Iterable[str]) -> list[User]:
        """Return the users of these employee ids; an employee id is not unique in Entra."""
        found = {id_: None for e in employee_ids for id_ in self._by_employee_id.get(e.casefold(), ())}
        return [self.users[id_] for id_ in found]

    def named(self, names: Iterable[str]) -> list[User]:
        """Return the users of these principal names."""
        found = (self._by_name.get(name.casefold()) for name in names)
        return [self.users[id_] for id_ in found if id_ is not None]

    def present(self) -> list[User]:
        """Return every user that is not deleted, in the order in which they came."""
        return [u for u in self.users.values() if not u.deleted]

    def roles_of(self, principal_id: str) -> list[CatalogRole]:
        """Return the roles of a principal in entitlement management."""
        if self.roles is None:
            return [CatalogRole(principal_id, None, ASSIGNMENT_MANAGER)]
        return [role for role in self.roles if role.principal_id == principal_id]

    def packages_of(self, catalog_id: str) -> list[Package]:
        """Return the access packages of a catalog."""
        return [p for p in self.packages.values() if p.catalog_id == catalog_id]

    def policies_of(self, package_id: str) -> list[Policy]:
        """Return the assignment policies of an access package."""
        return [p for p in self.policies.values() if p.package_id == package_id]

    def _forget(self, user: User) -> None:
        name = user.user_principal_name.casefold()
        if self._by_name.get(name) == user.id:
            del self._by_name[name]
        if user.employee_id is not None:
            self._by_employee_id.get(user.employee_id.casefold(), {}).pop(user.id, None)
