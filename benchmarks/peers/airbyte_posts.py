#!/usr/bin/env python3
"""A source of posts in Airbyte's protocol: `spec`, `check`, `discover`, `read`. With an incremental cursor.

It stands for the platforms' connectors that Airbyte fetches from the network; its file's lines are its records.
"""

import json
import sys
from pathlib import Path
from typing import Any

STRINGS = ("native_id", "text", "thread_id", "author_id", "author_name", "channel", "reply_to", "url")


def say(kind: str, **body: Any) -> None:
    """One message of the protocol."""
    print(json.dumps({"type": kind, **body}), flush=False)


def schema() -> dict[str, Any]:
    """Of a post."""
    columns: dict[str, Any] = {name: {"type": ["null", "string"]} for name in STRINGS}
    columns |= {"public": {"type": ["null", "boolean"]}, "likes": {"type": ["null", "integer"]}}
    columns["created_at"] = {"type": ["null", "string"], "format": "date-time"}
    return {"type": "object", "properties": columns}


def given(option: str) -> Any:
    """What stands in the file that an option names."""
    return json.loads(Path(sys.argv[sys.argv.index(option) + 1]).read_bytes())


def read() -> None:
    """All that is not older than the state's cursor."""
    states = given("--state") if "--state" in sys.argv else []
    since = max((each["stream"].get("stream_state", {}).get("created_at", "") for each in states), default="")
    name, last = {"name": "post"}, since
    with Path(given("--config")["path"]).open("rb") as lines:
        for line in lines:
            post = json.loads(line)
            if post["created_at"] >= since:
                last = post["created_at"]
                say("RECORD", record={"stream": "post", "data": post, "emitted_at": 0})
    state = {"stream_descriptor": name, "stream_state": {"created_at": last}}
    say("STATE", state={"type": "STREAM", "stream": state})
    done = {"stream_descriptor": name, "status": "COMPLETE"}
    say("TRACE", trace={"type": "STREAM_STATUS", "emitted_at": 0, "stream_status": done})


def main() -> None:
    asked = sys.argv[1]
    if asked == "spec":
        wanted = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}
        say("SPEC", spec={"connectionSpecification": wanted})
    elif asked == "check":
        say("CONNECTION_STATUS", connectionStatus={"status": "SUCCEEDED"})
    elif asked == "discover":
        stream = {
            "name": "post", "json_schema": schema(), "supported_sync_modes": ["full_refresh", "incremental"],
            "source_defined_primary_key": [["native_id"]], "source_defined_cursor": True,
            "default_cursor_field": ["created_at"],
        }  # fmt: skip
        say("CATALOG", catalog={"streams": [stream]})
    else:
        read()


if __name__ == "__main__":
    main()
