'use strict';
// Orders, new features, and the stream in any pieces.
const test = require('node:test');
const assert = require('node:assert');
const fs = require('fs');
const path = require('path');
const frames = require('../lib/frame');
const { Engine } = require('./engine');

async function start(t, options) {
	const engine = new Engine(t);
	engine.open(1, 'order.js', options);
	const opened = await engine.expect('OPENED');
	assert.strictEqual(opened.tick_interval_ms, 50);
	return engine;
}

const said = async (engine) => (await engine.expect('SEND')).payload.toString();

test('what a script sends while it is asked comes after its answer', async (t) => {
	const engine = await start(t);
	assert.strictEqual(await engine.ask('TO_PLAYER', 1, { opcode: 1, sender: 1, player: 2, group: 0, payload: '' }), 0);
	assert.strictEqual(await said(engine), 'before I answer');
	const kinds = [];
	engine.waiters.push(({ kind }) => { kinds.push(kind); return false; });
	await engine.ask('TO_PLAYER', 1, { opcode: 1, sender: 1, player: 2, group: 0, payload: '' });
	await said(engine);
	assert.deepStrictEqual(kinds.filter((kind) => kind === 'ANSWER' || kind === 'SEND'), ['ANSWER', 'SEND']);
	await engine.stop();
});

test('answers that take time come in any order', async (t) => {
	const engine = await start(t);
	const slow = engine.ask('TO_PLAYER', 1, { opcode: 2, sender: 1, player: 2, group: 0, payload: '' });
	const no = engine.ask('TO_PLAYER', 1, { opcode: 3, sender: 1, player: 2, group: 0, payload: '' });
	const quick = engine.ask('TO_PLAYER', 1, { opcode: 1, sender: 1, player: 2, group: 0, payload: '' });
	assert.deepStrictEqual(await Promise.all([slow, no, quick]), [0, 1, 0]);
	await engine.stop();
});

test('the engine alone decides on a login: what is said to its player is passed on, and a promise that comes too late is told so', async (t) => {
	const engine = await start(t);
	const kinds = [];
	engine.waiters.push((frame) => { kinds.push(frame.kind === 'SEND' ? frame.payload.toString() : frame.kind); return false; });
	assert.strictEqual(await engine.connect(1, 1), 0);
	assert.strictEqual(await engine.connect(1, 2, 'later'), 0);
	assert.strictEqual(await engine.connect(1, 3, 'no'), 1);
	engine.message(1, 1, 9, 'last');
	await engine.expect('SEND', ({ payload }) => /last/.test(payload.toString()));
	assert.deepStrictEqual(kinds.filter((kind) => !['CREDIT', 'MEMORY'].includes(kind)),
		['ANSWER', 'welcome', 'somebody comes', 'welcome', 'somebody comes', 'ANSWER', 'ANSWER', 'welcome', 'somebody comes', '9 1 false -1 0 last']);
	await engine.stop();
});

test('a login that the engine decided on: nothing is kept, and the answer that comes later is logged', async (t) => {
	const engine = await start(t);
	engine.write('CONNECT', 1, { ticket: 71, peer: 9, player_session_id: 'psess-9', player_id: 'late', player_data: '', payload: 'never' });
	engine.write('MISSED', 1, { ticket: 71, answer: 1 });
	engine.message(1, 1, 8, '9');
	await engine.expect('SEND', ({ payload }) => payload.toString() === 'player 9 is undefined');
	engine.write('CONNECT', 1, { ticket: 72, peer: 10, player_session_id: 'psess-10', player_id: 'late', player_data: '', payload: 'later' });
	engine.write('MISSED', 1, { ticket: 72, answer: 0 });
	engine.accept(1, 10);
	assert.strictEqual(await engine.answer(72), 0); // which the engine counts as late
	await engine.expectLog(1, /^onPlayerConnect: its answer came after scripts\.answer_timeout/);
	await engine.stop();
});

test('a last line without an end is logged before the session ends', async (t) => {
	const engine = await start(t);
	engine.message(1, 1, 7, '');
	await engine.expectLog(1, /^last words, \u00fc$/);
	await engine.expect('END');
	await engine.stop();
});

test('a script that says more than the engine takes is cut short, whatever it says', async (t) => {
	const engine = await start(t);
	engine.socket.pause();
	engine.message(1, 1, 6, '');
	await new Promise((resolve) => setTimeout(resolve, 3000)); // of silence; how much came then does not depend on how long
	engine.socket.resume();
	await engine.expectLog(1, /^kick: more than the engine takes; it is dropped/);
	await engine.expectLog(1, /^\d+ log lines left out: more than the engine takes$/);
	await engine.stop();
});

test('who comes and goes: data of the backend, in the list until the callback is over', async (t) => {
	const engine = await start(t);
	engine.accept(1, 4, { playerId: 'ann', data: 'gold' });
	assert.strictEqual(await said(engine), 'ann has gold');
	engine.leave(1, 4);
	assert.strictEqual(await said(engine), 'true ann');
	await engine.stop();
});

test('promises and ticks of one event settle before the next', async (t) => {
	const engine = await start(t);
	const batch = ['one', 'two', 'end'].map((payload) => frames.encode('MESSAGE', 1, { opcode: 1, sender: 1, player: -1, group: 0, payload }));
	engine.socket.write(Buffer.concat(batch));
	assert.strictEqual(await said(engine), 'one a b two a b end a b');
	await engine.stop();
});

