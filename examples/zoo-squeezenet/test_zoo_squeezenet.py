"""squeezenet28 keeps what its record promises, from one training step to the exported files."""

import pytest

from zoo.testing import check_variant, conformance_checks


@pytest.mark.parametrize("check", conformance_checks())
def test_conformance(check):
    """Each check by itself; a failure says what was measured and what to do."""
    check_variant("squeezenet28", check)
