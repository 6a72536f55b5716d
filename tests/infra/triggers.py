"""The bindings of the app's triggers, read in a process of their own: the app can be indexed once in each."""

import functools
import json
import subprocess
import sys

from tests.infra.templates import ROOT

_SCRIPT = (
    "import function_app, json\n"
    "found = function_app.app.get_functions()\n"
    "print(json.dumps({one.get_function_name(): json.loads(one.get_function_json())['bindings'] for one in found}))\n"
)


@functools.cache
def bindings():
    """Each function's bindings by its name, as the host gets them."""
    done = subprocess.run([sys.executable, "-c", _SCRIPT], cwd=ROOT, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)
