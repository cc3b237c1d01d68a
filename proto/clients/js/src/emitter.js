// Events by name, with typed values. A listener that throws is reported as an uncaught error and keeps nobody else from hearing the event.
export class Emitter {
	#listeners = new Map();

	// Returns what takes the listener away again.
	on(event, listener) {
		if (typeof listener !== 'function')
			throw new TypeError('a listener is a function');
		const listeners = this.#listeners.get(event) ?? [];
		this.#listeners.set(event, [...listeners, listener]);
		return () => this.off(event, listener);
	}

	once(event, listener) {
		const off = this.on(event, (value) => {
			off();
			listener(value);
		});
		return off;
	}

	off(event, listener) {
		const listeners = this.#listeners.get(event) ?? [], at = listeners.lastIndexOf(listener);
		if (at >= 0)
			this.#listeners.set(event, listeners.toSpliced?.(at, 1) ?? listeners.filter((_, i) => i !== at));
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
