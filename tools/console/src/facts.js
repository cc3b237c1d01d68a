// Names and values, side by side.
import { el, setText } from './dom.js';

export class Facts {
	#values = new Map();
	element = el('dl', { class: 'facts' });

	// pairs: [[name, text, href]]
	update(pairs) {
		for (const [name, text, href] of pairs) {
			if (!this.#values.has(name)) {
				const value = href ? el('a') : el('span');
				this.#values.set(name, value);
				this.element.append(el('div', {}, el('dt', {}, name), el('dd', {}, value)));
			}
			const value = this.#values.get(name);
			setText(value, String(text));
			if (href && value.getAttribute('href') !== href)
				value.setAttribute('href', href);
		}
	}
}
