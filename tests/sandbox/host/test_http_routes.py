"""HTTP functions on the sandbox's host: their routes, and what goes in and out through the worker library."""

import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from sandbox.host import hostjson, triggers
from sandbox.host.http import http_routes
from sandbox.host.triggers import HttpTrigger
from sandbox.host.worker import Failure, Function, HttpReply

ROOT = Path(__file__).parents[3]


def http_function(**changes):
    binding = {
        "type": "httpTrigger",
        "name": "request",
        "route": "a/{id?}",
        "methods": ["GET"],
        "authLevel": "ANONYMOUS",
    }
    return Function("a", "1", ({**binding, **changes}, {"type": "http", "direction": "OUT", "name": "$return"}))


class Stub:
    """A worker that answers with what it was asked."""

    def __init__(self):
        self.calls = []

    async def ask(self, name, parameter, call):
        self.calls.append(call)
        if call.query.get("fail"):
            return Failure("ValueError: no", "")
        return HttpReply(201, {"X-A": "b"}, json.dumps(dict(call.params)).encode())


def client(prefix="", **changes):
    stub = Stub()
    routes = http_routes(triggers.read([http_function(**changes)], {}), stub, prefix)
    transport = httpx.ASGITransport(Starlette(routes=routes))
    return httpx.AsyncClient(transport=transport, base_url="http://testserver"), stub


def test_an_http_function_is_read():
    """Its route and its methods are the binding's; the answer's binding is no obstacle."""
    (found,) = triggers.read([http_function()], {})
    assert found == HttpTrigger("a", "request", "a/{id?}", ("GET",))


@pytest.mark.parametrize("level", ["FUNCTION", "Function", "ADMIN"])
async def test_without_a_function_key_nobody_is_let_in(level):
    """The sandbox has no keys, so a function that asks for one answers 401 and is not called."""
    asking, stub = client(authLevel=level)
    assert (await asking.get("/a", headers={"x-functions-key": "guessed"})).status_code == 401
    assert stub.calls == []


@pytest.mark.parametrize(("prefix", "path"), [("", "/a"), ("api", "/api/a"), ("/x/y/", "/x/y/a")])
async def test_routes_stand_behind_the_prefix(prefix, path):
    """As host.json says; a last part with a question mark may be absent."""
    asking, _ = client(prefix)
    assert (await asking.get(f"{path}/E1")).json() == {"id": "E1"}
    assert (await asking.get(path)).json() == {}
    assert (await asking.get(f"{path}/E1/more")).status_code == 404
    assert (await asking.post(path)).status_code == 405


def test_the_prefix_is_read_from_host_json(tmp_path):
    """The real host's default is `api`; an empty one is an empty one."""
    for content, prefix in (({}, "api"), ({"extensions": {"http": {"routePrefix": ""}}}, "")):
        (tmp_path / "host.json").write_text(json.dumps({"version": "2.0", **content}))
        assert hostjson.read(tmp_path, {}).route_prefix == prefix


async def test_headers_query_and_address_go_in_and_the_answer_comes_out():
    """The function sees what was asked; the caller sees what it answered."""
    asking, stub = client()
    answer = await asking.get("/a/E1?page=2", headers={"X-Some": "thing"})
    (call,) = stub.calls
    assert (call.method, call.query, call.headers["x-some"], call.params) == (
        "GET",
        {"page": "2"},
        "thing",
        {"id": "E1"},
    )
    assert call.url == "http://testserver/a/E1?page=2"
    assert (answer.status_code, answer.headers["x-a"], answer.content) == (201, "b", b'{"id": "E1"}')


async def test_a_function_that_raises_is_an_empty_500():
    """The reason is in the log, not on the wire."""
    asking, _ = client()
    answer = await asking.get("/a?fail=1")
    assert (answer.status_code, answer.content) == (500, b"")


def test_the_worker_library_carries_it(tmp_path):
    """The real library hands the request to the function and its answer back: text, bytes, status, headers."""
    (tmp_path / "function_app.py").write_text(
        "import azure.functions as func\n"
        "app = func.FunctionApp()\n"
        "level = func.AuthLevel.ANONYMOUS\n"
        "@app.route(route='a/{id}', methods=['GET'], auth_level=level, trigger_arg_name='request')\n"
        "async def a(request: func.HttpRequest) -> func.HttpResponse:\n"
        "    named = f\"{request.params} {request.route_params} {request.headers['X-Y']}\"\n"
        "    text = f'{request.method} {request.url} {named}'\n"
        "    body = text if request.params.get('text') else text.encode()\n"
        "    return func.HttpResponse(body, status_code=202, headers={'X-A': 'b'})\n"
    )
    script = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from sandbox.host import worker\n"
        "async def main():\n"
        f"    loaded = await worker.load(Path({str(tmp_path)!r}))\n"
        "    for query in ({}, {'text': '1'}):\n"
        "        call = worker.HttpCall('GET', 'http://h/a/E1', {'x-y': 'z'}, {'id': 'E1'}, query, b'')\n"
        "        print(await loaded.ask('a', 'request', call))\n"
        "asyncio.run(main())\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert "status=202" in first
    assert "'X-A': 'b'" in first
    assert "body=b\"GET http://h/a/E1 {} {'id': 'E1'} z\"" in first
    assert "body=b\"GET http://h/a/E1 {'text': '1'} {'id': 'E1'} z\"" in second
