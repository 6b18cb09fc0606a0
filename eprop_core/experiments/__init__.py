"""What the pipeline's rules call: training and timing, each a command line that writes one result file."""
