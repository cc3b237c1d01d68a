'use strict';
// What a script asks the service: each question has a number, under which its answer comes back to the callback that was given with it.

const WHAT = 'the callback of a backfill';
const NEWS = 0, LAST_MAX = 0xffffffff; // the number under which comes what was not asked for at that moment; the largest number
const ENDINGS_MAX = 16;

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
		this.endings = new Map(); // by ticket, of searches that go on as far as is known; the latest last
		this.last = 0;
	}

	// The number.
	add(callback, ended) {
		this.last = this.last === LAST_MAX ? NEWS + 1 : this.last + 1;
		this.callbacks.set(this.last, { callback, ended });
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

	// A session has one search at a time. Of some the end is never told, and those are not kept for ever.
	awaitEnd(ticketId, ended) {
		this.endings.delete(ticketId);
		this.endings.set(ticketId, ended);
		if (this.endings.size > ENDINGS_MAX)
			this.endings.delete(this.endings.keys().next().value);
	}

	// What has become of a ticket.
	hear({ TicketId: ticketId, Status: status }) {
		const ended = this.endings.get(ticketId);
		if (this.endings.delete(ticketId))
			this.call(ended, ticketId, status);
	}

	answer(number, json) {
		const said = read(json), asked = this.callbacks.get(number);
		if (number === NEWS)
			this.hear(said);
		if (!this.callbacks.delete(number))
			return;
		const { Error: name, Message: message, TicketId: ticketId } = said;
		if (name === undefined && typeof asked.ended === 'function')
			this.awaitEnd(ticketId, asked.ended);
		if (name === undefined)
			this.call(asked.callback, null, ticketId);
		else
			this.call(asked.callback, failure(name, message));
	}
}

module.exports = { Questions };
