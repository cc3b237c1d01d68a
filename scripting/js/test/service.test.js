'use strict';
// Backends: their messages, and the events for them.
const test = require('node:test');
const assert = require('node:assert');
const { Engine } = require('./engine');

test('a backend is heard, and events go out', async (t) => {
	const engine = new Engine(t);
	engine.open(1, 'service.js');
	const opened = await engine.expect('OPENED');
	assert.strictEqual(opened.callbacks, 1 | (1 << 14));
	engine.write('SERVICE', 1, { opcode: 7, payload: 'wave 3, ü' });
	const event = await engine.expect('EMIT');
	assert.strictEqual(event.name, 'heard');
	assert.deepStrictEqual(JSON.parse(event.json), { opCode: 7, sender: -1, reliable: true, text: 'wave 3, ü' });
	await engine.stop();
});

test('what is no event is said, and nothing else', async (t) => {
	const engine = new Engine(t);
	engine.open(1, 'service.js');
	await engine.expect('OPENED');
	engine.write('SERVICE', 1, { opcode: 0, payload: 'wrong' });
	await engine.expectLog(1, /^emitEvent: 'two words' is no event's name/);
	const text = await engine.expect('EMIT');
	assert.deepStrictEqual([text.name, text.json.toString()], ['text', '[1, 2]']);
	const nothing = await engine.expect('EMIT');
	assert.deepStrictEqual([nothing.name, nothing.json.toString()], ['nothing', 'null']);
	await engine.stop();
});
