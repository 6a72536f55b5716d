"""A Functions host for the laptop: the real Python worker library, with the parts of the .NET host that this app needs.

Read in the order things happen: `hostjson` and `settings` check the configuration, `worker` loads `function_app.py`,
`triggers` says what each function waits for, `pump` feeds it messages, `timers` ticks it, `http` asks it for pages,
`admin` answers for the host itself.

It runs in a process of its own (`python -m sandbox.host`), because the worker library keeps one app per process.
It is no part of what is deployed, and nothing in it may be imported by `lifecycle`.
"""
