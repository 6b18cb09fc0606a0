"""What the pipeline's rules call: training and scaling measurements, each a command line that writes one result file."""
