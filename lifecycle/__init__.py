"""Lifecycle keeps people's Microsoft Entra access packages equal to what HR and projects say, and proves it.

Read it in the order a message travels: `intake` stores a fact, which `judge` let pass, and asks for a look; `reconcile`
looks, with the pure `core` deciding (person, desired, plan, guard); `follow` sees requests to their end. `sweep` looks
at whoever is due and at whole projects, `drift` at whoever differs from the directory; bulk work goes by `trickle`.
`quarantine` keeps what could not be understood; `feed` turns a snapshot into facts, and `notice` reads whom HR's system
gives notice of; `check` looks at what all of this depends on, by `survey` at the tenant; `forecast` says what a model
would do before it is in force. `ports` says what these need from outside, `adapters` supply it, `wiring` joins the two.
"""
