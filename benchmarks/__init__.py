"""How fast and how sparing this is: figures that a person can run again, each against what it ought to be.

`python -m benchmarks` measures all of them on loopback alone; nothing here is imported by the app. Where there is a
target the figure is a ratio or a count, so that it says the same on any machine; the others say how the work grows.
"""
