'use strict';
// Every end of a script is its own session's alone.
const test = require('node:test');
const assert = require('node:assert');
const { Engine } = require('./engine');

// A session whose script ends by itself, and a neighbour that must not notice.
async function fate(t, opcode, options) {
	const engine = new Engine(t, options);
	engine.open(1, 'fates.js');
	engine.open(2, 'fates.js');
	await engine.expect('OPENED', ({ session }) => session === 1);
	await engine.expect('OPENED', ({ session }) => session === 2);
	engine.message(1, 1, opcode, '');
	return engine;
}

async function expectNeighbour(engine) {
	engine.message(2, 1, 15, '');
	const alive = await engine.expect('SEND', ({ session }) => session === 2);
	assert.match(alive.payload.toString(), /^alive true/);
	assert.ok(!engine.frames.some(({ kind, session }) => kind === 'END' && session === 2));
	assert.strictEqual(await engine.stop(), 0);
}

async function expectEnd(engine, how, text) {
	const end = await engine.expect('END', ({ session }) => session === 1);
	assert.strictEqual(end.how, how, end.text.toString().slice(0, 200));
	assert.ok(end.text.length < 65536 - 4, `END of ${end.text.length} bytes fits no frame`);
	assert.match(end.text.toString(), text);
}

for (const [opcode, how, text, what] of [
	[1, 0, /process\.exit\(0\)/, 'process.exit(0)'],
	[2, 1, /process\.exit\(3\)/, 'process.exit(3)'],
	[3, 1, /uncaught exception: fates\.js:12: TypeError: from a timer/, 'an exception in a timer'],
	[4, 1, /unhandled promise rejection: fates\.js:13: Error: forgotten/, 'a rejection that nobody handles'],
	[9, 0, /^$/, 'processEnding, twice, without an exit'],
	[10, 1, /process\.exit\(1\)/, 'a signal to itself'],
	[17, 1, /^script failed: x+$/, 'an exception longer than a frame that the worker itself cannot report'],
	[13, 1, /uncaught exception: fates\.js:22: Error: from a tick/, 'an exception in a next tick'],
]) {
	test(`ends by ${what}`, async (t) => {
		const engine = await fate(t, opcode);
		await expectEnd(engine, how, text);
		await expectNeighbour(engine);
	});
}

test('processEnding then process.exit: what was logged in between comes before the end', async (t) => {
	const engine = await fate(t, 8);
	await engine.expectLog(1, /^outcome true$/);
	await expectEnd(engine, 0, /process\.exit\(0\)/);
	await expectNeighbour(engine);
});

const IS_HEAP_BOUNDED = Number(process.versions.node.split('.')[0]) < 24; // docs/migration.md

test('a heap beyond its limit ends that session only', { skip: !IS_HEAP_BOUNDED && 'this Node does not keep to the limit' }, async (t) => {
	const engine = await fate(t, 6, { memory: 32 << 20 });
	await expectEnd(engine, 2, /needs more than its 32 MB/);
	await expectNeighbour(engine);
});

test('buffers beyond the limit end that session only', async (t) => {
	const engine = await fate(t, 7, { memory: 32 << 20 });
	for (let i = 0; i < 20 && !engine.frames.some(({ kind }) => kind === 'END'); i++) {
		engine.message(1, 1, 11, ''); // it is measured when it takes something
		await new Promise((resolve) => setTimeout(resolve, 200));
	}
	await expectEnd(engine, 2, /MB of buffers/);
	await expectNeighbour(engine);
});

test('an endless loop holds up nobody else, and is killed when its session is closed', async (t) => {
	const engine = await fate(t, 5);
	engine.message(2, 1, 15, '');
	await engine.expect('SEND', ({ session }) => session === 2);
	engine.write('CLOSE', 1, { reason: 'script_failed' });
	await expectNeighbour(engine); // and the process could stop although one worker turned
});

test('process.abort is refused, a handler of the script\'s own keeps it alive', async (t) => {
	const engine = await fate(t, 11);
	await engine.expectLog(1, /^abort: ERR_WORKER_UNSUPPORTED_OPERATION$/);
	engine.message(1, 1, 12, '');
	engine.message(1, 1, 3, '');
	await engine.expectLog(1, /^survived: from a timer$/);
	engine.message(1, 1, 13, '');
	await engine.expectLog(1, /^survived: from a tick$/);
	engine.message(1, 1, 4, '');
	await engine.expectLog(1, /^survived: forgotten$/);
	await expectNeighbour(engine);
});

