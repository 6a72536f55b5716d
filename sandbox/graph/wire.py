"""Objects of the tenant as Graph's JSON."""

from collections.abc import Callable
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from sandbox.graph import audits, reviews
from sandbox.graph.audits import Audit
from sandbox.graph.directory import Directory
from sandbox.graph.model import (
    STATUS,
    Assignment,
    Catalog,
    CatalogRole,
    Package,
    Policy,
    Request,
    Schedule,
    User,
    instant,
)
from sandbox.graph.reviews import Decision, Instance, Review
from sandbox.graph.shape import DEFAULT_USER, Shape

type Json = dict[str, Any]

APP = str(uuid5(NAMESPACE_URL, "app"))
"""The service principal of whoever posts requests."""


class Wire:
    """Writes objects in the shape asked for; looks their neighbours up in the directory.

    `assignment_by_id` gives the row that a request belongs to.
    """

    def __init__(self, directory: Directory, assignment_by_id: Callable[[str], Assignment | None]) -> None:
        self._directory = directory
        self._assignment_by_id = assignment_by_id

    def user(self, user: User, shape: Shape) -> Json:
        """Return a user; most properties only when selected."""
        whole: Json = {
            "id": user.id,
            "displayName": user.display_name,
            "jobTitle": user.job_title,
            "mail": user.mail,
            "userPrincipalName": user.user_principal_name,
            "employeeId": user.employee_id,
            "accountEnabled": user.account_enabled,
            "userType": user.user_type,
            "department": user.department,
            "employeeHireDate": instant(user.employee_hire_date),
            "onPremisesSyncEnabled": user.on_premises_sync_enabled,
        }
        return shape.cut(whole) if shape.select is not None else Shape(DEFAULT_USER).cut(whole)

    def catalog(self, catalog: Catalog, shape: Shape) -> Json:
        """Return a catalog."""
        shown = shape.cut(
            {
                "id": catalog.id,
                "displayName": catalog.display_name,
                "state": catalog.state,
                "catalogType": "userManaged",
            }
        )
        if (inner := shape.expand.get("accessPackages")) is not None:
            shown["accessPackages"] = [self.package(p, inner) for p in self._directory.packages_of(catalog.id)]
        return shown

    def role(self, role: CatalogRole) -> Json:
        """Return a unifiedRoleAssignment of entitlement management."""
        scope = "/" if role.catalog_id is None else f"/AccessPackageCatalog/{role.catalog_id}"
        return {
            "id": str(uuid5(NAMESPACE_URL, f"{role.principal_id}{scope}{role.role_id}")),
            "principalId": role.principal_id,
            "roleDefinitionId": role.role_id,
            "directoryScopeId": None,
            "appScopeId": scope,
        }

    def package(self, package: Package, shape: Shape) -> Json:
        """Return an access package."""
        shown = shape.cut({"id": package.id, "displayName": package.display_name, "isHidden": False})
        if (inner := shape.expand.get("catalog")) is not None:
            shown["catalog"] = self.catalog(self._directory.catalogs[package.catalog_id], inner)
        if (inner := shape.expand.get("assignmentPolicies")) is not None:
            shown["assignmentPolicies"] = [self.policy(p, inner) for p in self._directory.policies_of(package.id)]
        if (inner := shape.expand.get("resourceRoleScopes")) is not None:
            shown["resourceRoleScopes"] = [_role_scope(package, group, inner) for group in package.groups]
        return shown

    def policy(self, policy: Policy, shape: Shape) -> Json:
        """Return an assignment policy."""
        automatic = {
            "requestAccessForAllowedTargets": True,
            "removeAccessWhenTargetLeavesAllowedTargets": True,
            "gracePeriodBeforeAccessRemoval": "P7D",
        }
        shown = shape.cut(
            {
                "id": policy.id,
                "displayName": policy.display_name,
                "allowedTargetScope": policy.allowed_target_scope,
                "expiration": {
                    "type": "noExpiration" if policy.expiration is None else "afterDuration",
                    "endDateTime": None,
                    "duration": policy.expiration,
                },
                "requestorSettings": {"allowCustomAssignmentSchedule": policy.custom_schedule},
                "requestApprovalSettings": {
                    "isApprovalRequiredForAdd": policy.approval_for_add,
                    "isApprovalRequiredForUpdate": policy.approval_for_update,
                    "stages": [],
                },
                "automaticRequestSettings": automatic if policy.automatic else None,
            }
        )
        package = self._directory.packages[policy.package_id]
        if (inner := shape.expand.get("accessPackage")) is not None:
            shown["accessPackage"] = self.package(package, inner)
        if (inner := shape.expand.get("catalog")) is not None:
            shown["catalog"] = self.catalog(self._directory.catalogs[package.catalog_id], inner)
        return shown

    def subject(self, user_id: str, shape: Shape) -> Json:
        """Return the accessPackageSubject of a user, whose id is not the user's."""
        user = self._directory.users[user_id]
        return shape.cut(
            {
                "id": user.subject_id,
                "objectId": user.id,
                "displayName": user.display_name,
                "email": user.mail,
                "principalName": user.user_principal_name,
                "subjectType": "user",
            }
        )

    def assignment(self, row: Assignment, shape: Shape) -> Json:
        """Return an assignment."""
        shown = shape.cut(
            {
                "id": row.id,
                "state": row.state,
                "status": row.status or STATUS[row.state],
                "expiredDateTime": instant(row.expired),
                "schedule": _schedule(row.schedule),
                "customExtensionCalloutInstances": [],
            }
        )
        if (inner := shape.expand.get("target")) is not None:
            shown["target"] = self.subject(row.user_id, inner)
        if (inner := shape.expand.get("accessPackage")) is not None:
            shown["accessPackage"] = self.package(self._directory.packages[row.package_id], inner)
        if (inner := shape.expand.get("assignmentPolicy")) is not None:
            shown["assignmentPolicy"] = self.policy(self._directory.policies[row.policy_id], inner)
        return shown

    def request(self, request: Request, shape: Shape) -> Json:
        """Return an assignment request.

        The requestor of a direct assignment is its target. An expanded assignment lacks its schedule, as seen in
        microsoft-graph-docs issue 13727: who needs the end reads `/assignments/{id}`.
        """
        shown = shape.cut(
            {
                "id": request.id,
                "requestType": request.type,
                "state": request.state,
                "status": STATUS[request.state],
                "createdDateTime": instant(request.created),
                "completedDateTime": instant(request.completed),
                "schedule": None if request.schedule is None else _schedule(request.schedule),
                "justification": request.justification,
                "answers": [],
                "customExtensionCalloutInstances": [],
            }
        )
        if (inner := shape.expand.get("requestor")) is not None:
            shown["requestor"] = self.subject(request.user_id, inner)
        if (inner := shape.expand.get("accessPackage")) is not None:
            shown["accessPackage"] = self.package(self._directory.packages[request.package_id], inner)
        if (inner := shape.expand.get("assignment")) is not None:
            row = None if request.assignment_id is None else self._assignment_by_id(request.assignment_id)
            shown["assignment"] = None if row is None else self.assignment(row, inner)
            if row is not None and "schedule" in shown["assignment"]:
                shown["assignment"]["schedule"] = None
        return shown

    def review(self, review: Review) -> Json:
        """Return an accessReviewScheduleDefinition; its instances have a list of their own."""
        return {
            "id": review.id,
            "displayName": review.display_name,
            "status": review.instances[-1].status if review.instances else "NotStarted",
            "scope": self._scope(review),
        }

    def instance(self, review: Review, instance: Instance) -> Json:
        """Return an accessReviewInstance."""
        return {
            "id": instance.id,
            "startDateTime": instant(instance.start),
            "endDateTime": instant(instance.end),
            "status": instance.status,
            "scope": self._scope(review),
        }

    def decision(self, review: Review, instance: Instance, decision: Decision) -> Json:
        """Return an accessReviewInstanceDecisionItem, whose resource is the policy that is reviewed."""
        user = self._directory.users[decision.user_id]
        policy = self._directory.policies[review.policy_id]
        package = self._directory.packages[policy.package_id]
        return {
            "id": decision.id,
            "accessReviewId": instance.id,
            "decision": decision.verdict,
            "reviewedBy": None if decision.reviewer is None else self._identity(decision.reviewer),
            "justification": decision.justification,
            "recommendation": "NoInfoAvailable",
            "reviewedDateTime": instant(decision.reviewed),
            "appliedDateTime": instant(decision.applied),
            "applyResult": reviews.apply_result(decision),
            "principal": {"@odata.type": "#microsoft.graph.userIdentity", **self._identity(user.id)},
            "resource": {
                "@odata.type": "#microsoft.graph.accessReviewInstanceDecisionItemAccessPackageAssignmentPolicyResource",
                "id": policy.id,
                "displayName": policy.display_name,
                "type": "accessPackageAssignmentPolicy",
                "accessPackageId": package.id,
                "accessPackageDisplayName": package.display_name,
            },
        }

    def audit(self, audit: Audit) -> Json:
        """Return a directoryAudit."""
        request = audit.request
        package = self._directory.packages[request.package_id]
        app = {"appId": None, "servicePrincipalId": APP, "displayName": "Lifecycle"}
        return {
            "id": audit.id,
            "category": "EntitlementManagement",
            "correlationId": request.id,
            "result": "success",
            "activityDisplayName": audit.activity,
            "activityDateTime": instant(audit.at),
            "loggedByService": audits.SERVICE,
            "initiatedBy": {
                "user": None if audit.by_user is None else self._identity(audit.by_user),
                "app": app if audit.by_user is None else None,
            },
            "targetResources": [
                {"id": request.user_id, "displayName": None, "type": "User"},
                {"id": package.id, "displayName": package.display_name, "type": "Other"},
                {"id": request.id, "displayName": None, "type": "Other"},
            ],
            "additionalDetails": [],
        }

    def _identity(self, user_id: str) -> Json:
        user = self._directory.users[user_id]
        return {"id": user.id, "displayName": user.display_name, "userPrincipalName": user.user_principal_name}

    def _scope(self, review: Review) -> Json:
        package_id = self._directory.policies[review.policy_id].package_id
        which = f"accessPackageId eq '{package_id}' and assignmentPolicyId eq '{review.policy_id}'"
        return {
            "@odata.type": "#microsoft.graph.accessReviewQueryScope",
            "query": f"/identityGovernance/entitlementManagement/{reviews.QUERY_TYPE}?$filter=({which})",
            "queryType": "MicrosoftGraph",
        }


def _role_scope(package: Package, group: str, shape: Shape) -> Json:
    """Return the accessPackageResourceRoleScope of a group's member role."""
    id_ = str(uuid5(NAMESPACE_URL, f"role:{package.id}:{group}"))
    shown = shape.cut({"id": id_, "createdDateTime": None})
    origin = {"displayName": "Member", "description": None, "originSystem": "AadGroup"}
    if (inner := shape.expand.get("role")) is not None:
        shown["role"] = inner.cut({"id": f"{id_}-role", "originId": f"Member_{group}", **origin})
    if (inner := shape.expand.get("scope")) is not None:
        shown["scope"] = inner.cut({"id": f"{id_}-scope", "originId": group, **origin})
    return shown


def _schedule(schedule: Schedule) -> Json:
    return {
        "startDateTime": instant(schedule.start),
        "recurrence": None,
        "expiration": {
            "type": schedule.type,
            "endDateTime": instant(schedule.end),
            "duration": schedule.duration,
        },
    }
