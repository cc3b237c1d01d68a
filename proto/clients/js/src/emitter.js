// Events by name, with typed values. A listener that throws is reported as an uncaught error and keeps nobody else from hearing the event.
export class Emitter {
	#listeners = new Map();

	// Returns what takes the listener away again.
	on(event, listener) {
		if (typeof listener !== 'function')
			throw new TypeError('a listener is a function');
		const listeners = this.#listeners.get(event) ?? [];
		this.#listeners.set(event, [...listeners, listener]);
		return () => this.#remove(event, (added) => added === listener);
	}

	once(event, listener) {
		const call = (value) => {
			off();
			listener(value);
		};
		call.listener = listener; // by which off knows it
		const off = this.on(event, call);
		return off;
	}

	off(event, listener) {
		this.#remove(event, (added) => added === listener || added.listener === listener);
	}

	// The one added last.
	#remove(event, isWanted) {
		const listeners = this.#listeners.get(event) ?? [], at = listeners.findLastIndex(isWanted);
		if (at >= 0)
			this.#listeners.set(event, listeners.filter((_, i) => i !== at));
	}

	emit(event, value) {
		for (const listener of this.#listeners.get(event) ?? []) {
			try {
				listener(value);
			} catch (error) {
				queueMicrotask(() => { throw error; });
			}
		}
	}
}
