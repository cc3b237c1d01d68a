// The client above a WebSocket that only plays: what a browser's shows of a server, and what a browser lets us do.
import assert from 'node:assert';
import test from 'node:test';
import { EVERYONE, RingcastClient, RingcastError, SERVER } from '../src/index.js';
import { decodePacket, encodeMessage } from '../src/packet.js';
import { resume } from '../src/resume.js';
import { Writer } from '../src/wire.js';

class FakeWebSocket {
	static last;
	sent = [];
	closes = [];
	bufferedAmount = 0;

	constructor(url) {
		this.url = url;
		FakeWebSocket.last = this;
	}

	send(bytes) {
		this.sent.push(new Uint8Array(bytes));
	}

	close(...code) {
		if (code.length > 0 && code[0] !== 1000 && (code[0] < 3000 || code[0] > 4999))
			throw new Error(`a browser takes no close code ${code[0]}`);
		this.closes.push(code[0]);
	}

	give(bytes) {
		this.onmessage?.({ data: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) });
	}
}

function packet(opCode, number, command) {
	const body = new Writer().sint32(1, opCode).message(number, command.finish()).finish();
	return Uint8Array.of(body.length, ...body);
}

const loginResult = (peerId) => packet(-1, 31, new Writer().int32(1, 1).int32(3, peerId));
const update = (group) => packet(-13, 43, new Writer().int32(1, group));

// A client that is logged in, its WebSocket, and what it has told.
function open(options) {
	const client = new RingcastClient({ WebSocket: FakeWebSocket, pingIntervalMs: 0, ...options }), told = [];
	for (const name of ['connected', 'message', 'membership', 'disconnected'])
		client.on(name, (value) => told.push([name, value]));
	const connected = client.connect('ws://127.0.0.1:7777/', 'a token');
	const socket = FakeWebSocket.last;
	socket.onopen();
	socket.give(loginResult(7));
	return { client, socket, told, connected };
}

test('logs in, and hears who it is', async () => {
	const { client, socket, told, connected } = open();
	assert.strictEqual(await connected, 7);
	assert.deepStrictEqual([client.state, client.peerId, told.length, socket.sent.length], ['connected', 7, 1, 1]);
	client.disconnect();
	assert.deepStrictEqual(socket.closes, [1000]);
	socket.onclose({ code: 1000, reason: '' });
	assert.deepStrictEqual(told[1], ['disconnected', { code: 1000, name: 'normal', reason: '', mayReconnect: false }]);
});

test('what a bad server sends ends it, with codes that a browser may send', () => {
	for (const [give, code, sent] of [
		[(socket) => socket.onmessage({ data: 'text' }), 1003, 4003],
		[(socket) => socket.give(new Uint8Array(16385)), 1009, 4009],
		[(socket) => socket.give(Uint8Array.of(9, 9)), 1002, 4002],
	]) {
		const { client, socket, told } = open();
		give(socket);
		assert.deepStrictEqual([told[1][0], told[1][1].code, socket.closes[0], client.state], ['disconnected', code, sent, 'idle']);
		socket.give(loginResult(8));
		assert.strictEqual(told.length, 2, 'nothing is told behind the end');
	}
});

test('keepalive: a question that changes nothing, and an end when nobody answers', async () => {
	const { socket, told } = open({ pingIntervalMs: 1 });
	while (socket.sent.length < 3) {
		await new Promise((resolve) => setTimeout(resolve, 1));
		socket.give(update(2147483647));
	}
	assert.deepStrictEqual(told.map(([name]) => name), ['connected'], 'the answer is no event');
	while (told.length < 2)
		await new Promise((resolve) => setTimeout(resolve, 1));
	assert.deepStrictEqual([told[1][0], told[1][1].code, told[1][1].mayReconnect], ['disconnected', 1006, true]);
	const count = socket.sent.length;
	await new Promise((resolve) => setTimeout(resolve, 5));
	assert.strictEqual(socket.sent.length, count);
});

test('a full queue refuses, and sends nothing', () => {
	const { client, socket } = open({ queueBytesMax: 100 });
	client.sendToServer(5, 'fits');
	socket.bufferedAmount = 90;
	assert.throws(() => client.sendToServer(5, 'does not'), { name: 'RingcastError', code: 'full' });
	assert.deepStrictEqual([socket.sent.length, client.stats().messagesSent], [2, 1]);
	client.disconnect();
});

