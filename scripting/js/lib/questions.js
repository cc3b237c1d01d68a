'use strict';
// What a script asks the service: each question has a number, under which its answer comes back to the callback that was given with it.

const WHAT = 'the callback of a backfill';

// As SDKs make their errors: the name is the API's word for it.
function failure(name, message) {
	return Object.assign(new Error(message), { name });
}

function read(json) {
	try {
		return Object(JSON.parse(json));
	} catch {
		return { Error: 'InternalServiceException', Message: 'the answer is no JSON' };
	}
}

class Questions {
	// failed(what, error) hears of a callback that throws, or rejects later.
	constructor(failed) {
		this.failed = failed;
		this.callbacks = new Map();
		this.last = 0;
	}

	// The number.
	add(callback) {
		this.last = (this.last + 1) >>> 0;
		this.callbacks.set(this.last, callback);
		return this.last;
	}

	call(callback, ...args) {
		try {
			const result = callback(...args);
			if (result !== null && typeof result === 'object' && typeof result.then === 'function')
				result.then(undefined, (error) => this.failed(WHAT, error));
		} catch (error) {
			this.failed(WHAT, error);
		}
	}

	// Not asked at all; as an answer, it comes later.
	refuse(callback, name, message) {
		setImmediate(() => this.call(callback, failure(name, message)));
	}

	answer(number, json) {
		const callback = this.callbacks.get(number);
		if (!this.callbacks.delete(number))
			return;
		const { Error: name, Message: message, TicketId: ticketId } = read(json);
		if (name === undefined)
			this.call(callback, null, ticketId);
		else
			this.call(callback, failure(name, message));
	}
}

module.exports = { Questions };
