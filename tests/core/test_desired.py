"""What a person is entitled to: each kind of reason, what bounds it, and the laws that hold for every history."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifecycle.core.desired import Denial, Desired, Standing, entitled
from lifecycle.core.events import (
    ExceptionGranted,
    ExceptionRevoked,
    Frozen,
    RenewalApproved,
    RenewalDenied,
    Status,
    Thawed,
    Worker,
)
from lifecycle.core.model import AccessModel, ProjectRules, Renewal, RenewalMode
from lifecycle.core.person import person
from lifecycle.core.project import memberships, project
from lifecycle.core.reasons import Why
from tests.builders import (
    CARE,
    EVERYONE,
    ITSM,
    SALES,
    START,
    a_model,
    a_package,
    a_rule,
    a_worker,
    closed,
    granted,
    joined,
    left,
    moved,
    opened,
    recorded,
    released,
    staffed,
    utc,
)
from tests.core.histories import FIRST, LAST, histories

DAY, HOUR, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(seconds=1)


def day(number: int, month: int) -> date:
    return date(2026, month, number)


def desired(model: AccessModel, now: datetime, *facts, work=(), projects=(), denials=(), dropped=None) -> Desired:
    """Fold and ask."""
    by_project = {
        name: project(name, [one for one in projects if one.recorded.subject == name], model)
        for name in {one.recorded.subject for one in projects}
    }
    who = person("e1", facts, model)
    return entitled(who, memberships(work, model), by_project, model, now, denials=denials, dropped=dropped)


def holds(model: AccessModel, now: datetime, *facts, **others) -> set[str]:
    return set(desired(model, now, *facts, **others).entitlements)


def nurse(**others) -> Worker:
    return a_worker(department="Care", **others)


def seller(**others) -> Worker:
    return a_worker(department="Sales", **others)


def decision(kind: type, name: str, time: datetime, **fields):
    said = {"approver": "a1", "justification": "j", **fields}
    if kind is ExceptionGranted:
        said.setdefault("ticket", "T-1")
    return kind(recorded(name, "E1", time, source=ITSM), **said)


HIRED = joined("j", utc(2026, 1, 2), day(5, 1), nurse())
MOVED = moved("m", utc(2026, 2, 20), day(1, 3), seller())
SIMPLE = a_model(EVERYONE, CARE, SALES)
MARCH = utc(2026, 2, 28, 23)
"""The first of March in Berlin."""


# --- standing --------------------------------------------------------------------------------------------------------


def test_where_somebody_stands_follows_their_employment():
    """Unknown without facts, expected before the first day, employed in it, left after the last."""
    gone = left("l", utc(2026, 3, 1), day(31, 3))
    assert desired(SIMPLE, utc(2026, 1, 3)).standing is Standing.UNKNOWN
    assert desired(SIMPLE, utc(2026, 1, 3), HIRED, gone).standing is Standing.EXPECTED
    assert desired(SIMPLE, utc(2026, 2, 3), HIRED, gone).standing is Standing.EMPLOYED
    assert desired(SIMPLE, utc(2026, 4, 3), HIRED, gone).standing is Standing.LEFT


def test_a_leaver_is_entitled_to_nothing_and_swept_out_of_everything():
    """After the last day every managed package is to be emptied, also of what was requested."""
    found = desired(SIMPLE, utc(2026, 4, 3), HIRED, left("l", utc(2026, 3, 1), day(31, 3)))
    assert not found.entitlements
    assert found.sweep_out == {"base", "care", "crm"}


def test_whoever_is_employed_or_expected_is_swept_out_of_nothing():
    """Only leaving sweeps."""
    assert not desired(SIMPLE, utc(2026, 2, 3), HIRED).sweep_out
    assert not desired(SIMPLE, utc(2026, 1, 3), HIRED).sweep_out


# --- rules -----------------------------------------------------------------------------------------------------------


def test_rules_grant_while_they_hold():
    """Each package has the rule as its reason; nothing before the first day."""
    assert holds(SIMPLE, utc(2026, 1, 3), HIRED) == set()
    found = desired(SIMPLE, utc(2026, 2, 3), HIRED, MOVED)
    assert set(found.entitlements) == {"base", "care"}
    (reason,) = found.entitlements["care"].reasons
    assert (reason.kind, reason.name, reason.of) == (Why.RULE, "care", "e1")
    assert (reason.since, reason.until) == (utc(2026, 1, 4, 23), MARCH)


def test_a_move_swaps_what_rules_grant_at_its_instant():
    """To the second, and an announced move ends what it will end."""
    assert holds(SIMPLE, MARCH - SECOND, HIRED, MOVED) == {"base", "care"}
    assert holds(SIMPLE, MARCH, HIRED, MOVED) == {"base", "crm"}


def test_a_correction_from_an_earlier_zone_holds_from_its_own_day():
    """Two snapshots of one day, the later-recorded one in the zone whose day begins first: it holds from there on."""
    there = moved("a", utc(2026, 2, 1), day(1, 3), nurse(time_zone="America/Los_Angeles"))
    here = moved("b", utc(2026, 2, 2), day(1, 3), seller())
    assert holds(SIMPLE, MARCH, HIRED, there, here) == {"base", "crm"}
    assert holds(SIMPLE, utc(2026, 3, 2), HIRED, there, here) == {"base", "crm"}


def test_a_change_that_no_rule_reads_leaves_the_reason_as_old_as_it_was():
    """A reason runs on through moves that do not concern its rule."""
    found = desired(SIMPLE, utc(2026, 3, 5), HIRED, MOVED)
    assert found.entitlements["base"].reasons[0].since == utc(2026, 1, 4, 23)


def test_lead_begins_before_the_first_day_alone():
    """A rule's lead counts back from the first day; a move gets none."""
    model = a_model(EVERYONE, (a_rule("sales", "crm", lead=2 * DAY), SALES[1]))
    early = joined("j", utc(2026, 1, 2), day(5, 1), seller())
    start = utc(2026, 1, 4, 23)
    assert holds(model, start - 2 * DAY - SECOND, early) == set()
    assert holds(model, start - 2 * DAY, early) == {"crm"}
    assert desired(model, start - DAY, early).standing is Standing.EXPECTED
    assert "crm" not in holds(model, MARCH - DAY, HIRED, MOVED)


