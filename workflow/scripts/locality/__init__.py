"""Scripts of the experiment on what locality costs."""
