"""What the tests of this room share: a home of their own, and a server of S3."""

from home import own_home as own_home
from s3_server import s3 as s3
from s3_server import s3_server as s3_server
