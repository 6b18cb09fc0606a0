"""Commands on networks in files, for ``python -m eprop_core``."""
