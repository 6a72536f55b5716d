"""The demo's own judgement, without a sandbox: its people, its expectations, and that it sees what is wrong."""

import csv
import io
from collections import Counter
from dataclasses import replace

import pytest
import yaml
from rich.console import Console

from lifecycle.adapters import csv_feed
from lifecycle.adapters.mapping import parse as parse_mapping
from lifecycle.adapters.rules import parse as parse_model
from lifecycle.core.events import Status
from sandbox.demo import company as companies
from sandbox.demo.telling import Teller
from sandbox.demo.verdict import Held, State, differences, expected, show
from sandbox.errors import SandboxError
from sandbox.graph import tenantfile


@pytest.fixture(scope="module")
def company():
    return companies.read(companies.invented(), "invented")


@pytest.fixture(scope="module")
def must(company):
    return expected(company)


@pytest.fixture
def right(must):
    """A state in which everybody holds what they must, each given once."""
    live = tuple(Held(number, package) for number, packages in must.items() for package in sorted(packages))
    return State(tuple(must), live, tuple(("adminAdd", held) for held in live), reads=7, writes=len(live))


def test_the_invented_people_have_the_shape_of_the_real_file():
    """The same columns in the same order, fifty people, and in each column what the mapping expects of it."""
    header, *rows = csv.reader(io.StringIO(companies.invented()))
    assert header == ["empnum", "firstname", "surname", "emptype", "job", "status", "locality", "country"]
    assert len(rows) == len({row[0] for row in rows}) == 50
    by_column = dict(zip(header, zip(*rows, strict=True), strict=True))
    assert set(by_column["emptype"]) == {"FTE", "CONTRACTOR"}
    assert set(by_column["status"]) == {"Active", "Former employee", "Long-term leave"}
    assert all(job.partition("#")[0].isdigit() and job.partition("#")[2] for job in by_column["job"])
    assert all(country.startswith("_") and ":" in country for country in by_column["country"])
    assert companies.invented() == companies.invented()


def test_the_file_is_read_by_the_mapping(company):
    """HR's file, as exported, passes the feed's own reader with the demo's mapping, and no name is read."""
    text = yaml.safe_dump(companies.mapping(company))
    snapshot = csv_feed.read(company.export(), parse_mapping(text, where="mapping"))
    assert Counter(entry.worker.status for entry in snapshot.entries) == {
        Status.ACTIVE: 43,
        Status.LEAVE: 5,
        Status.LEFT: 2,
    }
    assert "Given" not in repr(snapshot)


def test_a_part_of_the_file_lacks_the_others(company):
    """A cut file has its first rows, one without some people has all the others; both keep the header."""
    whole = company.export().splitlines()
    assert company.export(only=25).splitlines() == whole[:26]
    without = company.export(without=company.cast.wave).splitlines()
    assert len(without) == 51 - 8
    assert set(without) < set(whole)


def test_tenant_and_model_belong_together(company):
    """The tenant and the model can be read, and the model's packages and policies are the tenant's."""
    tenant = tenantfile.read(companies.tenant(company))
    model = parse_model(yaml.safe_dump(companies.model()), where="model")
    policies = {policy.id: package.id for package in tenant.access_packages for policy in package.assignment_policies}
    assert all(policies[package.policy] == package.access_package for package in model.packages.values())


def test_everybody_plays_one_part(company):
    """Nobody has two parts, and the two new numbers are in nobody's hands."""
    cast = company.cast
    parts = [cast.mover, cast.dated, cast.leaver, cast.contractor, cast.engineer, cast.editor, cast.asker]
    parts += [*cast.returning, cast.leftover, *cast.wave]
    assert len(parts) == len(set(parts)) == 7 + 2 + 1 + 8
    assert set(parts) < company.people.keys()
    assert not {cast.newcomer, cast.renumbered} & company.people.keys()


