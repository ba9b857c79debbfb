"""What the tests of this room share: a home of their own."""

from home import own_home as own_home
