"""Where event-driven and time-driven simulation cost the same."""
