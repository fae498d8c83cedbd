"""What the client costs, measured on this machine: ``python -m benchmarks [suite …] [--quick] [--save]``.

A suite is one file with ``run(*, quick) -> Table`` and a line in ``__main__.SUITES``. Contestants are compared
within one run, in alternation, by the median of the ratios of each round: times of different runs, or of different
machines, say little. What depends on no machine is measured in virtual time, on the package's own ``Waiting``.
"""
