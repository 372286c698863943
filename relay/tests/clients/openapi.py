"""The HTTP API, held to its own OpenAPI document: the document is valid, and requests drawn from it are answered as it says.

Arguments: the URL of a relay, and how many requests to draw for each operation. Ends with an exit code other than 0 if
anything is not as it should be. The requests are the same in each run.
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import urllib.request

from openapi_spec_validator import OpenAPIV31SpecValidator

# How long an answer may take, in seconds: longer than the relay waits for anything.
PATIENCE = "30"

SEED = "15"

# "It cannot be done for now" is an answer like others: requests switch the room to shedding, and wait for slots to come.
# Valid requests may be refused: which fields a record has, and needs, is said by the room's schema and not by the document.
SETTINGS = """
[checks]
positive_data_acceptance.enabled = false
not_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", 503]

# Most ids that are drawn are those of nothing. What is not removed by it is asked of a record that is there.
[[operations]]
include-path-regex = "/records/.id."
include-method = ["PATCH", "PUT"]
parameters = {{ room = "drawn", id = "{record}" }}

# A session read of a slot that does not come would wait for ten seconds each time.
[[operations]]
include-path-regex = "/records/.id."
include-method = "GET"
parameters = {{ room = "drawn", id = "{record}", consistency = "linearizable" }}
"""


# The package has no module to be started by, and where its program is depends on how it was installed.
START = "from schemathesis.cli import schemathesis; schemathesis()"


def check_document(url):
    with urllib.request.urlopen(f"{url}/api/openapi.json", timeout=float(PATIENCE)) as answer:
        document = json.load(answer)
    faults = [f"{list(error.absolute_path)}: {error.message}" for error in OpenAPIV31SpecValidator(document).iter_errors()]
    assert not faults, "\n".join(faults)


def add_record(url):
    body = json.dumps({"fields": {"name": "Anna"}, "number": "next"}).encode()
    request = urllib.request.Request(f"{url}/api/v1/rooms/drawn/records", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=float(PATIENCE)) as answer:
        return json.load(answer)["id"]


def check_requests(url, examples):
    with tempfile.TemporaryDirectory() as folder:
        settings = pathlib.Path(folder, "schemathesis.toml")
        settings.write_text(SETTINGS.format(record=add_record(url)))
        command = [sys.executable, "-c", START, "--config-file", str(settings), "run", f"{url}/api/openapi.json"]
        # A stream of events does not end, and so is no answer to wait for.
        command += ["--exclude-path-regex", "events$", "--phases", "examples,coverage,fuzzing"]
        command += ["--max-examples", examples, "--seed", SEED, "--generation-database", "none"]
        command += ["--request-timeout", PATIENCE, "--no-color"]
        subprocess.run(command, cwd=folder, check=True)


def main(url, examples):
    check_document(url)
    check_requests(url, examples)
    print("openapi: the document is valid, and the API does as it says")


main(*sys.argv[1:])
