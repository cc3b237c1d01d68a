// Packets against the captured ones of docs/protocol.md, and against bytes that are none.
import assert from 'node:assert';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { decodePacket, encodeGroup, encodeLogin, encodeMessage } from '../src/packet.js';
import { Reader, WireError } from '../src/wire.js';

const page = readFileSync(new URL('../../../../docs/protocol.md', import.meta.url), 'utf8');
const captured = new Map([...page.matchAll(/^\| `([a-z-]+)` \| `([0-9a-f]+)` \|$/gm)].map(([, name, hex]) => [name, new Uint8Array(Buffer.from(hex, 'hex'))]));
const textOf = (bytes) => Buffer.from(bytes).toString();

test('a login says what its client can and wants, in fields of our own', () => {
	const plain = encodeLogin('t', new Uint8Array()), quiet = encodeLogin('t', new Uint8Array(), { noEcho: true });
	assert.deepStrictEqual([...quiet.slice(-3)], [0xa0, 1, 1], 'field 20, true');
	assert.strictEqual(quiet.length, plain.length + 3);
	assert.deepStrictEqual([...encodeLogin('t', new Uint8Array(), { resume: () => {} }).slice(-3)], [0x80, 1, 1], 'field 16, true');
});

test('the captured login and message are what we send', () => {
	assert.deepStrictEqual(encodeLogin('psess-1234', new TextEncoder().encode('hello-payload')), captured.get('login'));
	const message = { opCode: 11, targetPlayer: -1, targetGroup: 0, sender: 1, payload: new TextEncoder().encode('rel1') };
	assert.deepStrictEqual(encodeMessage(message), captured.get('message-reliable'));
});

test('the captured answers are read', () => {
	const { success, peerId } = decodePacket(captured.get('login-result')).loginResult;
	assert.deepStrictEqual([success, peerId], [true, 1]);
	assert.deepStrictEqual(decodePacket(captured.get('membership-update')).membership, { group: 7, players: [1, 2] });
	const message = decodePacket(captured.get('message-fast'));
	assert.deepStrictEqual([message.opCode, message.sender, message.targetPlayer, textOf(message.payload)], [10, 1, -1, 'fast1']);
	assert.ok(captured.size >= 14);
});

test('numbers at the ends of their range come back', () => {
	for (const number of [1, 63, 64, 127, 128, 16384, 2147483647, -1, -2, -64, -65, -2147483648]) {
		const packet = decodePacket(encodeMessage({ opCode: number, targetPlayer: number, targetGroup: number, sender: number, payload: Uint8Array.of(1) }));
		assert.deepStrictEqual([packet.opCode, packet.targetPlayer, packet.targetGroup, packet.sender], [number, number, number, number]);
	}
	for (const size of [0, 1, 100, 127, 128, 4096]) {
		const payload = new Uint8Array(size).fill(7);
		assert.deepStrictEqual(decodePacket(encodeMessage({ opCode: 1, targetPlayer: 1, targetGroup: 0, sender: 1, payload })).payload, payload);
	}
});

test('a length above 32 bits is not its low half', () => {
	assert.throws(() => new Reader(Uint8Array.of(0x81, 0x80, 0x80, 0x80, 0x10)).size(), WireError);
	assert.throws(() => new Reader(Uint8Array.of(0x81, 0x80, 0x80, 0x80, 0x80, 0x01)).size(), WireError);
	assert.strictEqual(new Reader(Uint8Array.of(0x81, 0x80, 0x00)).size(), 1);
	assert.strictEqual(new Reader(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x0f)).size(), 4294967295);
	assert.strictEqual(new Reader(Uint8Array.of(0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01)).bool(), true);
	assert.throws(() => new Reader(Uint8Array.of(0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02)).varint(), WireError);
});

// A generator of numbers from a seed, so that a failure can be shown again.
function makeRandom(seed) {
	let state = seed;
	return (below) => {
		state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
		return Math.floor(state / 4294967296 * below);
	};
}

test('whatever comes is a packet or a WireError', () => {
	const random = makeRandom(80), samples = [...captured.values(), encodeGroup(-12, 7, 3)];
	let packets = 0, errors = 0;
	for (let i = 0; i < 50000; i++) {
		const bytes = samples[random(samples.length)].slice();
		for (let changes = 1 + random(4); changes > 0; changes--)
			bytes[random(bytes.length)] = random(256);
		try {
			const packet = decodePacket(random(4) === 0 ? bytes.subarray(0, random(bytes.length)) : bytes);
			assert.ok(packet.payload instanceof Uint8Array && Number.isInteger(packet.opCode));
			packets++;
		} catch (error) {
			assert.ok(error instanceof WireError, error);
			errors++;
		}
	}
	assert.ok(packets > 1000 && errors > 1000, `${packets} packets, ${errors} errors`);
});