test('what the caller gets wrong throws, with a code', () => {
	const { client } = open();
	for (const [code, call] of [
		['argument', () => new RingcastClient({ pingIntervalMs: -1 })],
		['argument', () => new RingcastClient({ connectTimeoutMs: 1e10 })],
		['argument', () => new RingcastClient({ resume: true })],
		['argument', () => resume({ keptBytesMax: -1 })],
		['argument', () => client.connect('nonsense', 't')],
		['argument', () => client.connect('http://127.0.0.1/', 't')],
		['argument', () => client.connect('ws://127.0.0.1/', 5)],
		['size', () => client.connect('ws://127.0.0.1/', 'é'.repeat(4097))],
		['state', () => client.connect('ws://127.0.0.1/', 't')],
		['argument', () => client.sendToPlayer(2, 1.5)],
		['argument', () => client.sendToPlayer(2 ** 31, 1)],
		['argument', () => client.sendToServer(1, 5)],
		['size', () => client.sendToServer(1, new Uint8Array(4097))],
		['argument', () => client.joinGroup(EVERYONE)],
		['argument', () => client.joinGroup(2147483647)],
	])
		assert.throws(call, (error) => error instanceof RingcastError && error.code === code, String(call));
	assert.throws(() => client.on('message', null), TypeError);
	client.disconnect();
});

test('payloads may be text, buffers, and views of buffers', () => {
	const { client, socket } = open(), bytes = Uint8Array.of(0, 1, 2, 3);
	for (const payload of ['\u0001\u0002', bytes.subarray(1, 3), new DataView(bytes.buffer, 1, 2), bytes.slice(1, 3).buffer])
		client.sendToServer(5, payload);
	const wanted = encodeMessage({ opCode: 5, targetPlayer: SERVER, targetGroup: 0, sender: 7, payload: Uint8Array.of(1, 2) });
	assert.deepStrictEqual(socket.sent.slice(1), [wanted, wanted, wanted, wanted]);
	client.disconnect();
});

test('listeners: off, once, and one that throws', (t) => {
	const { client, socket } = open(), heard = [], later = [];
	t.mock.method(globalThis, 'queueMicrotask', (task) => later.push(task));
	client.on('membership', () => { throw new Error('a fault of the game'); });
	const off = client.on('membership', () => heard.push('taken away'));
	client.once('membership', () => heard.push('once'));
	client.on('membership', ({ group }) => heard.push(group));
	off();
	socket.give(update(3));
	socket.give(update(4));
	assert.deepStrictEqual(heard, ['once', 3, 4]);
	assert.strictEqual(later.length, 2);
	assert.throws(later[0], /a fault of the game/);
	client.disconnect();
});

test('who listens to events only is not punished for a login that fails, and may connect again at once', () => {
	const client = new RingcastClient({ WebSocket: FakeWebSocket }), ends = [];
	client.on('disconnected', ({ code }) => {
		ends.push(code);
		if (ends.length < 3)
			client.connect('ws://127.0.0.1:7777/', 't');
	});
	client.connect('ws://127.0.0.1:7777/', 't');
	for (const code of [3500, 3504, 1006])
		FakeWebSocket.last.onclose({ code, reason: '' });
	assert.deepStrictEqual(ends, [3500, 3504, 1006]);
	assert.strictEqual(client.state, 'idle');
});

test('after disconnect() nobody is told to reconnect, and an end without a frame is the one asked for', () => {
	const early = new RingcastClient({ WebSocket: FakeWebSocket }), ends = [];
	early.on('disconnected', (end) => ends.push(end));
	early.connect('ws://127.0.0.1:7777/', 't');
	early.disconnect();
	assert.deepStrictEqual([ends[0].code, ends[0].mayReconnect], [1006, false]);
	for (const [leave, answered, code] of [[true, 1006, 1000], [true, 3001, 3001], [false, 1006, 1006]]) {
		const { client, socket, told } = open();
		if (leave)
			client.disconnect();
		socket.onclose({ code: answered, reason: '' });
		assert.deepStrictEqual([told[1][1].code, told[1][1].mayReconnect], [code, !leave]);
	}
});

