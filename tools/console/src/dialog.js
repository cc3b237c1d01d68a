// A question before something that is not undone.
import { el, newId } from './dom.js';

// Resolves with the fields' values by name, or null. fields: [{ name, label, value }]
export function confirm({ title, text, yes, fields = [] }) {
	return new Promise((resolve) => {
		const id = newId('dialog'), inputs = new Map();
		const rows = fields.map(({ name, label, value = '' }) => {
			const input = el('input', { id: newId('field'), value });
			inputs.set(name, input);
			return el('p', { class: 'field' }, el('label', { for: input.id }, label), input);
		});
		const end = (result) => {
			dialog.close();
			dialog.remove();
			resolve(result);
		};
		const accept = (event) => {
			event.preventDefault();
			end(Object.fromEntries([...inputs].map(([name, input]) => [name, input.value])));
		};
		const dialog = el('dialog', { 'aria-labelledby': id, oncancel: () => end(null) },
			el('form', { onsubmit: accept }, el('h2', { id }, title), el('p', {}, text), rows,
				el('p', { class: 'buttons' }, el('button', { type: 'button', onclick: () => end(null) }, 'Cancel'), el('button', { class: 'danger' }, yes))));
		document.body.append(dialog);
		dialog.showModal();
	});
}
