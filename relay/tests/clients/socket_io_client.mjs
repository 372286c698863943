// The original's clients in JavaScript: socket.io-client by polling alone, by WebSocket alone and by an upgrade.
//
// Arguments: the URLs of three relays. Ends with an exit code other than 0 if anything is not as it should be.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import path from "node:path";

const require = createRequire(path.join(process.env.DUET_NODE_MODULES, "here.js"));
const { io } = require("socket.io-client");

// How long anything that must happen may take on a slow machine, in milliseconds.
const PATIENCE = 30_000;

const EVENTS = ["data", "data_updated", "socket_list", "highest_number", "error"];

const BAD_EVENTS = [
    ["update_data", undefined, "no JSON object"],
    ["update_data", null, "no JSON object"],
    ["update_data", "Anna", "no JSON object"],
    ["update_data", ["Anna"], "no JSON object"],
    ["update_data", Buffer.from("Anna"), "unknown field"],
    ["update_data", {}, "missing field `name`"],
    ["update_data", { name: null }, "invalid type: null"],
    ["update_data", { name: " " }, "a record needs a name"],
    ["update_data", { name: "n".repeat(100_000) }, "at most 4096"],
    ["update_data", { name: "Anna", number: "7" }, "invalid type: string"],
    ["update_data", { name: "Anna", number: 7.5 }, "invalid type: floating point"],
    ["update_data", { name: "Anna", max_number: 7 }, "unknown field `max_number`"],
    ["no_such_event", { name: "Anna" }, "there is no event `no_such_event`"],
];

/// What resolves in time, or fails and says what was waited for.
function inTime(what, promise) {
    let timer;
    const late = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error(`not in time: ${what}`)), PATIENCE);
    });
    return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/// A client that keeps what it is sent, by event, until somebody waits for it.
class Client {
    constructor(url, transports, query = {}) {
        this.sent = Object.fromEntries(EVENTS.map(event => [event, []]));
        this.waiting = Object.fromEntries(EVENTS.map(event => [event, []]));
        this.socket = io(url, { transports, query, reconnection: false, forceNew: true });
        for (const event of EVENTS) {
            this.socket.on(event, argument => {
                const waiter = this.waiting[event].shift();
                waiter ? waiter(argument) : this.sent[event].push(argument);
            });
        }
    }

    connected() {
        return inTime("a connection", new Promise((resolve, reject) => {
            this.socket.on("connect", resolve);
            this.socket.on("connect_error", reject);
        }));
    }

    next(event) {
        if (this.sent[event].length > 0) {
            return this.sent[event].shift();
        }
        return inTime(event, new Promise(resolve => this.waiting[event].push(resolve)));
    }

    async ask(event, reply) {
        this.socket.emit(event);
        return this.next(reply);
    }

    /// The numbers, by name.
    async people() {
        const { data } = await this.ask("get_data", "data");
        data.forEach(row => assert.deepEqual(Object.keys(row).sort(), ["max_number", "name"]));
        return Object.fromEntries(data.map(row => [row.name, row.max_number]));
    }

    update(name, number) {
        return this.socket.timeout(PATIENCE).emitWithAck("update_data", { name, number });
    }

    /// Waits until told of a change after which this is the highest number.
    async untilTold(number) {
        while ((await this.next("data_updated")).highest_number !== number);
    }
}

async function checkTransport(urls, transport) {
    const clients = urls.map(url => new Client(url, [transport]));
    await Promise.all(clients.map(client => client.connected()));
    const sids = clients.map(client => client.socket.id);
    clients.forEach(client => assert.equal(client.socket.io.engine.transport.name, transport));
    await checkUpdates(urls, clients, transport);
    for (const client of clients) {
        await checkBadEvents(client);
    }
    await checkLists(urls, clients);
    assert.deepEqual(clients.map(client => client.socket.id), sids, "every connection has stayed");
    clients.forEach(client => client.socket.disconnect());
}

async function checkUpdates(urls, clients, transport) {
    for (const [at, client] of clients.entries()) {
        const name = `${transport} ${at}`;
        const added = await client.update(name);
        const number = added.number;
        assert.deepEqual(added, { name, number, state: "final" });
        assert.deepEqual(await client.update(name), added, "who has a number keeps it");
        await seeEverywhere(clients, name, number);
        assert.equal((await client.update(name, number + 10)).number, number + 10);
        await seeEverywhere(clients, name, number + 10);
        const byHttp = `${transport} ${at} by HTTP`;
        await seeEverywhere(clients, byHttp, await addName(urls[at], byHttp));
    }
}

async function seeEverywhere(clients, name, number) {
    for (const client of clients) {
        await client.untilTold(number);
        // A number may be known before the name: then a change is to come.
        while ((await client.people())[name] !== number) {
            await client.next("data_updated");
        }
        assert.deepEqual(await client.ask("get_highest_number", "highest_number"), { highest_number: number });
    }
}

async function addName(url, name) {
    const answer = await fetch(`${url}/add_name`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ name }),
        signal: AbortSignal.timeout(PATIENCE),
    });
    return (await answer.json()).number;
}

async function checkBadEvents(client) {
    for (const [event, argument, reason] of BAD_EVENTS) {
        argument === undefined ? client.socket.emit(event) : client.socket.emit(event, argument);
        const error = await client.next("error");
        assert.equal(error.event, event);
        assert.ok(error.error.includes(reason), `${JSON.stringify(argument)}: ${error.error}`);
    }
    const answer = await client.update(7);
    assert.match(answer.error, /expected a string/);
    assert.equal((await client.next("error")).error, answer.error);
}

async function checkLists(urls, clients) {
    const addresses = urls.map(url => new URL(url).host);
    const people = await clients[0].people();
    assert.ok(!("Anna" in people), "bad events add nobody");
    for (const client of clients) {
        assert.deepEqual(await client.ask("get_socket_list", "socket_list"), addresses);
        assert.deepEqual(await client.people(), people);
    }
}

async function checkUpgrade(url) {
    const client = new Client(url, ["polling", "websocket"]);
    const upgraded = new Promise(resolve => client.socket.io.engine.on("upgrade", resolve));
    await client.connected();
    await inTime("the upgrade", upgraded);
    assert.equal(client.socket.io.engine.transport.name, "websocket");
    assert.notDeepEqual(await client.people(), {});
    client.socket.disconnect();
}

async function checkRooms(url) {
    const elsewhere = new Client(url, ["websocket"], { room: "elsewhere" });
    await elsewhere.connected();
    await elsewhere.update("Zoe");
    const { data } = await elsewhere.ask("get_data", "data");
    assert.deepEqual(data.map(row => row.name), ["Zoe"], "another room has other people, from the first one on");
    elsewhere.socket.disconnect();
    await assert.rejects(new Client(url, ["polling"], { room: "no room" }).connected(), "no name of a room");
}

const urls = process.argv.slice(2);
await checkTransport(urls, "polling");
await checkTransport(urls, "websocket");
await checkUpgrade(urls[0]);
await checkRooms(urls[1]);
console.log("socket.io-client: all as it should be");
