// WebSocket frames of a server (RFC 6455), where no browser reads them for us.

export const Frame = Object.freeze({ CONTINUATION: 0, TEXT: 1, BINARY: 2, CLOSE: 8, PING: 9, PONG: 10 });
const KNOWN = new Set(Object.values(Frame));
const CONTROL_BYTES_MAX = 125, MASK_BYTES = 4;
const PROTOCOL = 1002, BAD_UTF8 = 1007, TOO_BIG = 1009;

// What the server did wrong; code is what to close with.
export class FrameError extends Error {
	constructor(code) {
		super('the server broke the WebSocket protocol');
		this.code = code;
	}
}

function check(isGood, code = PROTOCOL) {
	if (!isGood)
		throw new FrameError(code);
}

export function decodeUtf8(bytes) {
	try {
		return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
	} catch {
		throw new FrameError(BAD_UTF8);
	}
}

// One frame with a mask, as clients must send it.
export function encodeFrame(opcode, payload, mask) {
	const lengthBytes = payload.length < 126 ? 0 : payload.length < 65536 ? 2 : 8;
	const out = new Uint8Array(2 + lengthBytes + MASK_BYTES + payload.length), start = 2 + lengthBytes + MASK_BYTES;
	out[0] = 0x80 | opcode;
	out[1] = 0x80 | (lengthBytes === 0 ? payload.length : lengthBytes === 2 ? 126 : 127);
	for (let i = 0, left = payload.length; i < lengthBytes; i++, left = Math.floor(left / 256))
		out[1 + lengthBytes - i] = left & 0xff;
	out.set(mask, start - MASK_BYTES);
	for (let i = 0; i < payload.length; i++)
		out[start + i] = payload[i] ^ mask[i & 3];
	return out;
}

// Codes that may travel: 1004 to 1006 and 1015 may not, 1016 to 2999 are nobody's.
function isLegalCode(code) {
	return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

// { code, reason } of a close frame.
export function decodeClose(payload) {
	if (payload.length === 0)
		return { code: 1005, reason: '' };
	check(payload.length >= 2);
	const code = payload[0] << 8 | payload[1];
	check(isLegalCode(code));
	return { code, reason: decodeUtf8(payload.subarray(2)) };
}

// What the first two bytes alone can show to be wrong.
function checkStart(first, second) {
	const opcode = first & 0x0f, isControl = opcode >= Frame.CLOSE;
	check((first & 0x70) === 0 && KNOWN.has(opcode) && (second & 0x80) === 0);
	check(!isControl || ((first & 0x80) !== 0 && (second & 0x7f) <= CONTROL_BYTES_MAX));
}

// Lengths stand in their shortest form. An absurd one is refused before its bytes are awaited.
function readLength(bytes, at, lengthBytes, payloadBytesMax) {
	let size = 0;
	for (let i = 0; i < lengthBytes; i++)
		size = size * 256 + bytes[at + i];
	check(lengthBytes !== 2 || size > 125);
	check(lengthBytes !== 8 || (size > 65535 && bytes[at] < 0x80));
	check(size <= payloadBytesMax, TOO_BIG);
	return size;
}

// Bytes in, frames out. Keeps less than one frame.
export class FrameReader {
	#kept = new Uint8Array(0);
	#payloadBytesMax;

	constructor(payloadBytesMax) {
		this.#payloadBytesMax = payloadBytesMax;
	}

	// Gives each whole frame to take(opcode, isFinal, payload); the payload is the receiver's own. Throws FrameError. take returns false to stop.
	read(chunk, take) {
		let bytes = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length), at = 0; // a Buffer's slice would be no copy
		if (this.#kept.length > 0) {
			bytes = new Uint8Array(this.#kept.length + chunk.length);
			bytes.set(this.#kept);
			bytes.set(chunk, this.#kept.length);
		}
		for (let frame; (frame = this.#frameAt(bytes, at)); at = frame.end) {
			if (take(frame.opcode, frame.isFinal, bytes.slice(frame.start, frame.end)) === false)
				return;
		}
		this.#kept = bytes.slice(at);
	}

	#frameAt(bytes, at) {
		const left = bytes.length - at;
		if (left > 0)
			checkStart(bytes[at], left > 1 ? bytes[at + 1] : 0);
		if (left < 2)
			return null;
		const short = bytes[at + 1] & 0x7f, lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
		if (left < 2 + lengthBytes)
			return null;
		const size = lengthBytes === 0 ? short : readLength(bytes, at + 2, lengthBytes, this.#payloadBytesMax), start = at + 2 + lengthBytes;
		if (bytes.length - start < size)
			return null;
		return { opcode: bytes[at] & 0x0f, isFinal: (bytes[at] & 0x80) !== 0, start, end: start + size };
	}
}

// Frames in, whole messages out, of a bounded size however many pieces they come in.
export class MessageReader {
	#bytesMax;
	#opcode = Frame.CONTINUATION; // of the message that is not whole
	#pieces = [];
	#bytes = 0;

	constructor(bytesMax) {
		this.#bytesMax = bytesMax;
	}

	// The message if the frame ends one: { isText, bytes }; else null.
	add(opcode, isFinal, payload) {
		check((this.#opcode === Frame.CONTINUATION) === (opcode !== Frame.CONTINUATION));
		this.#bytes += payload.length;
		check(this.#bytes <= this.#bytesMax, TOO_BIG);
		if (opcode !== Frame.CONTINUATION)
			this.#opcode = opcode;
		if (payload.length > 0)
			this.#pieces.push(payload);
		return isFinal ? this.#finish() : null;
	}

	#finish() {
		const message = { isText: this.#opcode === Frame.TEXT, bytes: this.#pieces.length === 1 ? this.#pieces[0] : new Uint8Array(this.#bytes) };
		let at = 0;
		for (const piece of this.#pieces.length === 1 ? [] : this.#pieces) {
			message.bytes.set(piece, at);
			at += piece.length;
		}
		this.#opcode = Frame.CONTINUATION;
		this.#pieces = [];
		this.#bytes = 0;
		if (message.isText)
			decodeUtf8(message.bytes);
		return message;
	}
}
