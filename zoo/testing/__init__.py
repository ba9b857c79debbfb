"""The conformance kit: does a network keep what its record promises, all the way to files?

A plugin's whole test file::

    import pytest
    from zoo.testing import check_variant, conformance_checks

    @pytest.mark.parametrize("check", conformance_checks())
    def test_conformance(check):
        check_variant("squeezenet28", check)

``zoo plugins check squeezenet28`` runs the same checks and prints a table.
"""

from __future__ import annotations

from zoo.testing.checks import CHECKS, conformance_checks, light_checks
from zoo.testing.conformance import Conformance, check_variant
from zoo.testing.verdict import Finding, Nonconformance, Verdict

__all__ = [
    "CHECKS",
    "Conformance",
    "Finding",
    "Nonconformance",
    "Verdict",
    "check_variant",
    "conformance_checks",
    "light_checks",
]
