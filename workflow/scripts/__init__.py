"""Programs that turn results into tables and figures; a folder for each experiment."""
