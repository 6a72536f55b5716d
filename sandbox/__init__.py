"""A tenant on a laptop: a Service Bus broker, a Graph simulator and a Functions host, with one clock that can be moved.

`sandbox.sandbox` starts all of it, offline: `async with Sandbox(SandboxOptions()) as sandbox`, or `run` until Ctrl-C.
Nothing here is ever deployed, and nothing in `lifecycle` may import it but the CLI command that starts it.
`docs/sandbox.md` is the contract for programs that talk to it.
"""
