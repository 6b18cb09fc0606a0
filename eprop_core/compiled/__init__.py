"""Tools of compiled code: how it is compiled and cached, its clock, its random numbers, its prefetches."""
