"""Run the command line of the experiment."""

from eprop_core.experiments import command_line
from eprop_core.experiments.saccades.measure import main

command_line.run(main)
