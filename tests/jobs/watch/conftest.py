"""The watch is tested on SQLite and on Postgres."""

from tests.postgres import database as database
from tests.postgres import postgres_server as postgres_server
from tests.postgres import postgres_url as postgres_url
from tests.postgres import sqlite_template as sqlite_template
from tests.postgres import url as url