test('who has left may connect again, and is told the truth of that connection', () => {
	const { client, socket, told } = open();
	client.disconnect();
	socket.onclose({ code: 1000, reason: '' });
	client.connect('ws://127.0.0.1:7777/', 't');
	FakeWebSocket.last.onclose({ code: 1006, reason: '' });
	assert.deepStrictEqual([told[2][1].code, told[2][1].mayReconnect], [1006, true]);
});

test('disconnect() answers for the connection it ended, also when a listener connects again', async () => {
	const client = new RingcastClient({ WebSocket: FakeWebSocket });
	client.once('disconnected', () => client.connect('ws://127.0.0.1:7777/', 't'));
	client.connect('ws://127.0.0.1:7777/', 't');
	const ended = client.disconnect();
	assert.strictEqual(client.state, 'connecting');
	assert.strictEqual((await Promise.race([ended, new Promise((resolve) => setImmediate(resolve, null))]))?.code, 1006);
	client.disconnect();
});

test('off takes away what once has added', () => {
	const { client, socket } = open(), heard = [], listener = () => heard.push('listener');
	client.once('membership', listener);
	client.off('membership', listener);
	client.once('membership', listener);
	client.on('membership', listener);
	client.off('membership', listener);
	socket.give(update(3));
	socket.give(update(4));
	assert.deepStrictEqual(heard, ['listener']);
	const off = client.on('membership', listener);
	client.once('membership', listener);
	off(); // takes away its own, not the other
	socket.give(update(5));
	socket.give(update(6));
	assert.deepStrictEqual(heard, ['listener', 'listener']);
	client.disconnect();
});

// A clock that stands until the test moves it; work() in between is a program that does not come to its timers.
function stopClock(t) {
	const timers = new Map();
	let nowMs = 0, last = 0;
	t.mock.method(performance, 'now', () => nowMs);
	t.mock.method(globalThis, 'setTimeout', (call, afterMs) => timers.set(++last, { call, dueMs: nowMs + afterMs }) && last);
	t.mock.method(globalThis, 'clearTimeout', (id) => timers.delete(id));
	const next = (untilMs) => [...timers].filter(([, { dueMs }]) => dueMs <= untilMs).sort(([, a], [, b]) => a.dueMs - b.dueMs)[0];
	function advance(ms) {
		const untilMs = nowMs + ms;
		for (let due; (due = next(untilMs)); due[1].call()) {
			timers.delete(due[0]);
			nowMs = Math.max(nowMs, due[1].dueMs);
		}
		nowMs = untilMs;
	}
	return { advance, work: (ms) => { nowMs += ms; }, timers };
}

test('a deadline is kept', (t) => {
	const clock = stopClock(t), client = new RingcastClient({ WebSocket: FakeWebSocket, closeTimeoutMs: 3 }), ends = [];
	client.on('disconnected', ({ code }) => ends.push(code));
	client.connect('ws://127.0.0.1:7777/', 't');
	clock.advance(9999);
	assert.deepStrictEqual(ends, []);
	clock.advance(1);
	assert.deepStrictEqual(ends, [1006]);
	client.connect('ws://127.0.0.1:7777/', 't');
	FakeWebSocket.last.onopen();
	client.disconnect();
	clock.advance(20);
	assert.deepStrictEqual([ends, clock.timers.size], [[1006, 1000], 0]);
});

test('a program that stood still while it connected hears what the server has said meanwhile', (t) => {
	for (const stopMs of [10000, 10500, 60000]) {
		const clock = stopClock(t), client = new RingcastClient({ WebSocket: FakeWebSocket, pingIntervalMs: 0 });
		client.connect('ws://127.0.0.1:7777/', 't');
		clock.work(stopMs);
		clock.advance(0);
		FakeWebSocket.last.onopen();
		FakeWebSocket.last.give(loginResult(7));
		assert.strictEqual(client.state, 'connected', `after ${stopMs} ms`);
		t.mock.restoreAll();
	}
});

