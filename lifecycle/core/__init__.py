"""What the worker knows: events, person, project, model, desired, plan, guard, evidence. Pure: no clock, no I/O."""
