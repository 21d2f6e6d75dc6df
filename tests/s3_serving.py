"""The process behind tests/s3_server.py: moto's S3 with one bucket, and one key that may do all with it.

Says on its first line of output where it is, and by which key. Neither moto's command nor its `server` extra: the one
takes no port of the system's choice, the other brings what only other services than S3 need.
"""

from __future__ import annotations

import sys

import orjson
from moto import settings
from moto.core import DEFAULT_ACCOUNT_ID
from moto.iam.models import iam_backends
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from moto.s3.models import s3_backends
from werkzeug.serving import make_server

REGION = "us-east-1"
_ALL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}


def main() -> None:
    accounts = iam_backends[DEFAULT_ACCOUNT_ID]["aws"]
    accounts.create_user(REGION, "desk")
    accounts.put_user_policy("desk", "all", orjson.dumps(_ALL).decode())
    key = accounts.create_access_key("desk")
    s3_backends[DEFAULT_ACCOUNT_ID]["aws"].create_bucket("desk", REGION)
    settings.INITIAL_NO_AUTH_ACTION_COUNT = 0  # from the first request on
    app = DomainDispatcherApplication(create_backend_app)
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=MotoRequestHandler)
    said = {"port": server.server_port, "key_id": key.access_key_id, "secret": key.secret_access_key}
    sys.stdout.buffer.write(orjson.dumps(said) + b"\n")
    sys.stdout.flush()
    server.serve_forever()
