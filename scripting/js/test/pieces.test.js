'use strict';
// What a session begins with and is too long for one frame comes in pieces, and the script sees it whole or does not start.
const test = require('node:test');
const assert = require('node:assert');
const frames = require('../lib/frame');
const { Engine } = require('./engine');

function sumOf(text) {
	let sum = 0;
	for (const byte of Buffer.from(text))
		sum = (sum * 31 + byte) % 65521;
	return `${text.length} ${sum}`;
}

function openLong(engine, session) {
	engine.open(session, 'pieces.js', { flags: frames.FLAG_MORE });
}

function piece(engine, session, what, bytes, from, size, flags = frames.FLAG_MORE) {
	engine.write('PIECE', session, { what, total_bytes: bytes.length, offset: from, bytes: bytes.subarray(from, from + size) }, flags);
}

function pieces(engine, session, what, bytes, pieceBytes, isLast) {
	for (let from = 0; from < bytes.length; from += pieceBytes)
		piece(engine, session, what, bytes, from, pieceBytes, isLast && from + pieceBytes >= bytes.length ? 0 : frames.FLAG_MORE);
}

test('every byte arrives, whatever the pieces, and characters that a cut goes through', async (t) => {
	const engine = new Engine(t);
	const data = 'räuber €\u{1f600}'.repeat(24000);
	const teams = JSON.stringify('t'.repeat(100000));
	const args = 'one two three '.repeat(4000).trim();
	let session = 0;
	for (const pieceBytes of [64000, 16384, 1009]) {
		openLong(engine, ++session);
		pieces(engine, session, 0, Buffer.from(data), pieceBytes, false);
		pieces(engine, session, 1, Buffer.from(teams), pieceBytes, false);
		pieces(engine, session, 2, Buffer.from(args), pieceBytes, true);
		await engine.expectLog(session, new RegExp(`^arguments 12000 ${sumOf(args)}$`));
		await engine.expectLog(session, new RegExp(`^data ${sumOf(data)} properties ${sumOf(data)} matchmaker ${sumOf(teams)}$`));
		await engine.expect('OPENED', (frame) => frame.session === session);
	}
	assert.strictEqual(await engine.stop(), 0);
});

test('events among the pieces wait for the start, and pieces are no part of the window', async (t) => {
	const engine = new Engine(t);
	const bytes = Buffer.from('x'.repeat(200000));
	openLong(engine, 1);
	piece(engine, 1, 0, bytes, 0, 60000);
	const isIn = engine.connect(1, 1);
	piece(engine, 1, 0, bytes, 60000, 60000);
	engine.message(1, 1, 20, 'early');
	await new Promise((resolve) => setTimeout(resolve, 500));
	assert.ok(!engine.frames.some(({ kind }) => kind === 'OPENED' || kind === 'ANSWER' || kind === 'SEND'), engine.summary());
	piece(engine, 1, 0, bytes, 120000, 80000 - 20000);
	piece(engine, 1, 0, bytes, 180000, 20000, 0);
	await engine.expectLog(1, /^data 200000 /);
	assert.strictEqual(await isIn, 0);
	assert.strictEqual((await engine.expect('SEND')).payload.toString(), 'heard');
	const sumOfCredit = () => engine.frames.reduce((sum, { kind, bytes: credit }) => sum + (kind === 'CREDIT' ? credit : 0), 0);
	while (sumOfCredit() === 0)
		await new Promise((resolve) => setTimeout(resolve, 20));
	assert.ok(sumOfCredit() < 1000, `${sumOfCredit()}`);
	assert.strictEqual(await engine.stop(), 0);
});

const BYTES = Buffer.from('y'.repeat(100000));

for (const [what, say] of [
	['a gap', (engine) => piece(engine, 1, 0, BYTES, 30000, 1000)],
	['one twice', (engine) => piece(engine, 1, 0, BYTES, 0, 20000)],
	['another total', (engine) => piece(engine, 1, 0, BYTES.subarray(1), 20000, 1000)],
	['another text before this one is whole', (engine) => piece(engine, 1, 1, BYTES, 0, 1000)],
	['an empty one', (engine) => piece(engine, 1, 0, BYTES, 20000, 0)],
	['the end before all is there', (engine) => piece(engine, 1, 0, BYTES, 20000, 60000, 0)],
	['more than the total', (engine) => engine.write('PIECE', 1, { what: 0, total_bytes: BYTES.length, offset: 20000, bytes: Buffer.alloc(60000) }, 1) ||
		engine.write('PIECE', 1, { what: 0, total_bytes: BYTES.length, offset: 80000, bytes: Buffer.alloc(60000) }, 1)],
]) {
	test(`pieces out of order: ${what}; that session ends, and no other`, async (t) => {
		const engine = new Engine(t);
		openLong(engine, 1);
		openLong(engine, 2);
		piece(engine, 1, 0, BYTES, 0, 20000);
		piece(engine, 2, 0, BYTES, 0, 50000);
		say(engine);
		const end = await engine.expect('END', ({ session }) => session === 1);
		assert.strictEqual(end.how, 1);
		assert.match(end.text.toString(), /sidecar: .*piece/);
		piece(engine, 2, 0, BYTES, 50000, 50000, 0);
		await engine.expectLog(2, /^data 100000 /);
		await engine.expect('OPENED', ({ session }) => session === 2);
		assert.ok(!engine.frames.some(({ kind, session }) => kind === 'OPENED' && session === 1));
		assert.strictEqual(await engine.stop(), 0);
	});
}

test('a text that is not known, or longer than there may be, is refused at its first piece', async (t) => {
	const engine = new Engine(t);
	openLong(engine, 1);
	piece(engine, 1, 3, BYTES, 0, 10);
	assert.match((await engine.expect('END')).text.toString(), /piece 3 of 100000 bytes/);
	openLong(engine, 2);
	engine.write('PIECE', 2, { what: 0, total_bytes: frames.PIECED_BYTES_MAX + 1, offset: 0, bytes: Buffer.alloc(9) }, 1);
	assert.match((await engine.expect('END')).text.toString(), /piece 0 of 4194305 bytes/);
	assert.strictEqual(await engine.stop(), 0);
});

test('a session that is closed half way leaves nothing, and the next one starts', async (t) => {
	const engine = new Engine(t, { env: { RINGCAST_IDLE_WORKERS: '1' } });
	openLong(engine, 1);
	piece(engine, 1, 0, BYTES, 0, 50000);
	await engine.expect('CREDIT', ({ session }) => session === 1); // somebody says that it lives
	engine.write('CLOSE', 1, { reason: 'admin' });
	piece(engine, 1, 0, BYTES, 50000, 50000, 0); // was on its way
	openLong(engine, 2);
	pieces(engine, 2, 0, BYTES, 30000, true);
	await engine.expect('OPENED', ({ session }) => session === 2);
	assert.ok(!engine.frames.some(({ kind, session }) => session === 1 && (kind === 'LOG' || kind === 'OPENED' || kind === 'END')), engine.summary());
	assert.strictEqual(await engine.stop(), 0);
});
