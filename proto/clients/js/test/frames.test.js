// Frames: any cut of a stream tells the same story, and garbage is a FrameError.
import assert from 'node:assert';
import test from 'node:test';
import { Frame, FrameError, FrameReader, MessageReader, decodeClose, encodeFrame } from '../src/frames.js';

const BYTES_MAX = 16384;

function serverFrame(opcode, payload, isFinal = true) {
	const head = payload.length < 126 ? [payload.length] : [126, payload.length >> 8, payload.length & 0xff];
	return Uint8Array.of((isFinal ? 0x80 : 0) | opcode, ...head, ...payload);
}

function join(parts) {
	return new Uint8Array(Buffer.concat(parts));
}

function story(stream, step) {
	const frames = new FrameReader(BYTES_MAX), messages = new MessageReader(BYTES_MAX), told = [];
	for (let at = 0; at < stream.length; at += step)
		frames.read(stream.subarray(at, at + step), (opcode, isFinal, payload) => {
			const message = opcode >= Frame.CLOSE ? { control: opcode, bytes: payload } : messages.add(opcode, isFinal, payload);
			if (message)
				told.push({ ...message, bytes: Buffer.from(message.bytes).toString('hex') });
		});
	return told;
}

test('every cut of a stream tells the same', () => {
	const long = new Uint8Array(300).fill(5);
	const stream = join([serverFrame(Frame.BINARY, Uint8Array.of(1, 2)), serverFrame(Frame.BINARY, Uint8Array.of(3), false), serverFrame(Frame.PING, Uint8Array.of(9)),
		serverFrame(Frame.CONTINUATION, new Uint8Array(0), false), serverFrame(Frame.CONTINUATION, long), serverFrame(Frame.BINARY, long), serverFrame(Frame.PONG, [])]);
	const whole = story(stream, stream.length);
	assert.deepStrictEqual(whole.map(({ bytes }) => bytes.length / 2), [2, 1, 301, 300, 0]);
	for (let step = 1; step < stream.length; step++)
		assert.deepStrictEqual(story(stream, step), whole);
});

test('our frames have a mask, and lengths in their shortest form', () => {
	for (const [size, head] of [[0, 6], [125, 6], [126, 8], [65535, 8], [65536, 14]]) {
		const frame = encodeFrame(Frame.BINARY, new Uint8Array(size).fill(0x55), Uint8Array.of(1, 2, 3, 4));
		assert.strictEqual(frame.length, head + size);
		assert.strictEqual(frame[0], 0x82);
		const found = head === 6 ? frame[1] & 0x7f : Number(Buffer.from(frame.subarray(2, head - 4)).toString('hex').replace(/^/, '0x'));
		assert.strictEqual(found, size);
		assert.ok(frame.subarray(head).every((byte, i) => (byte ^ (i & 3) + 1) === 0x55));
	}
});

test('close frames', () => {
	assert.deepStrictEqual(decodeClose(new Uint8Array(0)), { code: 1005, reason: '' });
	assert.deepStrictEqual(decodeClose(Uint8Array.of(0x0d, 0xaf, 0x68, 0x69)), { code: 3503, reason: 'hi' });
	for (const bytes of [[3], [3, 0xee], [0x03, 0xe7], [0x13, 0x88], [0x03, 0xe8, 0xff]])
		assert.throws(() => decodeClose(Uint8Array.from(bytes)), FrameError);
});

test('garbage is a FrameError, and no more of it is kept than a frame', () => {
	let state = 7, errors = 0;
	for (let i = 0; i < 20000; i++) {
		const bytes = new Uint8Array(40).map(() => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) >>> 24);
		bytes[0] = [0x82, 0x02, 0x80, 0x89, 0x88][i % 5];
		try {
			story(bytes, 1 + i % 11);
		} catch (error) {
			assert.ok(error instanceof FrameError, error);
			errors++;
		}
	}
	assert.ok(errors > 5000, `${errors} errors`);
});

test('a payload is the receiver\'s own, also of a chunk that Node cuts from a larger buffer', () => {
	const first = Buffer.alloc(65536), second = Buffer.concat([serverFrame(Frame.BINARY, Uint8Array.of(3, 4, 5)), serverFrame(Frame.PONG, [])]);
	first.set(serverFrame(Frame.BINARY, Uint8Array.of(1, 2)), 100);
	const frames = new FrameReader(BYTES_MAX), payloads = [];
	for (const chunk of [first.subarray(100, 104), second, second.subarray(0, 4), second.subarray(4)])
		frames.read(chunk, (opcode, isFinal, payload) => payloads.push(payload));
	assert.deepStrictEqual(payloads.map((payload) => [payload.constructor, payload.buffer.byteLength, ...payload]),
		[[Uint8Array, 2, 1, 2], [Uint8Array, 3, 3, 4, 5], [Uint8Array, 0], [Uint8Array, 3, 3, 4, 5], [Uint8Array, 0]]);
	payloads[0].fill(9);
	assert.deepStrictEqual([...first.subarray(102, 104)], [1, 2]);
});