def test_a_known_last_day_is_the_end_of_every_entitlement():
    """Ends are known before they come, so that Entra can end the access by itself."""
    found = desired(SIMPLE, utc(2026, 2, 3), HIRED, left("l", utc(2026, 2, 1), day(31, 3)))
    assert {one.end for one in found.entitlements.values()} == {utc(2026, 3, 31, 22)}


def test_a_contract_ends_what_rules_grant():
    """After the contract's last day rules grant nothing, whether or not HR has said that somebody left."""
    fact = joined("j", utc(2026, 1, 2), day(5, 1), nurse(contract_end=day(31, 3)))
    assert desired(SIMPLE, utc(2026, 2, 3), fact).entitlements["care"].end == utc(2026, 3, 31, 22)
    assert holds(SIMPLE, utc(2026, 3, 31, 22), fact) == set()


def test_a_renewed_contract_makes_no_gap():
    """A snapshot with a later contract end that holds before the first one is over carries on."""
    fact = joined("j", utc(2026, 1, 2), day(5, 1), nurse(contract_end=day(31, 3)))
    longer = moved("m", utc(2026, 3, 1), day(15, 3), nurse(contract_end=day(30, 6)))
    found = desired(SIMPLE, utc(2026, 4, 3), fact, longer)
    assert found.entitlements["care"].reasons[0].since == utc(2026, 1, 4, 23)
    assert found.entitlements["care"].end == utc(2026, 6, 30, 22)


def test_a_contract_renewed_too_late_leaves_a_gap():
    """Over on 31 March and renewed from 1 May: nothing in April, and a new reason in May."""
    fact = joined("j", utc(2026, 1, 2), day(5, 1), nurse(contract_end=day(31, 3)))
    late = moved("m", utc(2026, 4, 20), day(1, 5), nurse(contract_end=day(30, 6)))
    assert holds(SIMPLE, utc(2026, 4, 15), fact, late) == set()
    assert desired(SIMPLE, utc(2026, 3, 15), fact, late).entitlements["care"].end == utc(2026, 3, 31, 22)
    assert desired(SIMPLE, utc(2026, 5, 15), fact, late).entitlements["care"].reasons[0].since == utc(2026, 4, 30, 22)


# --- for and renewals ------------------------------------------------------------------------------------------------


def lasting(mode: RenewalMode) -> AccessModel:
    """Care for ninety days, renewed by thirty."""
    model = a_model((a_rule("care", "care", lasts=90 * DAY), CARE[1]))
    return replace(model, packages={"care": a_package("care", renewal=Renewal(mode, extend=30 * DAY))})


LAPSE = utc(2026, 1, 4, 23) + 90 * DAY


def test_for_ends_a_reason_counted_from_its_beginning():
    """Ninety days from the instant the reason began, and it stays lapsed while its rule goes on holding."""
    model = lasting(RenewalMode.NEVER)
    assert desired(model, utc(2026, 2, 1), HIRED).entitlements["care"].end == LAPSE
    assert holds(model, LAPSE, HIRED, moved("t", utc(2026, 1, 9), day(1, 5), nurse(job_title="x"))) == set()
    assert holds(model, utc(2026, 6, 1), HIRED, moved("t", utc(2026, 1, 9), day(1, 5), nurse(job_title="x"))) == set()


def test_for_begins_anew_when_the_reason_does():
    """Away from Care and back: a new reason with its own ninety days."""
    back = moved("b", utc(2026, 4, 20), day(1, 5), nurse())
    model = lasting(RenewalMode.NEVER)
    assert (
        desired(model, utc(2026, 5, 2), HIRED, MOVED, back).entitlements["care"].end == utc(2026, 4, 30, 22) + 90 * DAY
    )


