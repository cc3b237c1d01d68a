'use strict';

const EMPTY = Buffer.alloc(0);

// What scripts put into a message: text, bytes as they got them, numbers, nothing. Bytes are not copied.
function payloadOf(value) {
	if (value === undefined || value === null)
		return EMPTY;
	if (typeof value === 'string')
		return Buffer.from(value, 'utf8');
	if (Buffer.isBuffer(value))
		return value;
	if (ArrayBuffer.isView(value))
		return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
	if (value instanceof ArrayBuffer || value instanceof SharedArrayBuffer || Array.isArray(value))
		return Buffer.from(value);
	if (value && value.type === 'Buffer' && Array.isArray(value.data))
		return Buffer.from(value.data);
	return Buffer.from(typeof value === 'object' ? JSON.stringify(value) || '' : String(value), 'utf8');
}

class GameMessage {
	constructor(opCode, sender, payload, reliable, targetPlayer, targetGroup) {
		this.opCode = opCode;
		this.sender = sender;
		this.payload = payload;
		this.reliable = reliable;
		this.targetPlayer = targetPlayer;
		this.targetGroup = targetGroup;
	}

	getPayloadAsText() {
		return this.payload.toString('utf8');
	}
}

module.exports = { GameMessage, payloadOf };
