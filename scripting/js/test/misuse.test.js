'use strict';
// Misuse that live scripts survive: a line in the log at most.
const test = require('node:test');
const assert = require('node:assert');
const { Engine } = require('./engine');

let engine;
let opened;

async function tell(opcode, payload = '') {
	engine.message(1, 1, opcode, payload);
}

async function sent(opcode, payload) {
	await tell(opcode, payload);
	return engine.expect('SEND');
}

async function logged(opcode, pattern) {
	await tell(opcode);
	return engine.expectLog(1, pattern);
}

test('misuse', async (t) => {
	engine = new Engine(t);
	engine.open(1, 'misuse.js');
	opened = await engine.expect('OPENED');
	assert.strictEqual(opened.session, 1);
	engine.accept(1, 1);
	engine.accept(1, 2);

	await t.test('a message without a target, or that is none, is dropped with a line', async () => {
		await logged(1, /sendMessage: undefined is no peer id/);
		await tell(2); // within the same second: left out
		await tell(8);
		await logged(26, /sendGroupMessage: 0 is no group id/);
		await logged(27, /kick: 'nobody' is no peer id/);
		await logged(28, /joinGroup: group 0/);
		await logged(21, /broadcastGroupMembershipUpdate: 7, undefined/);
	});

	await t.test('targets and senders in other forms are understood', async () => {
		const object = await sent(3);
		assert.deepStrictEqual([object.player, object.group, object.payload.toString()], [1, 0, 'player object']);
		const strings = await sent(6, 'p');
		assert.deepStrictEqual([strings.flags, strings.sender, strings.player, strings.group], [1, 1, 0, -1]);
	});

	await t.test('payloads of every kind', async () => {
		assert.strictEqual((await sent(7)).payload.length, 0);
		const bytes = await sent(9);
		assert.deepStrictEqual([bytes.sender, bytes.group, ...bytes.payload], [-1, 7, 1, 2, 3]);
		assert.strictEqual((await sent(17, '{"a":[1]}')).payload.toString(), '{"a":[1]}');
		assert.strictEqual((await sent(18, 'abc')).payload.toString(), 'abc');
		assert.strictEqual((await sent(19, '')).payload.toString(), 'nothing');
		assert.strictEqual((await sent(19, 'z')).payload.toString(), 'something');
		assert.strictEqual((await sent(22)).payload.toString(), '{"a":1}');
		assert.strictEqual((await sent(23)).payload.toString(), 'b');
		assert.deepStrictEqual([...(await sent(24)).payload], [0, 0, 128, 63]);
		assert.strictEqual((await sent(25)).payload.toString(), '17');
	});

	await t.test('detached methods, one message sent twice', async () => {
		assert.strictEqual((await sent(14)).payload.toString(), 'detached');
		assert.strictEqual((await sent(15)).payload.toString(), 'again');
		assert.strictEqual((await engine.expect('SEND')).payload.toString(), 'again');
	});

	await t.test('the list of players is a Map with the methods of an array', async () => {
		assert.strictEqual((await sent(39)).payload.toString(), '1+2');
		assert.strictEqual((await sent(40)).payload.toString(), '2 true');
	});

	await t.test('membership lists are asked for', async () => {
		await tell(20);
		const broadcast = await engine.expect('BROADCAST');
		assert.deepStrictEqual([broadcast.group, broadcast.target_group], [7, -1]);
	});

	await t.test('anything can be logged', async () => {
		await logged(10, /^Session \{ id: 'gsess-1', players: 2 \}$/);
		await logged(11, /GameMessage \{[^]*\[object Object\]/);
		await logged(12, /<ref \*1> \{ self: \[Circular \*1\] \}/);
		await logged(13, /cannot be printed: cannot be shown/);
		await logged(33, /^to the console \{ a: 1 \}$/);
		await logged(34, /^to its$/);
		await engine.expectLog(1, /^error side$/);
		await tell(38);
		assert.strictEqual((await logged(37, /^worst$/)).level, 5);
		assert.ok(!engine.frames.some((frame) => frame.kind === 'LOG' && /not shown/.test(frame.text.toString())));
	});

	await t.test('a callback that throws or rejects is logged as an error, and life goes on', async () => {
		const thrown = await logged(30, /^onMessage: Error: in onMessage\n\s+at .*misuse\.js:\d+/);
		assert.deepStrictEqual([thrown.level, thrown.flags], [3, 1]);
		assert.strictEqual((await logged(31, /^onMessage: Error: in async onMessage/)).flags, 1);
		assert.strictEqual((await logged(32, /^onMessage: undefined/)).flags, 1);
	});

	await t.test('a question that fails is answered so', async () => {
		assert.strictEqual(await engine.connect(1, 3), 2);
		await engine.expectLog(1, /^onPlayerConnect: Error: in onPlayerConnect 3/);
		assert.strictEqual(await engine.ask('TO_GROUP', 1, { opcode: 5, sender: 1, player: 0, group: 1, payload: '' }), 2);
		assert.strictEqual(await engine.ask('TO_PLAYER', 1, { opcode: 5, sender: 1, player: 2, group: 0, payload: '' }), 1);
		await engine.expectLog(1, /onSendToPlayer returned undefined, which counts as false/);
		assert.strictEqual(await engine.ask('JOIN', 1, { group: 1, peer: 1 }), 0, 'a callback that is absent allows');
	});

	await t.test('what remains is wrong or too much, and harmless', async () => {
		for (const opcode of [4, 5, 16, 29, 35, 36])
			await tell(opcode);
		assert.strictEqual((await sent(14)).payload.toString(), 'detached');
		assert.ok(!engine.frames.some((frame) => frame.kind === 'END'), engine.summary());
	});
	assert.strictEqual(await engine.stop(), 0);
});