def test_an_approved_renewal_extends_by_the_model_or_to_its_own_end():
    """Approved while the reason stood: by `extend`, or until the day that the approver named."""
    model = lasting(RenewalMode.APPROVAL)
    plain = decision(RenewalApproved, "r", utc(2026, 3, 25), package="care")
    dated = decision(RenewalApproved, "r", utc(2026, 3, 25), package="care", until=day(31, 5))
    assert desired(model, utc(2026, 4, 1), HIRED, plain).entitlements["care"].end == LAPSE + 30 * DAY
    assert desired(model, utc(2026, 4, 1), HIRED, dated).entitlements["care"].end == utc(2026, 5, 31, 22)


def test_renewals_add_up_and_never_shorten():
    """A second approval extends what the first did; an `until` before the lapse takes nothing away."""
    model = lasting(RenewalMode.APPROVAL)
    one = decision(RenewalApproved, "r", utc(2026, 3, 25), package="care")
    two = decision(RenewalApproved, "s", LAPSE + 20 * DAY, package="care")
    short = decision(RenewalApproved, "r", utc(2026, 3, 25), package="care", until=day(1, 4))
    assert desired(model, LAPSE + 40 * DAY, HIRED, one, two).entitlements["care"].end == LAPSE + 60 * DAY
    assert desired(model, utc(2026, 3, 26), HIRED, short).entitlements["care"].end == LAPSE


@pytest.mark.parametrize("at", [LAPSE, LAPSE + DAY, utc(2026, 1, 1)])
def test_an_approval_after_the_lapse_or_before_the_beginning_renews_nothing(at):
    """A lapsed reason is not renewed late, nor one that has not begun."""
    late = decision(RenewalApproved, "r", at, package="care")
    assert holds(lasting(RenewalMode.APPROVAL), LAPSE + 2 * DAY, HIRED, late) == set()


def test_an_approval_of_another_package_or_without_renewal_extends_nothing():
    """Renewals are of one package, and only where the model lets it be renewed."""
    other = decision(RenewalApproved, "r", utc(2026, 3, 25), package="base")
    own = decision(RenewalApproved, "r", utc(2026, 3, 25), package="care")
    assert desired(lasting(RenewalMode.APPROVAL), utc(2026, 4, 1), HIRED, other).entitlements["care"].end == LAPSE
    assert desired(lasting(RenewalMode.NEVER), utc(2026, 4, 1), HIRED, own).entitlements["care"].end == LAPSE


def test_a_denied_renewal_lets_the_package_end_when_it_would():
    """A denial shortens nothing."""
    no = decision(RenewalDenied, "r", utc(2026, 3, 25), package="care")
    assert desired(lasting(RenewalMode.APPROVAL), utc(2026, 4, 1), HIRED, no).entitlements["care"].end == LAPSE


def test_automatic_renewal_moves_the_end_on():
    """With mode auto the end is always ahead, by less than `for` and `extend`, and moves when its window opens."""
    model = lasting(RenewalMode.AUTO)
    found = desired(model, utc(2027, 1, 1), HIRED).entitlements["care"]
    assert found.opens is not None
    assert utc(2027, 1, 1) < found.opens < found.end
    just_before = desired(model, found.opens - timedelta(seconds=1), HIRED)
    assert just_before.next_change == found.opens
    assert just_before.entitlements["care"].end == found.end
    assert desired(model, found.opens, HIRED).entitlements["care"].end == found.end + 30 * DAY


# --- grace, leave, dropped rules -------------------------------------------------------------------------------------


GRACEFUL = a_model(EVERYONE, CARE, SALES, grace=7 * DAY)


def test_grace_follows_a_move():
    """Access that a move ended stays for the grace, counted from the end of its reason."""
    found = desired(GRACEFUL, utc(2026, 3, 3), HIRED, MOVED).entitlements["care"]
    assert (found.reasons[0].kind, found.end) == (Why.GRACE, MARCH + 7 * DAY)
    assert holds(GRACEFUL, MARCH + 7 * DAY, HIRED, MOVED) == {"base", "crm"}


def test_an_announced_end_includes_its_grace():
    """Before the move the end is that of the grace: one reason takes over from the other without a gap."""
    assert desired(GRACEFUL, utc(2026, 2, 25), HIRED, MOVED).entitlements["care"].end == MARCH + 7 * DAY


def test_grace_ends_with_the_employment():
    """Whoever leaves within the grace keeps nothing."""
    gone = left("l", utc(2026, 3, 1), day(3, 3))
    assert desired(GRACEFUL, utc(2026, 3, 2), HIRED, MOVED, gone).entitlements["care"].end == utc(2026, 3, 3, 23)


