"""What the tests of this room share: a home of their own, and empty databases."""

from databases import database as database
from databases import socket as socket
from home import own_home as own_home