test('a program that stands still again and again gives up in the end', (t) => {
	const clock = stopClock(t), client = new RingcastClient({ WebSocket: FakeWebSocket });
	client.connect('ws://127.0.0.1:7777/', 't');
	for (let stops = 0; client.state !== 'idle'; stops++) {
		assert.ok(stops < 10, 'it never gives up');
		clock.work(60000);
		clock.advance(0);
	}
});

// Resuming

const offer = (token, more = (writer) => writer) =>
	packet(-1, 31, more(new Writer().int32(1, 1).bytes(2, new TextEncoder().encode(token)).int32(3, 7)));
const first = () => offer('one', (writer) => writer.int32(17, 10_000));
const back = (received, lost) => offer('two', (writer) => writer.int32(16, 1).int32(17, 10_000).int32(18, received).int32(19, lost));
const resumeLogin = (token, received) => {
	const login = new Writer().int32(2, 2).int32(16, 1).bytes(17, new TextEncoder().encode(token)).int32(18, received).finish();
	const body = new Writer().int32(3, -1).int32(6, 1).message(30, login).finish();
	return new Uint8Array([body.length, ...body]);
};
const pause = () => new Promise((resolve) => setTimeout(resolve, 5));
const texts = (sent) => sent.map((bytes) => new TextDecoder().decode(decodePacket(bytes).payload));

function openResumable(options) {
	const client = new RingcastClient({ WebSocket: FakeWebSocket, pingIntervalMs: 0, resume: resume(), ...options }), told = [];
	for (const name of ['connected', 'dropped', 'resumed', 'message', 'disconnected'])
		client.on(name, (value) => told.push([name, value]));
	client.connect('ws://127.0.0.1:7777/', 'a token');
	const socket = FakeWebSocket.last;
	socket.onopen();
	socket.give(first());
	socket.sent.length = 0;
	return { client, socket, told };
}

async function comeBack(answer) {
	await pause();
	const socket = FakeWebSocket.last;
	socket.onopen();
	const login = socket.sent.splice(0);
	socket.give(answer);
	return { socket, login };
}

test('resume: what the server has not read goes out again, what is sent meanwhile behind it', async () => {
	const { client, socket, told } = openResumable();
	client.sendToServer(5, 'a');
	client.sendToServer(5, 'b');
	socket.give(encodeMessage({ opCode: 6, targetPlayer: 7, targetGroup: 0, sender: -1, payload: new Uint8Array() }));
	socket.onclose({ code: 1006, reason: '' });
	assert.deepStrictEqual([told.at(-1)[0], client.state], ['dropped', 'resuming']);
	client.sendToServer(5, 'c');
	client.sendToServer(5, 'old by then', { fast: true });
	const { socket: next, login } = await comeBack(back(1, 0));
	assert.deepStrictEqual(login[0], resumeLogin('one', 1));
	assert.deepStrictEqual(texts(next.sent), ['b', 'c']);
	assert.deepStrictEqual([told.at(-1), client.state, client.stats().messagesResent], [['resumed', { lost: 0 }], 'connected', 2]);
	next.give(packet(-3, 33, new Writer().int32(1, 3)));
	next.onclose({ code: 1006, reason: '' });
	const { socket: third, login: again } = await comeBack(back(3, 4));
	assert.deepStrictEqual(again[0], resumeLogin('two', 1));
	assert.deepStrictEqual([third.sent.length, told.at(-1)], [0, ['resumed', { lost: 4 }]]);
	assert.strictEqual(told.filter(([name]) => name === 'connected').length, 1);
	client.disconnect();
	third.onclose({ code: 1000, reason: '' });
	assert.strictEqual(told.at(-1)[0], 'disconnected');
});

test('resume: what is read is acknowledged, each 16 messages', () => {
	const { client, socket } = openResumable();
	const message = encodeMessage({ opCode: 6, targetPlayer: 7, targetGroup: 0, sender: -1, payload: new Uint8Array() });
	for (let i = 0; i < 15; i++)
		socket.give(message);
	assert.strictEqual(socket.sent.length, 0);
	socket.give(message);
	assert.deepStrictEqual([decodePacket(socket.sent[0]).opCode, decodePacket(socket.sent[0]).received], [-3, 16]);
	client.disconnect();
	socket.onclose({ code: 1000, reason: '' });
});