def test_no_grace_follows_a_leaving_a_contract_end_or_a_lapse():
    """Grace is for movers alone."""
    assert holds(GRACEFUL, utc(2026, 4, 1), HIRED, left("l", utc(2026, 3, 1), day(31, 3))) == set()
    contract = joined("j", utc(2026, 1, 2), day(5, 1), nurse(contract_end=day(31, 3)))
    assert holds(GRACEFUL, utc(2026, 4, 1), contract) == set()
    lapsing = replace(lasting(RenewalMode.NEVER), grace=7 * DAY)
    assert holds(lapsing, LAPSE + HOUR, HIRED) == set()
    assert holds(lapsing, utc(2026, 5, 2), HIRED, moved("m", utc(2026, 4, 20), day(1, 5), seller())) == set()


def test_on_leave_only_what_the_model_keeps_stays():
    """Without a keep list leave changes nothing; with one, the rest pauses and comes back."""
    away = moved("a", utc(2026, 2, 20), day(1, 3), nurse(status=Status.LEAVE))
    back = moved("b", utc(2026, 3, 20), day(1, 4), nurse())
    keeping = a_model(EVERYONE, CARE, leave_keep=frozenset({"base"}))
    assert holds(a_model(EVERYONE, CARE), utc(2026, 3, 5), HIRED, away, back) == {"base", "care"}
    assert holds(keeping, utc(2026, 3, 5), HIRED, away, back) == {"base"}
    assert holds(keeping, utc(2026, 4, 5), HIRED, away, back) == {"base", "care"}
    assert desired(keeping, utc(2026, 2, 25), HIRED, away, back).entitlements["care"].end == MARCH


def test_leave_pauses_projects_and_exceptions_too():
    """What leave does not keep pauses whatever its reason."""
    away = moved("a", utc(2026, 2, 20), day(1, 3), nurse(status=Status.LEAVE))
    model = a_model(EVERYONE, packages=("site", "vip"), leave_keep=frozenset({"base"}), projects=ROLES)
    granted = decision(ExceptionGranted, "x", utc(2026, 2, 1), package="vip", until=day(31, 12))
    others = {"work": [staffed("s", utc(2026, 2, 1))], "projects": [opened("o", utc(2026, 1, 5))]}
    assert holds(model, utc(2026, 2, 25), HIRED, away, granted, **others) == {"base", "site", "own", "vip"}
    assert holds(model, utc(2026, 3, 5), HIRED, away, granted, **others) == {"base"}


def test_a_dropped_rule_leaves_grace_from_the_models_adoption():
    """What a rule of the model before gave stays for the grace, counted from the new one's adoption, while employed."""
    dropped = {"old": ("former", utc(2026, 3, 1))}
    model = a_model(EVERYONE, packages=("old",), grace=7 * DAY)
    found = desired(model, utc(2026, 3, 2), HIRED, dropped=dropped).entitlements["old"]
    assert (found.reasons[0].name, found.end) == ("former", utc(2026, 3, 8))
    assert "old" not in holds(model, utc(2026, 3, 8), HIRED, dropped=dropped)
    assert "old" not in holds(replace(model, grace=timedelta()), utc(2026, 3, 2), HIRED, dropped=dropped)
    gone = left("l", utc(2026, 2, 1), day(28, 2))
    assert holds(model, utc(2026, 3, 2), HIRED, gone, dropped=dropped) == set()


# --- projects --------------------------------------------------------------------------------------------------------


ROLES = ProjectRules({"engineer": ("site",)}, {"p1": {"engineer": ("own",)}})
BUILDING = a_model(EVERYONE, projects=ROLES)
OPEN = opened("o", utc(2026, 1, 10), planned=day(30, 6))


def test_work_on_a_project_grants_until_it_is_planned_to_close():
    """A role grants what it grants anywhere and what is the project's own, until the planned close."""
    found = desired(BUILDING, utc(2026, 2, 5), HIRED, work=[staffed("s", utc(2026, 2, 1))], projects=[OPEN])
    assert {name: one.end for name, one in found.entitlements.items()} == {
        "base": None,
        "site": utc(2026, 6, 30, 22),
        "own": utc(2026, 6, 30, 22),
    }
    (reason,) = found.entitlements["own"].reasons
    assert (reason.kind, reason.name, reason.of) == (Why.PROJECT, "engineer", "p1")


def test_work_grants_nothing_before_the_employment_after_it_or_after_a_release():
    """A project's reason needs the project open, the work running and an employment."""
    early = {"work": [staffed("s", utc(2026, 1, 3))], "projects": [opened("o", utc(2026, 1, 1))]}
    assert holds(BUILDING, utc(2026, 1, 4), HIRED, **early) == set()
    assert holds(BUILDING, utc(2026, 1, 5), HIRED, **early) == {"base", "site", "own"}
    freed = {"work": [*early["work"], released("r", utc(2026, 2, 1))], "projects": early["projects"]}
    assert holds(BUILDING, utc(2026, 2, 1), HIRED, **freed) == {"base"}
    gone = left("l", utc(2026, 2, 1), day(28, 2))
    assert holds(BUILDING, utc(2026, 3, 2), HIRED, gone, **early) == set()


