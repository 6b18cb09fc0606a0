"""Files that others wrote: only regular ones are opened, and what they state is compared with their size."""
