// A call that was refused. code: 'argument', 'size', 'state' (not connected, or connected already) or 'full' (the send queue is at its bound).
export class RingcastError extends Error {
	constructor(code, message) {
		super(message);
		this.name = 'RingcastError';
		this.code = code;
	}
}

// A connection that ended before the login succeeded; what connect() rejects with.
export class DisconnectedError extends Error {
	constructor(end) {
		super(end.reason ? `${end.reason} (${end.code} ${end.name})` : `disconnected (${end.code} ${end.name})`);
		this.name = 'DisconnectedError';
		this.end = end;
	}
}
