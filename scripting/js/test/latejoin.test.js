'use strict';
// Retained messages, and where the parts of a snapshot stand among what a script says.
const test = require('node:test');
const assert = require('node:assert');
const { Engine } = require('./engine');

async function start(t) {
	const engine = new Engine(t);
	engine.open(1, 'latejoin.js');
	await engine.expect('OPENED');
	return engine;
}

// Kinds and texts of what the script says from here on.
function listen(engine) {
	const said = [];
	engine.waiters.push((frame) => {
		if (['ANSWER', 'SEND', 'SNAPSHOT_PART'].includes(frame.kind))
			said.push(frame.kind === 'ANSWER' ? `answer ${frame.answer}` : `${frame.kind} ${frame.payload}`);
		return false;
	});
	return said;
}

test('messages are retained under keys of 32 bits, and forgotten', async (t) => {
	const engine = await start(t);
	engine.message(1, 1, 1, '');
	const { opcode, sender, group, key, payload } = await engine.expect('RETAIN');
	assert.deepStrictEqual([opcode, sender, group, key >>> 0, payload.toString()], [30, -1, 7, 4294967295, 'kept']);
	engine.message(1, 1, 2, '');
	const forget = await engine.expect('FORGET');
	assert.deepStrictEqual([forget.group, forget.key], [7, 5]);
	engine.message(1, 1, 3, '');
	await engine.expectLog(1, /^retainMessage: group 7, key -1: a group id and a whole number from 0 up are needed/);
	await engine.stop();
});

test('a snapshot goes before its answer, and what is sent meanwhile behind it', async (t) => {
	const engine = await start(t);
	const said = listen(engine);
	assert.strictEqual(await engine.ask('SNAPSHOT', 1, { group: 1, peer: 5 }), 0);
	await engine.expect('SEND');
	assert.deepStrictEqual(said, ['SNAPSHOT_PART one', 'SNAPSHOT_PART two', 'answer 0', 'SEND sent meanwhile']);
	const part = await engine.expect('SNAPSHOT_PART');
	assert.strictEqual(part.ticket, BigInt(engine.ticket));
	await engine.stop();
});

test('a snapshot may take its time, be none, or fail', async (t) => {
	const engine = await start(t);
	const said = listen(engine);
	assert.strictEqual(await engine.ask('SNAPSHOT', 1, { group: 2, peer: 5 }), 0);
	assert.deepStrictEqual(said, ['SEND sent meanwhile', 'SNAPSHOT_PART later', 'answer 0']);
	assert.strictEqual(await engine.ask('SNAPSHOT', 1, { group: 9, peer: 5 }), 0);
	assert.strictEqual(await engine.ask('SNAPSHOT', 1, { group: 3, peer: 5 }), 2);
	await engine.expectLog(1, /^onSnapshot: Error: no snapshot/);
	await engine.stop();
});

test('between a snapshot that took its time and its answer nothing else is said', async (t) => {
	const engine = await start(t);
	const said = listen(engine);
	assert.strictEqual(await engine.ask('SNAPSHOT', 1, { group: 4, peer: 5 }), 0);
	await engine.expect('SEND', ({ payload }) => payload.toString() === 'said right behind');
	assert.deepStrictEqual(said, ['SEND sent meanwhile', 'SNAPSHOT_PART made', 'answer 0', 'SEND said right behind']);
	await engine.stop();
});

test('a snapshot with a part that is none has failed, and no other part follows', async (t) => {
	const engine = await start(t);
	const said = listen(engine);
	assert.strictEqual(await engine.ask('SNAPSHOT', 1, { group: 5, peer: 5 }), 2);
	await engine.expect('SEND');
	assert.deepStrictEqual(said, ['SNAPSHOT_PART good', 'answer 2', 'SEND sent meanwhile']);
	await engine.expectLog(1, /^onSnapshot: .* is no message with an op code/);
	await engine.expectLog(1, /^onSnapshot: Error: .* cannot be a part of a snapshot/);
	assert.strictEqual(await engine.ask('SNAPSHOT', 1, { group: 6, peer: 5 }), 2);
	await engine.expectLog(1, /^onSnapshot: Error: .* cannot be a part of a snapshot/);
	await engine.stop();
});
