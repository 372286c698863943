"""The original's clients in Python: python-socketio by polling alone, by WebSocket alone and by an upgrade.

Arguments: the URLs of three relays. Ends with an exception, and so with an exit code, if anything is not as it should be.
"""

import json
import queue
import sys
import urllib.request

import socketio

# How long anything that must happen may take on a slow machine, in seconds.
PATIENCE = 30

EVENTS = ("data", "data_updated", "socket_list", "highest_number", "error")

BAD_EVENTS = (
    ("update_data", None, "no JSON object"),
    ("update_data", "Anna", "no JSON object"),
    ("update_data", ["Anna"], "no JSON object"),
    ("update_data", b"Anna", "unknown field"),
    ("update_data", {}, "missing field `name`"),
    ("update_data", {"name": None}, "invalid type: null"),
    ("update_data", {"name": " "}, "a record needs a name"),
    ("update_data", {"name": "n" * 100_000}, "at most 4096"),
    ("update_data", {"name": "Anna", "number": "7"}, "invalid type: string"),
    ("update_data", {"name": "Anna", "number": 0}, "0 is not"),
    ("update_data", {"name": "Anna", "max_number": 7}, "unknown field `max_number`"),
    ("no_such_event", {"name": "Anna"}, "there is no event `no_such_event`"),
)


class Client:
    """A connected client that keeps what it is sent, by event."""

    def __init__(self, url, transports):
        self.sent = {event: queue.Queue() for event in EVENTS}
        self.socket = socketio.Client(reconnection=False)
        for event, kept in self.sent.items():
            self.socket.on(event, kept.put)
        self.socket.connect(url, transports=transports, wait_timeout=PATIENCE)

    def emit(self, event, argument=None):
        self.socket.emit(event, argument)

    def wait_for(self, event, is_it=lambda _: True):
        """The next of these events that is the one."""
        while True:
            argument = self.sent[event].get(timeout=PATIENCE)
            if is_it(argument):
                return argument

    def ask(self, event, reply):
        self.emit(event)
        return self.wait_for(reply)

    def people(self):
        """The numbers, by name."""
        rows = self.ask("get_data", "data")["data"]
        assert all(set(row) == {"name", "max_number"} for row in rows), rows
        return {row["name"]: row["max_number"] for row in rows}

    def wait_until_read(self, rows):
        """Reads anew whenever told of a change, until everybody reads like this."""
        while self.ask("get_data", "data")["data"] != rows:
            self.wait_for("data_updated")

    def update(self, name, number=None):
        person = {"name": name} if number is None else {"name": name, "number": number}
        return self.socket.call("update_data", person, timeout=PATIENCE)

    def wait_until_told(self, number):
        """Waits until told of a change after which this is the highest number."""
        self.wait_for("data_updated", lambda told: told["highest_number"] == number)


def check_transport(urls, transports, transport):
    clients = [Client(url, transports) for url in urls]
    for client in clients:
        assert client.socket.transport() == transport, client.socket.transport()
    sids = [client.socket.sid for client in clients]
    check_updates(urls, clients, transport)
    for client in clients:
        check_bad_events(client)
    check_lists(urls, clients)
    assert [client.socket.sid for client in clients] == sids, "every connection has stayed"
    for client in clients:
        client.socket.disconnect()


def check_updates(urls, clients, transport):
    for at, client in enumerate(clients):
        name = f"{transport} {at}"
        added = client.update(name)
        number = added["number"]
        assert added == {"name": name, "number": number, "state": "final"}, added
        assert client.update(name) == added, "who has a number keeps it"
        see_everywhere(clients, name, number)
        assert client.update(name, number + 10)["number"] == number + 10
        see_everywhere(clients, name, number + 10)
        by_http = f"{transport} {at} by HTTP"
        see_everywhere(clients, by_http, add_name(urls[at], by_http))


def see_everywhere(clients, name, number):
    for client in clients:
        client.wait_until_told(number)
        # A number may be known before the name: then a change is to come.
        while client.people().get(name) != number:
            client.wait_for("data_updated")
        assert client.ask("get_highest_number", "highest_number") == {"highest_number": number}


def post(url, route, body):
    request = urllib.request.Request(f"{url}/{route}", json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        return json.load(answer)


def add_name(url, name):
    return post(url, "add_name", {"name": name})["number"]


def check_bad_events(client):
    for event, argument, reason in BAD_EVENTS:
        client.emit(event, argument)
        error = client.wait_for("error")
        assert error["event"] == event and reason in error["error"], (event, argument, error)
    answer = client.update(7)
    assert "expected a string" in answer["error"], answer
    assert client.wait_for("error")["error"] == answer["error"]


def check_lists(urls, clients):
    addresses = [url.removeprefix("http://") for url in urls]
    people = clients[0].people()
    for client in clients:
        assert client.ask("get_socket_list", "socket_list") == addresses
        assert client.people() == people
        assert "Anna" not in people, "bad events add nobody"


def check_namesakes(url):
    client = Client(f"{url}/?room=namesakes", ["websocket"])
    for _ in range(2):
        post(url, "add_name?room=namesakes", {"name": "Anna"})
    assert "2 people are called Anna" in client.update("Anna", 7)["error"]
    client.socket.disconnect()


def check_crdt_only(urls):
    """Provisional numbers may be given anew, and become final at every relay once Paxos is back."""
    clients = [Client(f"{url}/?room=crdt_only", ["websocket"]) for url in urls]
    post(urls[0], "switch_to_crdt_only?room=crdt_only", {})
    for number in (7, 8):
        updated = clients[0].update("Anna", number)
        assert updated == {"name": "Anna", "number": number, "state": "provisional"}, updated
    provisional = {"name": "Anna", "max_number": 8, "provisional": True}
    for client in clients:
        client.wait_until_read([provisional])
    post(urls[1], "switch_to_crdt_only?room=crdt_only", {"use_crdt_only": False})
    for client in clients:
        client.wait_until_read([{"name": "Anna", "max_number": 8}])
        client.socket.disconnect()


def check_rooms(url):
    elsewhere = Client(f"{url}/?room=elsewhere", ["polling"])
    elsewhere.update("Zoe")
    names = [row["name"] for row in elsewhere.ask("get_data", "data")["data"]]
    assert names == ["Zoe"], "another room has other people, from the first one on"
    elsewhere.socket.disconnect()
    try:
        Client(f"{url}/?room=no%20room", ["polling"])
    except socketio.exceptions.ConnectionError:
        return
    raise AssertionError("a room whose name is none is refused")


def main(urls):
    check_transport(urls, ["polling"], "polling")
    check_transport(urls, ["websocket"], "websocket")
    upgraded = Client(urls[0], ["polling", "websocket"])
    assert upgraded.socket.transport() == "websocket"
    assert upgraded.people()
    upgraded.socket.disconnect()
    check_namesakes(urls[2])
    check_crdt_only(urls)
    check_rooms(urls[1])
    print("python-socketio: all as it should be")


main(sys.argv[1:])
