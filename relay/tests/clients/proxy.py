"""What clients need of a proxy: WebSockets, streams of events that are passed on at once, and sessions that stay at one relay.

Argument: the URL of the proxy. Ends with an exception, and so with an exit code, if anything is not as it should be.
"""

import json
import queue
import socket
import sys
import urllib.error
import urllib.parse
import urllib.request

import socketio

# How long anything that must happen may take on a slow machine, in seconds.
PATIENCE = 30

HANDSHAKE = (
    "GET /ws HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


def ask(url, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    return urllib.request.urlopen(request, timeout=PATIENCE)


def records_in_next_event(stream):
    while True:
        line = stream.readline()
        assert line, "the stream has ended"
        if line.startswith(b"data: "):
            return json.loads(line.removeprefix(b"data: "))["records"]


def check_events(url):
    """An event comes through while its stream is open, or this waits for ever for the change that it makes next."""
    room = f"{url}/api/v1/rooms/people"
    with ask(f"{room}/events") as stream:
        records = records_in_next_event(stream)
        for name in ("Anna", "Boris"):
            ask(f"{room}/records", {"fields": {"name": name}}).close()
            records += 1
            while records_in_next_event(stream) < records:
                pass


def check_socket_io(url, transports):
    client, answers = socketio.Client(reconnection=False), queue.Queue()
    client.on("data", answers.put)
    client.connect(url, transports=transports, wait_timeout=PATIENCE)
    assert client.transport() == transports[-1], client.transport()
    for number in range(10):
        client.emit("get_data")
        try:
            assert set(answers.get(timeout=PATIENCE)) == {"data"}
        except queue.Empty:
            raise AssertionError(f"no answer to event {number} over {transports}") from None
    client.disconnect()


def check_tab(url):
    """A tab's WebSocket is a WebSocket at both ends of the proxy."""
    address = urllib.parse.urlsplit(url)
    with socket.create_connection((address.hostname, address.port), PATIENCE) as tab:
        tab.sendall(HANDSHAKE.format(host=address.netloc).encode())
        assert tab.recv(1024).startswith(b"HTTP/1.1 101 "), "the upgrade is passed on"


def check_closed(url, path):
    try:
        ask(f"{url}{path}")
    except urllib.error.HTTPError as error:
        assert error.code == 404, error
    else:
        raise AssertionError(f"{path} is not for everybody")


def main(url):
    check_events(url)
    for transports in (["polling"], ["websocket"], ["polling", "websocket"]):
        check_socket_io(url, transports)
    check_tab(url)
    check_closed(url, "/link")
    check_closed(url, "/cluster/voters")
    print("proxy: all as it should be")


main(sys.argv[1])
