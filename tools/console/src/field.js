// Fields of forms with their labels.
import { el, newId } from './dom.js';

export function field(label, attributes = {}) {
	const input = el('input', { id: newId('field'), autocomplete: 'off', spellcheck: 'false', ...attributes });
	return { input, element: el('p', { class: 'field' }, el('label', { for: input.id }, label), input) };
}

// choices: [[value, text]]
export function choice(label, choices, attributes = {}) {
	const input = el('select', { id: newId('field'), ...attributes }, choices.map(([value, text]) => el('option', { value }, text)));
	return { input, element: el('p', { class: 'field' }, el('label', { for: input.id }, label), input) };
}

export function textArea(label, attributes = {}) {
	const input = el('textarea', { id: newId('field'), spellcheck: 'false', rows: '4', ...attributes });
	return { input, element: el('p', { class: 'field' }, el('label', { for: input.id }, label), input) };
}

export function form(label, onsubmit, ...children) {
	return el('form', { 'aria-label': label, onsubmit: (event) => {
		event.preventDefault();
		onsubmit();
	} }, children);
}
