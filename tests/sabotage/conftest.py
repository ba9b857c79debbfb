"""What the tests of sabotages share: real files that the gate has judged."""

from judged_files import file as file
from judged_files import originals as originals
