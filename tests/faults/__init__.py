"""Fault injection: seeded generators of configurations, data files, environments and kills.

``python -m tests.faults`` runs them. A module of this folder is a class of faults if it has ``NAME``, ``DEFAULT_CASES``
and ``run_case``.
"""