def test_expectations_follow_the_story(company, must):
    """What the parts end with, spelled out; leaving, the wave and former employees end with nothing."""
    cast = company.cast
    assert must[cast.mover] == {"workplace", "employee-apps", "case-files"}
    assert must[cast.dated] == {"workplace", "employee-apps", "building-keys"}
    assert must[cast.contractor] == {"workplace", "employee-apps", "building-keys"}
    assert must[cast.engineer] == {"workplace", "employee-apps", "client-data"}
    assert must[cast.editor] == {"workplace", "employee-apps", "client-data", "project-docs"}
    assert must[cast.asker] == {"workplace", "employee-apps", "client-data", "case-files"}
    assert not any(must[number] for number in (cast.leaver, cast.leftover, *cast.wave))
    assert cast.renumbered not in must


def test_the_right_state_passes(must, right):
    """Nothing is said of a state in which everybody holds what they must."""
    assert differences(must, right) == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda live, _: live[1:], "does not hold"),
        (lambda live, cast: (*live, Held(cast.leaver, "workplace")), "{cast.leaver}: still holds workplace"),
        (lambda live, _: (*live, Held("4711", "workplace")), "4711: still holds workplace"),
        (lambda live, cast: (*live, Held(cast.mover, "workplace")), "{cast.mover}: got workplace twice"),
    ],
    ids=["lost", "left over", "a stranger's", "doubled"],
)
def test_a_wrong_state_is_named(company, must, right, change, says):
    """Each way in which assignments can be wrong is one sentence, with the person and the package."""
    wrong = replace(right, live=change(right.live, company.cast))
    (said,) = differences(must, wrong)
    assert says.format(cast=company.cast) in said


def test_a_request_made_twice_is_named(company, must, right):
    """A second request to give the same package is a difference, even when only one assignment came of it."""
    again = ("adminAdd", Held(company.cast.editor, "workplace"))
    assert differences(must, replace(right, requests=(*right.requests, again))) == [
        f"{company.cast.editor}: got workplace twice"
    ]


def test_an_account_that_is_not_there_is_named(company, must, right):
    """Somebody without an account is a difference of their own."""
    accounts = tuple(number for number in right.accounts if number != company.cast.newcomer)
    assert differences(must, replace(right, accounts=accounts)) == [
        f"{company.cast.newcomer}: the account is not there"
    ]


def test_the_summary_counts_only_who_is_right(company, must, right):
    """The table says of each group how many hold what they must, and the totals are Graph's."""
    console = Console(record=True, width=160, file=io.StringIO())
    show(must, replace(right, live=(*right.live, Held(company.cast.leaver, "workplace"))), console)
    text = console.export_text()
    assert "10 of 11" in text
    assert "workplace 41" in text
    assert f"7 reads, {len(right.live)} writes" in text


def test_what_is_not_as_told_is_gathered():
    """A check on the way that fails is kept with its chapter; one that holds is not."""
    teller = Teller(Console(file=io.StringIO()))
    teller.check("2001 holds", ["workplace"], ["workplace"])
    teller.check("2001 holds", [], ["workplace"])
    assert teller.wrong == ["chapter 0, 2001 holds: [], not ['workplace']"]


def test_a_file_without_people_for_the_story_is_refused():
    """A file that lacks a column or a part of the cast says so, and so does one that is not there."""
    header, *rows = companies.invented().splitlines(keepends=True)
    with pytest.raises(SandboxError, match="too few people"):
        companies.read("".join([header, *rows[:10]]), "small.csv")
    with pytest.raises(SandboxError, match="country"):
        companies.read(companies.invented().replace('"country"', '"land"'), "other.csv")


def test_a_named_file_must_be_there(tmp_path, monkeypatch):
    """A file that somebody named is never replaced by invented people; without one, they are."""
    monkeypatch.setenv("LIFECYCLE_DATA", str(tmp_path))
    assert companies.find(None).origin == "invented"
    with pytest.raises(SandboxError, match="is not there"):
        companies.find(tmp_path)
    (tmp_path / "people.csv").write_text(companies.invented())
    assert companies.find(tmp_path / "people.csv").origin == "people.csv"
