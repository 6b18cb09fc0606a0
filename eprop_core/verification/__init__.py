"""Evidence that the simulator computes what it should, on random networks of every variant of the model.

``comparison`` says how far two simulations of one problem differ, and up to which step they can be compared; the other
modules hold the problems, and what they are compared with. The tests and the target ``verification`` of the pipeline
share them.
"""
