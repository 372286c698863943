"""The original's clients in Python: python-socketio by polling alone, by WebSocket alone and by an upgrade.

Arguments: the URLs of three relays. Ends with an exception, and so with an exit code, if anything is not as it should be.
"""

import json
import queue
import sys
import urllib.error
import urllib.request

import socketio

# How long anything that must happen may take on a slow machine, in seconds.
PATIENCE = 30

EVENTS = ("data", "data_updated", "socket_list", "highest_number", "error")

BAD_EVENTS = (
    ("update_data", None, "no JSON object"),
    ("update_data", "Anna", "no JSON object"),
    ("update_data", ["Anna"], "no JSON object"),
    ("update_data", b"Anna", "send a JSON object"),
    ("update_data", {}, "`name` is missing"),
    ("update_data", {"name": "Anna"}, "`number` is missing"),
    ("update_data", {"number": 7}, "`name` is missing"),
    ("update_data", {"name": None, "number": 7}, "`name` must be a text"),
    ("update_data", {"name": "Anna", "number": None}, "`number` must be a whole number"),
    ("update_data", {"name": 7, "number": 7}, "`name` must be a text"),
    ("update_data", {"name": "Anna", "number": "7"}, "`number` must be a whole number"),
    ("update_data", {"name": "Anna", "number": 7.5}, "`number` must be a whole number"),
    ("update_data", {"name": "Anna", "number": True}, "`number` must be a whole number"),
    ("update_data", {"name": "Anna", "number": 10**12}, "1000000000000 is not"),
    ("update_data", {"name": "Anna", "number": 10**9}, "too far above"),
    ("update_data", {"name": " ", "number": 7}, "a record needs a name"),
    ("update_data", {"name": "n" * 100_000, "number": 7}, "at most 4096"),
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

    def names(self):
        """Everybody's name."""
        rows = self.ask("get_data", "data")["data"]
        assert all(set(row) == {"name"} for row in rows), rows
        return [row["name"] for row in rows]

    def update(self, name, number):
        """Updates, and waits until that is acknowledged."""
        proposal = {"name": name, "number": number, "a key": "that nobody knows"}
        return self.socket.call("update_data", proposal, timeout=PATIENCE)

    def highest(self):
        told = self.ask("get_highest_number", "highest_number")
        assert set(told) == {"number"}, told
        return told["number"]


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
    highest = clients[0].highest() or 0
    for at, client in enumerate(clients):
        name = f"{transport} {at}"
        highest += 10
        # What is higher changes the highest number, and what is not does not; both are told, and the name is added once.
        for number in (highest, highest - 5, -3):
            said = {"name": name, "number": number}
            assert client.update(name, number) == said
            see_everywhere(clients, said, name, highest)
        # An empty name proposes only.
        highest += 1
        client.update("", highest)
        see_everywhere(clients, {"name": "", "number": highest}, name, highest)
        assert all(row["max_number"] == highest for row in get(urls[at], "get_data")["data"])


def see_everywhere(clients, said, name, highest):
    for client in clients:
        assert client.wait_for("data_updated") == said
        assert client.highest() == highest
        names = client.names()
        assert names.count(name) == 1 and "" not in names, names


def check_order(url):
    """Events of one client are done in the order in which it sent them."""
    client = Client(f"{url}/?room=order", ["websocket"])
    for number in range(1, 6):
        client.emit("update_data", {"name": "Anna", "number": number})
    client.emit("get_data")
    client.emit("get_highest_number")
    assert client.wait_for("data") == {"data": [{"name": "Anna"}]}
    assert client.wait_for("highest_number") == {"number": 5}
    told = [client.wait_for("data_updated")["number"] for _ in range(5)]
    assert told == [1, 2, 3, 4, 5], told
    client.socket.disconnect()


def request(url, route, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{url}/{route}", data, {"Content-Type": "application/json"})
    return urllib.request.urlopen(request, timeout=PATIENCE)


def get(url, route):
    with request(url, route) as answer:
        return json.load(answer)


def post(url, route, body):
    with request(url, route, body) as answer:
        return json.load(answer)


def check_bad_events(client):
    before = client.highest()
    for event, argument, reason in BAD_EVENTS:
        client.emit(event, argument)
        error = client.wait_for("error")
        assert error["event"] == event and reason in error["error"], (event, argument, error)
    answer = client.update(7, 7)
    assert "`name` must be a text, not 7" in answer["error"], answer
    assert client.wait_for("error")["error"] == answer["error"]
    assert client.highest() == before and "Anna" not in client.names(), "bad events change nothing"


def check_lists(urls, clients):
    ports = [int(url.rsplit(":", 1)[1]) for url in urls]
    names = clients[0].names()
    for client in clients:
        assert client.ask("get_socket_list", "socket_list") == {"sockets": ports}
        assert client.names() == names


def check_routes(urls):
    """The routes of the original, from one node to the others."""
    assert get(urls[0], "get_load")["load"] > 0
    for path, body in (("add_name", {}), ("add_name", {"name": ""}), ("add_name", {"name": None})):
        try:
            post(urls[0], path, body)
        except urllib.error.HTTPError as error:
            assert error.code == 400 and set(json.load(error)) == {"error"}
        else:
            raise AssertionError("a person needs a name")
    assert set(post(urls[0], "add_name?room=routes", {"name": "Zoe", "and": "more"})) == {"message"}
    with request(urls[1], "data_transfer?room=routes") as answer:
        assert (answer.status, answer.read()) == (200, b"Done")
    assert get(urls[1], "get_data?room=routes") == {"data": [{"name": "Zoe", "max_number": None}]}


def check_crdt_only(urls):
    """The highest number merges while the log is not asked, and stays when it is asked again."""
    clients = [Client(f"{url}/?room=crdt_only", ["websocket"]) for url in urls]
    clients[0].update("Anna", 1)
    switched = post(urls[0], "switch_to_crdt_only?room=crdt_only", {})
    assert set(switched) == {"message", "load_increased"} and switched["load_increased"] is True, switched
    assert get(urls[0], "get_load?room=crdt_only")["load"] == 1
    for client, number in zip(clients, (7, 9, 8)):
        client.update("Anna", number)
    for client in clients:
        while client.highest() != 9:
            client.wait_for("data_updated")
    post(urls[1], "switch_to_crdt_only?room=crdt_only", {"use_crdt_only": False})
    assert clients[2].update("Béla", 10) == {"name": "Béla", "number": 10}
    for client in clients:
        client.wait_for("data_updated", lambda told: told == {"name": "Béla", "number": 10})
        assert client.highest() == 10
        client.socket.disconnect()


def check_rooms(url):
    elsewhere = Client(f"{url}/?room=elsewhere", ["polling"])
    elsewhere.update("Zoe", 1)
    assert elsewhere.names() == ["Zoe"], "another room has other people, from the first one on"
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
    assert upgraded.names()
    upgraded.socket.disconnect()
    check_order(urls[2])
    check_routes(urls)
    check_crdt_only(urls)
    check_rooms(urls[1])
    print("python-socketio: all as it should be")


main(sys.argv[1:])