test('a flood of messages is cut short when the engine does not take it', async (t) => {
	const engine = await fate(t, 15);
	await engine.expect('SEND');
	engine.socket.pause();
	engine.message(1, 1, 14, 'z'.repeat(1000));
	await new Promise((resolve) => setTimeout(resolve, 3000));
	engine.socket.resume();
	await engine.expectLog(1, /sendMessage: more than the engine takes; it is dropped/);
	await engine.expect('CREDIT', ({ session, bytes }) => session === 1 && bytes > 1000);
	const floodBytes = engine.frames.filter(({ kind }) => kind === 'SEND').length * 1000;
	assert.ok(floodBytes > 4e6 && floodBytes < 20e6, `${floodBytes}`);
	await expectNeighbour(engine);
});

test('close lets exit handlers run, and says nothing more about the session', async (t) => {
	const engine = await fate(t, 16);
	engine.write('CLOSE', 1, { reason: 'session_ended' });
	assert.strictEqual((await engine.expect('SEND', ({ session }) => session === 1)).payload.toString(), 'last words');
	await expectNeighbour(engine);
	assert.ok(!engine.frames.some(({ kind, session }) => kind === 'END' && session === 1), engine.summary());
});

for (const [args, text, what] of [
	['throw', /the script cannot start: fates\.js:\d+: Error: no init/, 'init throws'],
	['refuse', /onProcessStarted returned false/, 'onProcessStarted says no'],
]) {
	test(`cannot start when ${what}`, async (t) => {
		const engine = new Engine(t);
		engine.open(1, 'fates.js', { args });
		await expectEnd(engine, 1, text);
		assert.strictEqual(await engine.stop(), 0);
	});
}

test('cannot start from a file that is not there, or does not parse', async (t) => {
	const engine = new Engine(t);
	engine.open(1, 'nothing.js');
	await expectEnd(engine, 1, /Cannot find module/);
	engine.open(2, 'syntax_error.js');
	const end = await engine.expect('END', ({ session }) => session === 2);
	assert.match(end.text.toString(), /syntax_error\.js:4: SyntaxError/);
	assert.strictEqual(await engine.stop(), 0);
});

test('a slow start shows that it is alive, and what comes meanwhile waits', async (t) => {
	const engine = new Engine(t);
	engine.open(1, 'fates.js', { args: 'slow' });
	engine.message(1, 1, 15, '');
	await engine.expect('CREDIT', ({ bytes }) => bytes === 0);
	await engine.expect('CREDIT', ({ bytes }) => bytes === 0);
	await engine.expect('OPENED');
	await engine.expect('SEND');
	assert.strictEqual(await engine.stop(), 0);
});

// Signs of life come until the loop begins, which on a busy machine takes a while.
async function silence(engine, session, ms) {
	const count = () => engine.frames.filter((frame) => frame.kind === 'CREDIT' && frame.session === session).length;
	for (let before = -1; before !== count();) {
		before = count();
		await new Promise((resolve) => setTimeout(resolve, ms));
	}
}

test('a start that loops for ever shows no life, and is killed by a close', { timeout: 120000 }, async (t) => {
	const engine = new Engine(t);
	engine.open(1, 'fates.js', { args: 'loop' });
	engine.open(2, 'fates.js');
	await engine.expect('OPENED', ({ session }) => session === 2);
	await silence(engine, 1, 1500);
	engine.write('CLOSE', 1, { reason: 'script_failed' });
	await expectNeighbour(engine);
});

// The engine's end of the socket goes with bytes of ours unread: the kernel calls that a reset.
test('an engine that goes without reading what was said is an end like any other', async (t) => {
	const engine = new Engine(t);
	await engine.expect('WELCOME');
	engine.open(1, 'fates.js');
	await engine.expect('OPENED');
	engine.socket.pause();
	for (let i = 0; i < 10000; i++) // more answers than Node reads ahead: some stay in the socket
		engine.message(1, 1, 15, '');
	await new Promise((resolve) => setTimeout(resolve, 1500));
	engine.socket.destroy();
	assert.strictEqual(await engine.exited, 0);
	assert.doesNotMatch(engine.stderr, /channel/);
});

test('a start that fails answers nothing, not even that it is healthy, and was told that its session is activating', async (t) => {
	const engine = new Engine(t);
	engine.open(1, 'fates.js', { args: 'fail' });
	engine.write('HEALTH', 1, { ticket: 1 });
	engine.write('CONNECT', 1, { ticket: 2, peer: 1, player_session_id: 'psess-1', player_id: 'ann', player_data: '', payload: '' });
	engine.open(2, 'fates.js');
	await expectEnd(engine, 1, /the script cannot start: fates\.js:\d+: Error: no start, ACTIVATING ACTIVATING/);
	await engine.expect('OPENED', ({ session }) => session === 2);
	assert.ok(!engine.frames.some(({ kind, session }) => session === 1 && (kind === 'ANSWER' || kind === 'OPENED')), engine.summary());
	await expectNeighbour(engine);
});
