'use strict';
// What a session begins with and is too long for its OPEN comes behind it in pieces, in order, and between other events of the session. Put together here.
const { FLAG_MORE, HEAD_BYTES, PIECED_BYTES_MAX, PIECES } = require('./frame');

const HEAD = HEAD_BYTES + 12; // what, total, offset

class Pieces {
	constructor() {
		this.texts = {}; // by name of the field of OPEN
		this.bytes = null; // the text that is coming in
		this.what = -1; // its number, or that of the last one
		this.at = 0;
		this.isWhole = false;
		this.whole = new Promise((resolve) => { this.resolve = resolve; });
	}

	// A PIECE of buffer. An engine that breaks the order is not to be trusted with the rest.
	add(buffer, offset, end) {
		const what = buffer.readUInt32LE(offset + HEAD_BYTES);
		const total = buffer.readUInt32LE(offset + HEAD_BYTES + 4);
		const from = buffer.readUInt32LE(offset + HEAD_BYTES + 8);
		const size = end - offset - HEAD;
		if (this.bytes === null)
			this.begin(what, total);
		if (this.isWhole || what !== this.what || total !== this.bytes.length || from !== this.at || size <= 0 || size > total - from)
			throw new RangeError(`piece ${what}, bytes ${from} to ${from + size} of ${total}, is not the next one`);
		buffer.copy(this.bytes, from, offset + HEAD, end);
		this.at += size;
		this.isWhole = (buffer[offset + 5] & FLAG_MORE) === 0;
		if (this.at === total)
			this.finish();
		else if (this.isWhole)
			throw new RangeError(`the last piece of ${PIECES[what]} leaves ${total - this.at} bytes out`);
		if (this.isWhole)
			this.resolve(this.texts);
	}

	begin(what, total) {
		if (what <= this.what || what >= PIECES.length || total > PIECED_BYTES_MAX)
			throw new RangeError(`piece ${what} of ${total} bytes`);
		this.what = what;
		this.at = 0;
		this.bytes = Buffer.allocUnsafeSlow(total);
	}

	finish() {
		this.texts[PIECES[this.what]] = this.bytes.toString('utf8');
		this.bytes = null;
	}
}

module.exports = { Pieces };
