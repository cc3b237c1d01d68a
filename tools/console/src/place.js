// Where a page stands, from the moment somebody goes there until they leave.
import { el } from './dom.js';

export class Place {
	#leaving = new AbortController();
	#failure = el('p', { class: 'failed', role: 'alert', hidden: true });
	#heading;
	element;

	constructor(parameters, title) {
		this.parameters = parameters;
		this.#heading = el('h1', { tabindex: '-1' }, title);
		this.element = el('main', { id: 'main' }, this.#heading, this.#failure);
	}

	get signal() {
		return this.#leaving.signal;
	}

	get hasLeft() {
		return this.#leaving.signal.aborted;
	}

	put(...children) {
		this.element.append(...children.flat(Infinity));
	}

	rename(title) {
		if (this.#heading.textContent !== title)
			this.#heading.textContent = title;
	}

	focus() {
		this.#heading.focus();
	}

	onLeave(action) {
		this.signal.addEventListener('abort', action);
	}

	leave() {
		this.#leaving.abort();
	}

	fail(error) {
		if (!this.hasLeft) {
			this.#failure.textContent = error.message;
			this.#failure.hidden = false;
		}
	}

	// Once, and what goes wrong stands above the page.
	async once(action) {
		try {
			await action();
			if (!this.hasLeft)
				this.#failure.hidden = true;
		} catch (error) {
			this.fail(error);
		}
	}

	// Now and again, as long as somebody is here and the tab is seen.
	async every(intervalMs, action) {
		while (!this.hasLeft) {
			if (!document.hidden)
				await this.once(action);
			await new Promise((resolve) => setTimeout(resolve, intervalMs));
		}
	}
}
