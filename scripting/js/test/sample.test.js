'use strict';
// A script of the documentation's shape, start to end.
const test = require('node:test');
const assert = require('node:assert');
const { Engine } = require('./engine');

test('the sample script lives from init to processEnding', async (t) => {
	const engine = new Engine(t);
	const welcome = await engine.expect('WELCOME');
	assert.strictEqual(welcome.magic, 0x43534352);
	assert.strictEqual(welcome.process_id, engine.child.pid);

	engine.open(1, 'sample.js', { args: 'one two', properties: '{"map":"desert","size":3}', matchmaker: '{}' });
	const opened = await engine.expect('OPENED');
	assert.strictEqual(opened.callbacks, (1 << 13) - 1);
	assert.strictEqual(opened.players_max, 16);
	assert.strictEqual(opened.ping_interval_ms, 30000);
	await engine.expectLog(1, /^Starting process with args: one,two$/);
	const started = await engine.expectLog(1, /^game session gsess-1 gsess-1/);
	assert.match(started.text.toString(), /key: 'map',\s+value: 'desert'/);
	assert.match(started.text.toString(), / \{\} \{\}$/);

	assert.strictEqual(await engine.connect(1, 1, 'hi'), 0);
	assert.strictEqual(await engine.connect(1, 2, 'no'), 1);
	engine.accept(1, 1);
	const hello = await engine.expect('SEND');
	assert.deepStrictEqual([hello.flags, hello.opcode, hello.sender, hello.player, hello.group, hello.payload.toString()], [1, 100, -1, 1, 0, 'hello 1']);
	assert.strictEqual((await engine.expect('SEND')).payload.toString(), 'accepted 1');

	engine.message(1, 1, 7, Buffer.from([0, 255, 3]));
	const echo = await engine.expect('SEND');
	assert.deepStrictEqual([echo.flags, echo.opcode, echo.sender, echo.player, ...echo.payload], [0, 101, 1, 1, 0, 255, 3]);

	assert.strictEqual(await engine.ask('TO_PLAYER', 1, { opcode: 12, sender: 1, player: 2, group: 0, payload: '' }), 0);
	assert.strictEqual(await engine.ask('TO_PLAYER', 1, { opcode: 13, sender: 1, player: 2, group: 0, payload: '' }), 1);
	assert.strictEqual(await engine.ask('TO_GROUP', 1, { opcode: 12, sender: 1, player: 0, group: 4, payload: 'fine' }), 0);
	assert.strictEqual(await engine.ask('TO_GROUP', 1, { opcode: 12, sender: 1, player: 0, group: 4, payload: 'blocked' }), 1);
	assert.strictEqual(await engine.ask('JOIN', 1, { group: 9, peer: 1 }), 0);
	assert.strictEqual(await engine.ask('JOIN', 1, { group: 10, peer: 1 }), 1);
	assert.strictEqual(await engine.ask('LEAVE', 1, { group: 9, peer: 1 }), 0);
	assert.strictEqual(await engine.ask('LEAVE', 1, { group: 9, peer: 2 }), 1);
	assert.strictEqual(await engine.ask('HEALTH', 1, {}), 0);

	engine.write('TERMINATE', 1, { left_ms: 5000 });
	await engine.expectLog(1, /^terminating after some ticks$/);

	engine.accept(1, 3);
	engine.leave(1, 3);
	const left = await engine.expect('SEND', (frame) => frame.opcode === 102);
	assert.deepStrictEqual([left.player, left.payload.toString()], [1, 'Peer 3 disconnected']);

	engine.leave(1, 1);
	await engine.expectLog(1, /^Completed process ending with: true$/);
	assert.strictEqual((await engine.expect('END')).how, 0);
	assert.strictEqual(await engine.stop(), 0);
});

test('properties of any shape start a session', async (t) => {
	const engine = new Engine(t);
	const given = ['null', '[]', '[1]', 'text', '7', '{"gameProperties":7}', '{"gameProperties":[null,{"key":"a","value":"b"},1]}', '{"GameProperties":[null]}'];
	for (const [i, properties] of given.entries()) {
		engine.open(i + 1, 'sample.js', { properties });
		await engine.expectLog(i + 1, /^game session gsess-/);
	}
	await engine.stop();
});
