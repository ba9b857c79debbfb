"""What the tests of bundles share: judged files, and a compiler."""

from bundles import compiled as compiled
from judged_files import copy as copy
from judged_files import file as file
from judged_files import originals as originals
