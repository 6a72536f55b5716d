"""The access model that `init` writes: complete, harmless, and commented so that it can be filled in without a manual.

It manages no package yet, since it cannot know their ids. What stands behind `#` without a space is YAML to uncomment;
a test does so and reads the result.
"""

import json

_TEXT = """\
# yaml-language-server: $schema={schema}
#
# The access model of tenant {tenant}: who is entitled to which access packages.
# Check it with `lifecycle model validate`, try its examples with `lifecycle model test`, and see what a change would do
# to everybody with `lifecycle model impact`, all before it is deployed.

timeZone: {zone}    # when a day ends, where neither HR nor the location says

sources:    # who may say what; anybody else's message is set aside
  worker: [{feed}]    # joins, moves, leaves
  project: [/lifecycle/cli]    # projects and who works on them
  decision: [/lifecycle/cli]    # renewals, exceptions, freezes

# Every package that is managed, by a name of your own, with Graph's ids. `policy` is one that is Lifecycle's alone:
# direct assignment, no approval, nobody may request it. Replace the next line.
packages: {{}}
#packages:
#  staff-baseline:
#    accessPackage: a0000000-0000-0000-0000-000000000001
#    policy: b0000000-0000-0000-0000-000000000001
#    catalog: {catalog}
#  ward-records:
#    accessPackage: a0000000-0000-0000-0000-000000000002
#    policy: b0000000-0000-0000-0000-000000000002
#    catalog: {catalog}
#    renewal: {{mode: approval, window: P14D, extend: P90D}}

# Who gets them. `when` is CEL over `worker`, HR's snapshot, and answers true or false. What HR leaves empty is null:
# comparing with == or `in` is fine, anything else needs `worker.x != null && …`. Replace the next line.
rules: []
#rules:
#  - name: everyone
#    when: worker.employeeType == "employee"
#    grant: [staff-baseline]
#    lead: P2D
#  - name: nurses
#    when: worker.department == "Care" && worker.jobCode in ["N1", "N2"]
#    grant: [ward-records]
#    for: P90D

# What the rules are meant to do, said by example; they give nobody anything.
#examples:
#  - name: a nurse on her first day
#    at: 2026-03-02
#    worker: {{employeeType: employee, department: Care, jobCode: N1}}
#    gets: [staff-baseline, ward-records]
#    until: {{staff-baseline: never}}
#  - name: nobody after the last day
#    at: 2026-04-01
#    worker: {{employeeType: employee, department: Care, jobCode: N1}}
#    joined: 2026-01-05
#    left: 2026-03-31
#    gets: []

mover: {{grace: P7D}}    # how long access stays that a move no longer justifies
leaver: {{remove: all}}    # everything in the packages above, also what was requested
drift: report    # or repair: put back, at most twice, what somebody removed by hand

guard:    # more than this in the window, and the plan waits for a person
  window: PT24H
  removals: {{count: 50, share: 0.1}}
  additions: {{count: 500, share: 0.2}}
  leavers: {{count: 100, share: 0.05}}

protected: []    # object ids of users that nothing here may ever change: break-glass accounts first
"""


def model_text(*, tenant: str, catalog: str, feed: str, zone: str, schema: str) -> str:
    """Return the file's text; `schema` is where its JSON Schema lies, seen from the file."""
    return _TEXT.format(
        tenant=tenant, catalog=catalog, feed=json.dumps(feed, ensure_ascii=False), zone=zone, schema=schema
    )
