"""The conformance set: small networks with the results that any simulator of e-prop should have.

``cases`` lists the networks, ``pitfalls`` what is easily done otherwise, ``outcomes`` computes the results, with NEST
or the reference implementation, and ``file`` writes all to the file that ``conformance/check.py`` reads.
"""