test('resume: a refusal, a close frame and a goodbye are ends', async () => {
	for (const end of [
		async ({ socket }) => {
			socket.onclose({ code: 1006, reason: '' });
			const { socket: next } = await comeBack(packet(-1, 31, new Writer()));
			next.onclose({ code: 3500, reason: 'invalid player session' });
		},
		({ socket }) => socket.onclose({ code: 3503, reason: 'kicked' }),
		({ client, socket }) => {
			socket.onclose({ code: 1006, reason: '' });
			client.disconnect();
		},
	]) {
		const opened = openResumable();
		await end(opened);
		assert.deepStrictEqual([opened.told.at(-1)[0], opened.client.state], ['disconnected', 'idle']);
	}
});

test('resume: who keeps too much is told so, and a server without a window is one without', () => {
	const { client, socket } = openResumable();
	const payload = new Uint8Array(4000);
	assert.throws(() => { for (let i = 0; i < 17; i++) client.sendToServer(5, payload); }, (error) => error.code === 'full');
	client.disconnect();
	socket.onclose({ code: 1000, reason: '' });
	const { client: plain, socket: stream, told } = open({ resume: resume() });
	plain.sendToServer(5, 'a');
	stream.onclose({ code: 1006, reason: '' });
	assert.deepStrictEqual([told.at(-1)[0], plain.state], ['disconnected', 'idle']);
});

test('resume: the question that is a keepalive here is a message like any other, and brings what is read', (t) => {
	const clock = stopClock(t), { client, socket } = openResumable({ pingIntervalMs: 1000 });
	const opCodes = (sent) => sent.map((bytes) => decodePacket(bytes).opCode);
	socket.give(encodeMessage({ opCode: 6, targetPlayer: 7, targetGroup: 0, sender: -1, payload: new Uint8Array() }));
	clock.advance(1000);
	assert.deepStrictEqual([opCodes(socket.sent), decodePacket(socket.sent[0]).received], [[-3, -12], 1]);
	socket.onclose({ code: 1006, reason: '' });
	clock.advance(0);
	const next = FakeWebSocket.last;
	next.onopen();
	next.sent.length = 0;
	next.give(back(0, 0));
	assert.deepStrictEqual(opCodes(next.sent), [-12]);
	client.disconnect();
	next.onclose({ code: 1000, reason: '' });
});

test('resume: tries come farther apart, until the window is over; then there is one end', (t) => {
	const clock = stopClock(t), { client, socket, told } = openResumable();
	const waits = [];
	socket.onclose({ code: 1006, reason: '' });
	clock.advance(0);
	for (let last = FakeWebSocket.last; client.state === 'resuming'; last = FakeWebSocket.last) {
		let waitedMs = 0;
		last.onclose({ code: 1006, reason: '' });
		for (; client.state === 'resuming' && FakeWebSocket.last === last; waitedMs += 100)
			clock.advance(100);
		waits.push(waitedMs);
	}
	assert.deepStrictEqual(waits, [100, 200, 400, 800, 1600, 2000, 2000, 2000, 900]);
	assert.deepStrictEqual(told.map(([name]) => name), ['connected', 'dropped', 'disconnected']);
	assert.deepStrictEqual([told.at(-1)[1].code, clock.timers.size], [1006, 0]);
});

test('resume: counts that cannot be are not believed, and an answer that makes it somebody else is not taken', async () => {
	const { client, socket, told } = openResumable();
	client.sendToServer(5, 'a');
	for (const received of [2, 2147483647, -1, -2147483648])
		socket.give(packet(-3, 33, new Writer().int32(1, received)));
	socket.onclose({ code: 1006, reason: '' });
	const { socket: next } = await comeBack(back(-6, -1));
	assert.deepStrictEqual([texts(next.sent), told.at(-1)], [['a'], ['resumed', { lost: 4294967295 }]]);
	next.onclose({ code: 1006, reason: '' });
	const { socket: third, login } = await comeBack(offer('three', (writer) => writer.int32(17, 10_000)));
	assert.deepStrictEqual(login[0], resumeLogin('two', -1));
	assert.deepStrictEqual([told.at(-1)[0], told.at(-1)[1].code, third.closes[0]], ['disconnected', 1002, 4002]);
});
