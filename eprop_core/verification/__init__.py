"""Evidence that the simulator computes what it should, on random networks of every variant of the model.

``reference`` is the reference implementation of the learning rule: each formula once, for a reader. ``variants`` lists
what is compared, ``simulators`` who computes it, and ``comparison`` says how far two of them differ, and up to which
step they can be compared. The tests and the target ``verification`` of the pipeline share them.
"""