def test_work_grants_while_any_employment_runs():
    """A short second employment inside the first one does not end what the first one carries on."""
    others = [
        left("g", utc(2026, 2, 1), day(31, 5)),
        joined("k", utc(2026, 2, 1), day(10, 2), a_worker("C1")),
        left("l", utc(2026, 2, 1), day(20, 2), "C1"),
    ]
    work = [staffed("s", utc(2026, 2, 1))]
    found = desired(BUILDING, utc(2026, 2, 15), HIRED, *others, work=work, projects=[OPEN])
    assert found.entitlements["site"].end == utc(2026, 5, 31, 22)
    assert "site" in holds(BUILDING, utc(2026, 3, 15), HIRED, *others, work=work, projects=[OPEN])


def test_work_on_an_unknown_project_or_in_an_unknown_role_grants_nothing():
    """A staffing may come before its project's opening, and for a role that the model does not name."""
    assert holds(BUILDING, utc(2026, 2, 5), HIRED, work=[staffed("s", utc(2026, 2, 1))]) == {"base"}
    other = [staffed("s", utc(2026, 2, 1), role="visitor")]
    assert holds(BUILDING, utc(2026, 2, 5), HIRED, work=other, projects=[OPEN]) == {"base"}


def test_a_closed_project_sweeps_out_its_own_packages_alone():
    """At the close everything goes in what belongs to that project alone, not in what others share."""
    facts = {"work": [staffed("s", utc(2026, 2, 1))], "projects": [OPEN, closed("c", utc(2026, 2, 20), day(1, 3))]}
    assert not desired(BUILDING, MARCH - SECOND, HIRED, **facts).sweep_out
    after = desired(BUILDING, MARCH, HIRED, **facts)
    assert after.sweep_out == {"own"}
    assert set(after.entitlements) == {"base"}


def test_an_exception_keeps_a_package_of_a_closed_project_from_the_sweep():
    """What is justified otherwise is not swept."""
    facts = {"work": [staffed("s", utc(2026, 2, 1))], "projects": [OPEN, closed("c", utc(2026, 2, 20), day(1, 3))]}
    granted = decision(ExceptionGranted, "x", utc(2026, 2, 25), package="own", until=day(31, 3))
    assert not desired(BUILDING, utc(2026, 3, 5), HIRED, granted, **facts).sweep_out


# --- exceptions, denials, freezes ------------------------------------------------------------------------------------


def test_an_exception_is_a_reason_until_its_last_day():
    """Granted from its recording to the end of its last day, beside the rules and by its event's id."""
    granted = decision(ExceptionGranted, "x", utc(2026, 2, 1), package="crm", until=day(28, 2))
    found = desired(SIMPLE, utc(2026, 2, 5), HIRED, granted).entitlements["crm"]
    assert (found.reasons[0].kind, found.reasons[0].name, found.end) == (Why.EXCEPTION, "x", MARCH)
    assert "crm" not in holds(SIMPLE, utc(2026, 1, 31, 23), HIRED, granted)
    assert "crm" not in holds(SIMPLE, MARCH, HIRED, granted)


def test_a_revocation_ends_what_was_granted_before_it_of_that_package():
    """A later grant stands, another package's too."""
    facts = [
        decision(ExceptionGranted, "x", utc(2026, 2, 1), package="crm", until=day(30, 6)),
        decision(ExceptionGranted, "y", utc(2026, 2, 1), package="care", until=day(30, 6)),
        decision(ExceptionRevoked, "r", utc(2026, 2, 10), package="crm"),
    ]
    plain = joined("j", utc(2026, 1, 2), day(5, 1), a_worker())
    assert holds(SIMPLE, utc(2026, 2, 9), plain, *facts) == {"base", "care", "crm"}
    assert holds(SIMPLE, utc(2026, 2, 10), plain, *facts) == {"base", "care"}
    again = decision(ExceptionGranted, "z", utc(2026, 2, 11), package="crm", until=day(30, 6))
    assert "crm" in holds(SIMPLE, utc(2026, 2, 12), plain, *reversed([*facts, again]))


def test_an_exception_for_a_package_that_is_not_managed_grants_nothing():
    """The model names what is managed."""
    granted = decision(ExceptionGranted, "x", utc(2026, 2, 1), package="unknown", until=day(30, 6))
    assert holds(SIMPLE, utc(2026, 2, 5), HIRED, granted) == {"base", "care"}


def test_a_denial_takes_the_reasons_that_stood():
    """Denied: no entitlement, named as denied, and again entitled by a reason that begins later."""
    denial = [Denial("care", utc(2026, 2, 1), "review")]
    found = desired(SIMPLE, utc(2026, 2, 5), HIRED, denials=denial)
    assert set(found.entitlements) == {"base"}
    assert found.denied == {"care"}
    back = moved("b", utc(2026, 4, 20), day(1, 5), nurse())
    later = desired(SIMPLE, utc(2026, 5, 2), HIRED, MOVED, back, denials=denial)
    assert "care" in later.entitlements
    assert not later.denied


