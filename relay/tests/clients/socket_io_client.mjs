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
    ["update_data", Buffer.from("Anna"), "send a JSON object"],
    ["update_data", {}, "`name` is missing"],
    ["update_data", { name: "Anna" }, "`number` is missing"],
    ["update_data", { name: null, number: 7 }, "`name` must be a text"],
    ["update_data", { name: "Anna", number: null }, "`number` must be a whole number"],
    ["update_data", { name: "Anna", number: NaN }, "`number` must be a whole number"],
    ["update_data", { name: 7, number: 7 }, "`name` must be a text"],
    ["update_data", { name: "Anna", number: "7" }, "`number` must be a whole number"],
    ["update_data", { name: "Anna", number: 7.5 }, "`number` must be a whole number"],
    ["update_data", { name: "Anna", number: 1e12 }, "1000000000000 is not"],
    ["update_data", { name: "Anna", number: 1e9 }, "too far above"],
    ["update_data", { name: " ", number: 7 }, "a record needs a name"],
    ["update_data", { name: "n".repeat(100_000), number: 7 }, "at most 4096"],
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

    /// Everybody's name.
    async names() {
        const { data } = await this.ask("get_data", "data");
        data.forEach(row => assert.deepEqual(Object.keys(row), ["name"]));
        return data.map(row => row.name);
    }

    async highest() {
        const told = await this.ask("get_highest_number", "highest_number");
        assert.deepEqual(Object.keys(told), ["number"]);
        return told.number;
    }

    /// Updates, and waits until that is acknowledged.
    update(name, number) {
        const proposal = { name, number, "a key": "that nobody knows" };
        return this.socket.timeout(PATIENCE).emitWithAck("update_data", proposal);
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
    let highest = await clients[0].highest() ?? 0;
    for (const [at, client] of clients.entries()) {
        const name = `${transport} ${at}`;
        highest += 10;
        // What is higher changes the highest number, and what is not does not; both are told, and the name is added once.
        for (const number of [highest, highest - 5, -3]) {
            assert.deepEqual(await client.update(name, number), { name, number });
            await seeEverywhere(clients, { name, number }, name, highest);
        }
        // An empty name proposes only.
        highest += 1;
        await client.update("", highest);
        await seeEverywhere(clients, { name: "", number: highest }, name, highest);
        const { data } = await (await request(urls[at], "get_data")).json();
        assert.ok(data.every(row => row.max_number === highest));
    }
}

async function seeEverywhere(clients, said, name, highest) {
    for (const client of clients) {
        assert.deepEqual(await client.next("data_updated"), said);
        assert.equal(await client.highest(), highest);
        const names = await client.names();
        assert.ok(names.filter(other => other === name).length === 1 && !names.includes(""), names);
    }
}

/// Events of one client are done in the order in which it sent them.
async function checkOrder(url) {
    const client = new Client(url, ["websocket"], { room: "order" });
    await client.connected();
    for (let number = 1; number <= 5; number++) {
        client.socket.emit("update_data", { name: "Anna", number });
    }
    client.socket.emit("get_data");
    client.socket.emit("get_highest_number");
    assert.deepEqual(await client.next("data"), { data: [{ name: "Anna" }] });
    assert.deepEqual(await client.next("highest_number"), { number: 5 });
    for (let number = 1; number <= 5; number++) {
        assert.deepEqual(await client.next("data_updated"), { name: "Anna", number });
    }
    client.socket.disconnect();
}

function request(url, route, body) {
    return fetch(`${url}/${route}`, {
        method: body === undefined ? "GET" : "POST",
        headers: { "Content-Type": "application/json" },
        body: body === undefined ? undefined : JSON.stringify(body),
        signal: AbortSignal.timeout(PATIENCE),
    });
}

/// The routes of the original, from one node to the others.
async function checkRoutes(urls) {
    assert.ok((await (await request(urls[0], "get_load")).json()).load > 0);
    for (const body of [{}, { name: "" }, { name: null }]) {
        const refused = await request(urls[0], "add_name", body);
        assert.equal(refused.status, 400);
        assert.deepEqual(Object.keys(await refused.json()), ["error"]);
    }
    const added = await request(urls[0], "add_name?room=routes", { name: "Zoe", and: "more" });
    assert.deepEqual(Object.keys(await added.json()), ["message"]);
    const transferred = await request(urls[1], "data_transfer?room=routes");
    assert.deepEqual([transferred.status, await transferred.text()], [200, "Done"]);
    const data = await (await request(urls[1], "get_data?room=routes")).json();
    assert.deepEqual(data, { data: [{ name: "Zoe", max_number: null }] });
}

async function checkBadEvents(client) {
    const before = await client.highest();
    for (const [event, argument, reason] of BAD_EVENTS) {
        argument === undefined ? client.socket.emit(event) : client.socket.emit(event, argument);
        const error = await client.next("error");
        assert.equal(error.event, event);
        assert.ok(error.error.includes(reason), `${JSON.stringify(argument)}: ${error.error}`);
    }
    const answer = await client.update(7, 7);
    assert.match(answer.error, /`name` must be a text, not 7/);
    assert.equal((await client.next("error")).error, answer.error);
    assert.equal(await client.highest(), before);
    assert.ok(!(await client.names()).includes("Anna"), "bad events change nothing");
}

async function checkLists(urls, clients) {
    const sockets = urls.map(url => Number(new URL(url).port));
    const names = await clients[0].names();
    for (const client of clients) {
        assert.deepEqual(await client.ask("get_socket_list", "socket_list"), { sockets });
        assert.deepEqual(await client.names(), names);
    }
}

async function checkUpgrade(url) {
    const client = new Client(url, ["polling", "websocket"]);
    const upgraded = new Promise(resolve => client.socket.io.engine.on("upgrade", resolve));
    await client.connected();
    await inTime("the upgrade", upgraded);
    assert.equal(client.socket.io.engine.transport.name, "websocket");
    assert.notDeepEqual(await client.names(), []);
    client.socket.disconnect();
}

async function checkRooms(url) {
    const elsewhere = new Client(url, ["websocket"], { room: "elsewhere" });
    await elsewhere.connected();
    await elsewhere.update("Zoe", 1);
    assert.deepEqual(await elsewhere.names(), ["Zoe"], "another room has other people, from the first one on");
    elsewhere.socket.disconnect();
    await assert.rejects(new Client(url, ["polling"], { room: "no room" }).connected(), "no name of a room");
}

const urls = process.argv.slice(2);
await checkTransport(urls, "polling");
await checkTransport(urls, "websocket");
await checkUpgrade(urls[0]);
await checkOrder(urls[2]);
await checkRoutes(urls);
await checkRooms(urls[1]);
console.log("socket.io-client: all as it should be");
