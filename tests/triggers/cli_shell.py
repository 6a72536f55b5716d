"""The command line on the fakes: a test's company is the world, everything else is as a person at a terminal has it."""

import asyncio
import json
from collections.abc import Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

from typer.testing import CliRunner

from lifecycle.cli.program import app
from lifecycle.cli.world import World
from lifecycle.contract.cloudevents import TYPES, encode_fact, type_of
from lifecycle.intake import intake
from tests.builders import CARE, EVERYONE, SALES, START, Company, a_model, a_worker, joined

FIRST = START.date()


class Shell:
    def __init__(self, company: Company | None = None, *, who: str = "sandbox:tester") -> None:
        self.company = company or Company(a_model(EVERYONE, CARE, SALES, packages=("extra",)))
        self.who = who

    def __call__(self, *arguments: str, stdin: bytes | str | None = None, code: int = 0):
        """Run a command and check how it ended."""
        result = CliRunner().invoke(app, list(arguments), input=stdin, obj=self.open, prog_name="lifecycle")
        assert result.exit_code == code, (result.exit_code, result.stdout, result.stderr, result.exception)
        return result

    def json(self, *arguments: str, code: int = 0, **options):
        return json.loads(self(*arguments, "--json", code=code, **options).stdout)

    @asynccontextmanager
    async def open(self, ready):
        async def who() -> str:
            return self.who

        yield World(self.company.ports, self.company.bus, "the fakes", who, self.company.witness)

    def say(self, *facts):
        """Let events come in and everything due be done."""
        asyncio.run(self.company.say(*facts))

    def learn(self, *facts):
        """Let events come in and nothing be done about them yet."""

        async def one_by_one():
            for fact in facts:
                await intake(TYPES[type_of(fact)].queue, encode_fact(fact), self.company.ports)

        asyncio.run(one_by_one())

    def time(self, span):
        asyncio.run(self.company.time(span))

    def settle(self):
        asyncio.run(self.company.settle())

    def bodies(self, queue) -> Sequence[dict]:
        """What was sent to a queue, in order."""
        return [json.loads(message.body) for name, message, _ in self.company.bus.sent if name is queue]


def employed(company: Company | None = None, **worker) -> Shell:
    """A shell on a company in which E1 works and has what the rules give."""
    shell = Shell(company)
    shell.say(joined("j", START, FIRST, a_worker(**worker)))
    shell.time(timedelta(minutes=5))
    return shell