def test_a_reason_that_begins_with_the_denial_is_denied():
    """Only what begins later lifts it, not what begins at the same instant."""
    assert "crm" not in holds(SIMPLE, MARCH, HIRED, MOVED, denials=[Denial("crm", MARCH, "x")])
    assert "crm" in holds(SIMPLE, MARCH, HIRED, MOVED, denials=[Denial("crm", MARCH - SECOND, "x")])


def test_a_move_that_has_nothing_to_do_with_it_lifts_no_denial():
    """Work on a project is as old after a move as before, so a denial of it stands."""
    work = {"work": [staffed("s", utc(2026, 2, 1))], "projects": [OPEN]}
    found = desired(BUILDING, utc(2026, 3, 5), HIRED, MOVED, **work)
    assert found.entitlements["site"].reasons[0].since == utc(2026, 2, 1)
    denial = [Denial("site", utc(2026, 2, 10), "review")]
    assert "site" not in holds(BUILDING, utc(2026, 3, 5), HIRED, MOVED, **work, denials=denial)


def test_the_newest_of_several_denials_counts():
    """In whatever order they are given."""
    back = moved("b", utc(2026, 4, 20), day(1, 5), nurse())
    denials = [Denial("care", utc(2026, 5, 10), "hand"), Denial("care", utc(2026, 2, 1), "review")]
    for given_ in (denials, denials[::-1]):
        assert "care" not in holds(SIMPLE, utc(2026, 5, 12), HIRED, MOVED, back, denials=given_)


def test_an_exception_after_the_denial_lifts_it():
    """Granted later it counts; granted before, it was denied with the rest."""
    denial = [Denial("care", utc(2026, 2, 10), "review")]
    before = decision(ExceptionGranted, "x", utc(2026, 2, 1), package="care", until=day(30, 6))
    after = decision(ExceptionGranted, "x", utc(2026, 2, 11), package="care", until=day(30, 6))
    assert "care" not in holds(SIMPLE, utc(2026, 2, 12), HIRED, before, denials=denial)
    assert "care" in holds(SIMPLE, utc(2026, 2, 12), HIRED, after, denials=denial)


def test_what_nobody_would_hold_anyway_is_not_denied():
    """A denial of a package without a standing reason says nothing."""
    assert not desired(SIMPLE, utc(2026, 2, 5), HIRED, denials=[Denial("crm", utc(2026, 2, 1), "x")]).denied
    assert not desired(SIMPLE, utc(2026, 3, 5), HIRED, MOVED, denials=[Denial("care", utc(2026, 2, 1), "x")]).denied


def test_frozen_until_thawed():
    """The newest of freezes and thaws counts, in any order of arrival."""
    ice, thaw = (
        Frozen(recorded("f", "E1", utc(2026, 2, 1), source=ITSM)),
        Thawed(recorded("t", "E1", utc(2026, 2, 2), source=ITSM)),
    )
    assert desired(SIMPLE, utc(2026, 2, 5), HIRED, ice).frozen
    assert not desired(SIMPLE, utc(2026, 2, 5), HIRED, thaw, ice).frozen


# --- ends and changes ------------------------------------------------------------------------------------------------


def test_reasons_back_to_back_make_no_gap_and_apart_they_do():
    """The end is where the first gap begins, across rules, projects, exceptions and rehires."""
    plain = joined("j", utc(2026, 1, 2), day(5, 1), a_worker())
    one = decision(ExceptionGranted, "x", utc(2026, 2, 1), package="crm", until=day(28, 2))
    seam = moved("m", utc(2026, 2, 1), day(1, 3), seller())
    gap = moved("m", utc(2026, 2, 1), day(2, 3), seller())
    assert desired(SIMPLE, utc(2026, 2, 5), plain, one, seam).entitlements["crm"].end is None
    assert desired(SIMPLE, utc(2026, 2, 5), plain, one, gap).entitlements["crm"].end == MARCH
    rehire = [left("l", utc(2026, 2, 1), day(28, 2)), joined("k", utc(2026, 2, 2), day(1, 3), a_worker())]
    assert desired(SIMPLE, utc(2026, 2, 5), plain, *rehire).entitlements["base"].end is None


def test_the_longest_reason_gives_the_end():
    """Of several reasons the last to go counts, and all are named."""
    granted = decision(ExceptionGranted, "x", utc(2026, 2, 1), package="care", until=day(10, 2))
    found = desired(SIMPLE, utc(2026, 2, 5), HIRED, MOVED, granted).entitlements["care"]
    assert found.end == MARCH
    assert [one.kind for one in found.reasons] == [Why.EXCEPTION, Why.RULE]


def test_a_project_that_is_past_its_planned_close_when_it_opens_is_a_change_to_come():
    """Recorded a moment ahead of our clock with a planned close behind it: the next change is its opening."""
    late = opened("o", utc(2026, 2, 5), planned=day(1, 2))
    found = desired(BUILDING, utc(2026, 2, 5) - 5 * SECOND, HIRED, projects=[late])
    assert (found.sweep_out, found.next_change) == (frozenset(), utc(2026, 2, 5))
    assert desired(BUILDING, utc(2026, 2, 5), HIRED, projects=[late]).sweep_out == {"own"}


