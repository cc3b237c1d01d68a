// The few parts of protobuf that the wire has. Numbers are 32 bits; what is read of 64 keeps its low half, as int32 says.

export const NO_BYTES = new Uint8Array(0);
const ENCODER = new TextEncoder();

export function encodeText(text) {
	return ENCODER.encode(text);
}

const VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5;
const VARINT_BYTES_MAX = 10, TAG_BYTES_MAX = 5;

export class WireError extends Error {}

export class Reader {
	constructor(bytes) {
		this.bytes = bytes;
		this.at = 0;
	}

	get isAtEnd() {
		return this.at >= this.bytes.length;
	}

	// The low 32 bits as an unsigned number. Reads at most ten bytes, and none beyond 64 bits.
	varint() {
		let low = 0;
		for (let i = 0; i < VARINT_BYTES_MAX; i++) {
			if (this.isAtEnd)
				throw new WireError('a varint is cut short');
			const byte = this.bytes[this.at++];
			if (i < 5)
				low = (low | (byte & 0x7f) << (7 * i)) >>> 0;
			if (i === VARINT_BYTES_MAX - 1 && byte > 1)
				break;
			if (byte < 0x80)
				return low;
		}
		throw new WireError('a varint is longer than 64 bits');
	}

	// A length: unlike varint(), a number above 32 bits is an error and not its low half.
	size() {
		const start = this.at, size = this.varint();
		const isWide = this.at - start > 5 || (this.at - start === 5 && this.bytes[this.at - 1] > 0x0f);
		if (isWide && this.bytes.subarray(start + 4, this.at).some((byte, i) => (byte & 0x7f) > (i === 0 ? 0x0f : 0)))
			throw new WireError('a length is absurd');
		return size;
	}

	int32() {
		return this.varint() | 0;
	}

	sint32() {
		const value = this.varint();
		return (value >>> 1) ^ -(value & 1);
	}

	bool() {
		const start = this.at;
		this.varint();
		return this.bytes.subarray(start, this.at).some((byte) => (byte & 0x7f) !== 0);
	}

	// A view, not a copy.
	view() {
		const size = this.size();
		if (size > this.bytes.length - this.at)
			throw new WireError('a field is longer than its message');
		this.at += size;
		return this.bytes.subarray(this.at - size, this.at);
	}

	// { number, type } of the next field
	tag() {
		const start = this.at, tag = this.size();
		if (this.at - start > TAG_BYTES_MAX || tag >>> 3 === 0)
			throw new WireError('a tag is none');
		return { number: tag >>> 3, type: tag & 7 };
	}

	skip(type) {
		if (type === VARINT)
			this.varint();
		else if (type === BYTES)
			this.view();
		else if (type === FIXED64 || type === FIXED32)
			this.at += type === FIXED64 ? 8 : 4;
		else
			throw new WireError(`wire type ${type}`);
		if (this.at > this.bytes.length)
			throw new WireError('a field is cut short');
	}
}

// Reads the fields of a message into target. fields: by number a list of [wire type, function (target, reader)]; fields that are not there, and known ones
// in a wire type that is not theirs, are skipped.
export function readFields(bytes, fields, target) {
	const reader = new Reader(bytes);
	while (!reader.isAtEnd) {
		const { number, type } = reader.tag();
		const kinds = fields.get(number);
		const kind = kinds && kinds.find(([wanted]) => wanted === type);
		if (kind)
			kind[1](target, reader);
		else
			reader.skip(type);
	}
	return target;
}

export const varintField = (take) => [[VARINT, take]];
export const bytesField = (take) => [[BYTES, take]];
// One element, or a run of them.
export const listField = (take) => [[VARINT, take], [BYTES, (target, reader) => {
	const run = new Reader(reader.view());
	while (!run.isAtEnd)
		take(target, run);
}]];

export class Writer {
	#parts = []; // numbers are bytes, arrays of bytes are themselves
	size = 0;

	#push(part) {
		this.#parts.push(part);
		this.size += typeof part === 'number' ? 1 : part.length;
	}

	// An unsigned number of at most 32 bits.
	varint(value) {
		for (; value > 0x7f; value = value >>> 7)
			this.#push((value & 0x7f) | 0x80);
		this.#push(value);
	}

	// A negative number takes ten bytes: it is extended to 64 bits.
	int32(number, value) {
		if (value === 0)
			return this;
		this.varint(number << 3 | VARINT);
		if (value > 0) {
			this.varint(value);
			return this;
		}
		for (let i = 0; i < 4; i++)
			this.#push((value >> (7 * i) & 0x7f) | 0x80);
		for (const byte of [(value >> 28 & 0x7f) | 0xf0, 0xff, 0xff, 0xff, 0xff, 0x01])
			this.#push(byte);
		return this;
	}

	sint32(number, value) {
		if (value !== 0) {
			this.varint(number << 3 | VARINT);
			this.varint((value << 1 ^ value >> 31) >>> 0);
		}
		return this;
	}

	bytes(number, value) {
		return value.length > 0 ? this.message(number, value) : this;
	}

	// Written also when it is empty: that it is there is its meaning.
	message(number, value) {
		this.varint(number << 3 | BYTES);
		this.varint(value.length);
		if (value.length > 0)
			this.#push(value);
		return this;
	}

	finish(offset = 0) {
		const out = new Uint8Array(offset + this.size);
		let at = offset;
		for (const part of this.#parts) {
			if (typeof part === 'number') {
				out[at++] = part;
			} else {
				out.set(part, at);
				at += part.length;
			}
		}
		return out;
	}
}