test('kick, groups, name and properties', async (t) => {
	const engine = await start(t, { name: 'arena', properties: 'blue', matchmaker: 'teams' });
	engine.message(1, 1, 2, '');
	const kick = await engine.expect('KICK');
	assert.deepStrictEqual([kick.peer, kick.text.toString()], [2, 'too loud']);
	assert.deepStrictEqual({ ...(await engine.expect('PUT')) }, { kind: 'PUT', flags: 0, session: 1, group: 7, peer: 1 });
	assert.deepStrictEqual({ ...(await engine.expect('TAKE')) }, { kind: 'TAKE', flags: 0, session: 1, group: 7, peer: 1 });
	assert.strictEqual(await said(engine), 'arena blue teams gsess-1 -1 -1');
	engine.write('TICK', 1, { now_ns: 1500000 });
	assert.strictEqual(await said(engine), 'tick 1.5');
	await engine.stop();
});

test('payloads stay good after their event', async (t) => {
	const engine = await start(t);
	['one ', 'two ', 'three'].forEach((payload) => engine.message(1, 1, 3, payload));
	assert.strictEqual(await said(engine), 'one two three');
	await engine.stop();
});

test('the stream may come in any pieces, for several sessions', { timeout: 60000 }, async (t) => {
	const engine = await start(t);
	engine.open(2, 'order.js');
	await engine.expect('OPENED');
	const all = [];
	for (let i = 0; i < 300; i++)
		all.push(frames.encode('MESSAGE', 1 + (i % 2), { opcode: 100 + i, sender: 1, player: -1, group: 0, payload: 'x'.repeat((i * 37) % 3000) }));
	const stream = Buffer.concat(all);
	for (let at = 0, size = 1; at < stream.length; at += size, size = (size * 31 + 7) % 5000 + 1) {
		engine.socket.write(stream.subarray(at, at + size));
		if (size % 3 === 0)
			await new Promise(setImmediate);
	}
	for (let i = 0; i < 300; i++) {
		const answer = await engine.expect('SEND', ({ session, payload }) => session === 1 + (i % 2) && payload.toString().startsWith(`${100 + i} `));
		assert.ok(answer.payload.length >= (i * 37) % 3000);
	}
	await engine.stop();
});

test('every byte that a session was sent is credited', async (t) => {
	const engine = new Engine(t);
	engine.open(1, 'order.js');
	engine.message(1, 1, 9, 'x');
	const sentBytes = 28 + 1 + frames.encode('OPEN', 1, { memory_bytes: 0, players_max: 8, ping_ms: 3000, tick_ms: 0, id: 'gsess-1', name: '',
		properties: '', matchmaker_data: '', script: 'test', version: 'v1', folder: path.join(__dirname, 'scripts'), main: 'order.js', arguments: '' }).length;
	await said(engine);
	await engine.expect('CREDIT', ({ bytes }) => bytes > 0 && engine.frames.push({ kind: 'total', bytes }) > 0);
	let credited = engine.frames.find(({ kind }) => kind === 'total').bytes;
	while (credited < sentBytes)
		credited += (await engine.expect('CREDIT')).bytes;
	assert.strictEqual(credited, sentBytes);
	await engine.stop();
});

// The channel itself

test('pings are answered, and the end of the channel is the end of the process', async (t) => {
	const engine = new Engine(t);
	engine.write('PING', 0, { cookie: 12345678901234567890n });
	assert.strictEqual((await engine.expect('PONG')).cookie, 12345678901234567890n);
	assert.strictEqual(await engine.stop(), 0);
});

test('an engine of another version, and garbage, end the process with a word', async (t) => {
	const old = new Engine(t);
	await old.expect('WELCOME');
	old.write('HELLO', 0, { magic: frames.MAGIC, version_min: frames.VERSION_MAX + 1, version_max: 9, features: 0, window_bytes: 1, memory_bytes: 0, engine: 'test' });
	assert.strictEqual(await old.exited, 1);
	assert.match(old.stderr, /versions 3 to 9 of the protocol, this sidecar 2 to 2/);
	const garbled = new Engine(t);
	await garbled.expect('WELCOME');
	garbled.socket.write(Buffer.alloc(100, 255));
	assert.strictEqual(await garbled.exited, 1);
	assert.match(garbled.stderr, /frame of 4294967295 bytes/);
});

test('frames for a session that is unknown are passed over', async (t) => {
	const engine = await start(t);
	engine.message(77, 1, 9, 'x');
	engine.write('CLOSE', 77, { reason: 'session_ended' });
	engine.message(1, 1, 9, 'still here');
	assert.match(await said(engine), /still here/);
	await engine.stop();
});

test('a debugger can be attached, and the engine is told', async (t) => {
	const engine = new Engine(t, { nodeArguments: ['--inspect=127.0.0.1:0'] });
	assert.strictEqual((await engine.expect('WELCOME')).features, frames.FEATURE_DEBUGGER);
	assert.match(engine.stderr, /Debugger listening on ws:\/\/127\.0\.0\.1:\d+/);
	await engine.stop();
});

test('frame.js holds the list of frame.def', () => {
	const text = fs.readFileSync(path.join(__dirname, '..', '..', 'sidecar', 'frame.def'), 'utf8');
	const list = [...text.matchAll(/^FRAME\((\w+), (\d+), "(\w*)", "([^"]*)"\)$/gm)].map(([, name, number, layout, fields]) => [name, Number(number), layout, fields]);
	assert.strictEqual(list.length, 40);
	assert.deepStrictEqual(frames.LIST, list);
	assert.deepStrictEqual(frames.LIST.filter(([, , layout, fields]) => layout.length !== fields.split(' ').length), []);
});