WINDOW = datetime(FIRST.year, FIRST.month, FIRST.day, tzinfo=UTC)
RICH = a_model(
    (a_rule("a", "pa", "shared", lead=2 * DAY), lambda worker: worker.job_code == "A"),
    (a_rule("b", "pb", "shared", lasts=3 * DAY), lambda worker: worker.job_code == "B"),
    (a_rule("all", "base"), lambda worker: worker.status is Status.ACTIVE),
    packages=("vip",),
    grace=2 * DAY,
    leave_keep=frozenset({"base", "pa"}),
    projects=ProjectRules({"engineer": ("shared", "site")}, {"p1": {"engineer": ("own",)}}),
)
RICH = replace(
    RICH, packages={**RICH.packages, "pb": a_package("pb", renewal=Renewal(RenewalMode.APPROVAL, extend=2 * DAY))}
)
INSTANTS = st.integers(0, 24 * 14).map(lambda hour: WINDOW + hour * HOUR)
DATES = st.dates(FIRST, LAST)

DROPPED = st.sampled_from([None, {"vip": ("former", WINDOW + 3 * DAY)}])


@st.composite
def situations(draw):
    """A person's history with work, a project, decisions and denials."""
    facts = list(draw(histories(5, zones=(None, None, "America/Los_Angeles"))))
    if draw(st.booleans()):
        facts.append(
            decision(
                ExceptionGranted, "x", draw(INSTANTS), package=draw(st.sampled_from(["vip", "pb"])), until=draw(DATES)
            )
        )
    if draw(st.booleans()):
        facts.append(decision(ExceptionRevoked, "y", draw(INSTANTS), package="vip"))
    if draw(st.booleans()):
        facts.append(decision(RenewalApproved, "r", draw(INSTANTS), package="pb"))
    work = [
        staffed("s", draw(INSTANTS), starts=draw(st.one_of(st.none(), DATES)), until=draw(st.one_of(st.none(), DATES)))
    ]
    if draw(st.booleans()):
        work.append(released("q", draw(INSTANTS)))
    projects = [
        opened("o", draw(st.one_of(st.just(WINDOW - 30 * DAY), INSTANTS)), planned=draw(st.one_of(st.none(), DATES)))
    ]
    if draw(st.booleans()):
        projects.append(closed("c", draw(INSTANTS), draw(DATES)))
    denials = draw(
        st.lists(st.builds(Denial, st.sampled_from(["pa", "pb", "shared", "base"]), INSTANTS, st.just("x")), max_size=2)
    )
    return tuple(facts), {"work": work, "projects": projects, "denials": denials}


@given(situations(), INSTANTS, DROPPED)
@settings(max_examples=150, deadline=None)
def test_nothing_changes_before_the_next_change(situation, now, dropped):
    """Between now and `next_change` every instant has the same desired value: no wake-up is missing."""
    facts, others = situation
    found = desired(RICH, now, *facts, **others, dropped=dropped)
    until = found.next_change or WINDOW + 40 * DAY
    assert until > now
    steps = [now + (until - now) * part / 7 for part in range(1, 7)]
    for at in [*steps, until - SECOND]:
        if at >= now:
            assert desired(RICH, at, *facts, **others, dropped=dropped) == found, at


@given(situations(), DROPPED)
@settings(max_examples=100, deadline=None)
def test_an_entitlement_lasts_exactly_until_its_end(situation, dropped):
    """From change to change: a package is there until the end that was given for it, and gone at that instant."""
    facts, others = situation
    now, promised = WINDOW - 5 * DAY, {}
    for _ in range(60):
        found = desired(RICH, now, *facts, **others, dropped=dropped)
        for package, end in promised.items():
            assert (package in found.entitlements) == (end is None or now < end), (package, now)
            assert package not in found.entitlements or found.entitlements[package].end == end
        promised = {name: one.end for name, one in found.entitlements.items()}
        if found.next_change is None:
            break
        now = found.next_change
    assert found.next_change is None


