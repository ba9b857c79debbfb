"""What the tests of signatures share: judged files, and keys."""

from judged_files import copy as copy
from judged_files import originals as originals
from signing_keys import keys as keys
