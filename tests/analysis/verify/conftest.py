"""What the tests of verification share: judged files."""

from judged_files import copy as copy
from judged_files import file as file
from judged_files import originals as originals