@given(situations(), INSTANTS, st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_desired_is_free_of_the_order_of_arrival(situation, now, random):
    """Facts, work, projects and denials in another order, with repeats, desire the same."""
    facts, others = situation
    shuffled = {name: random.sample(values, len(values)) for name, values in others.items()}
    again = [*random.sample(facts, len(facts)), *facts[:1]]
    assert desired(RICH, now, *again, **shuffled) == desired(RICH, now, *facts, **others)


@given(situations(), INSTANTS)
@settings(max_examples=60, deadline=None)
def test_nobody_who_has_left_is_entitled_to_more_than_a_coming_employment_leads_to(situation, now):
    """After leaving, only the lead of a rehire entitles; everything is swept out."""
    facts, others = situation
    found = desired(RICH, now, *facts, **others)
    if found.standing is Standing.LEFT:
        assert found.sweep_out == set(RICH.packages)
        assert set(found.entitlements) <= {"pa", "shared"}


def test_grace_does_not_bring_back_what_was_denied():
    """Denied in February, moved away in March: the grace of a denied reason is denied too."""
    denial = [Denial("care", utc(2026, 2, 1), "review")]
    assert "care" not in holds(GRACEFUL, utc(2026, 3, 2), HIRED, MOVED, denials=denial)


def test_leave_gives_no_grace():
    """What leave does not keep pauses at once, whether or not the rule asks for somebody active."""
    model = a_model(
        (a_rule("active", "p"), lambda worker: worker.status is Status.ACTIVE), grace=7 * DAY, leave_keep=frozenset()
    )
    away = moved("a", utc(2026, 2, 20), day(1, 3), nurse(status=Status.LEAVE))
    assert holds(model, utc(2026, 3, 2), HIRED, away) == set()


def test_no_lead_before_an_employment_whose_contract_is_over():
    """A contract end before the first day leaves nothing to lead to."""
    model = a_model((a_rule("care", "care", lead=7 * DAY), CARE[1]))
    fact = joined("j", utc(2026, 1, 2), day(1, 6), nurse(contract_end=day(1, 5)))
    assert holds(model, utc(2026, 5, 30), fact) == set()


def test_grace_for_a_dropped_rule_ends_with_the_employment():
    """The end that is set on the assignment is the last day's, should this worker be down on it."""
    model = a_model(EVERYONE, packages=("old",), grace=7 * DAY)
    gone = left("l", utc(2026, 2, 1), day(2, 3))
    found = desired(model, utc(2026, 3, 1, 12), HIRED, gone, dropped={"old": ("former", utc(2026, 3, 1))})
    assert found.entitlements["old"].end == utc(2026, 3, 2, 23)


def test_leave_does_not_lift_a_denial_nor_start_a_course_anew():
    """Leave suspends a reason and does not end it: what was denied stays denied, and `for` runs on."""
    denial = [Denial("care", utc(2026, 2, 1), "review")]
    course = a_model((a_rule("care", "care", lasts=90 * DAY), CARE[1]), leave_keep=frozenset())
    away = moved("m1", utc(2026, 3, 1), day(2, 3), nurse(status=Status.LEAVE))
    back = moved("m2", utc(2026, 3, 5), day(6, 3), nurse())
    assert "care" not in holds(course, utc(2026, 3, 10), HIRED, away, back, denials=denial)
    assert "care" in holds(course, utc(2026, 3, 10), HIRED, away, back)
    assert "care" not in holds(course, utc(2026, 6, 1), HIRED, away, back)


@pytest.mark.parametrize("what", ["work on a project", "an exception"])
def test_coming_back_from_leave_does_not_lift_the_denial_of(what):
    """Leave suspends every reason alike: one that was denied before it is the same one after it."""
    rules = ProjectRules(roles={"engineer": ("site",)})
    model = a_model(EVERYONE, projects=rules, leave_keep=frozenset({"base"}))
    away = a_worker(status=Status.LEAVE)
    facts = [
        joined("j", START, date(2026, 1, 5)),
        moved("away", START, utc(2026, 2, 1), away),
        moved("back", START, utc(2026, 2, 10), a_worker()),
    ]
    staffings, projects = (), {}
    if what == "an exception":
        facts.append(granted("x", START, "site", date(2026, 6, 1)))
    else:
        staffings, projects = (
            memberships([staffed("s", START)], model),
            {"p1": project("p1", [opened("o", START)], model)},
        )
    known = person("e1", facts, model)
    refused = Denial("site", utc(2026, 1, 20), "a review")
    for at in (utc(2026, 1, 25), utc(2026, 2, 5), utc(2026, 2, 15)):
        assert "site" not in entitled(known, staffings, projects, model, at, denials=[refused]).entitlements
    assert "site" in entitled(known, staffings, projects, model, utc(2026, 2, 15)).entitlements


def test_an_end_that_the_project_or_a_leave_brings_forward_is_not_renewed():
    """Staffed until May and renewable; the project closes in March, or leave begins: then no window opens before it."""
    terms = Renewal(RenewalMode.APPROVAL, 7 * DAY, 30 * DAY)
    packages = {"base": a_package("base"), "site": a_package("site", renewal=terms)}
    rules = ProjectRules(roles={"engineer": ("site",)})
    model = replace(a_model(EVERYONE, projects=rules, leave_keep=frozenset({"base"})), packages=packages)
    works = memberships([staffed("s", START, until=date(2026, 5, 31))], model)
    closes = {"p1": project("p1", [opened("o", START, planned=date(2026, 3, 31))], model)}
    runs = {"p1": project("p1", [opened("o", START)], model)}
    here = joined("j", START, date(2026, 1, 5))
    away = moved("away", START, utc(2026, 4, 1), a_worker(status=Status.LEAVE))
    at = utc(2026, 2, 1)
    assert entitled(person("e1", [here], model), works, runs, model, at).entitlements["site"].opens is not None
    for facts, projects in (([here], closes), ([here, away], runs)):
        assert entitled(person("e1", facts, model), works, projects, model, at).entitlements["site"].opens is None
