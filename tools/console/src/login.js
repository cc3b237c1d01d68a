// The form that asks for a token.
import { keepToken } from './api.js';
import { el } from './dom.js';
import { field, form } from './field.js';

export function showLogin(start, problem) {
	const token = field('Token', { type: 'password', required: true });
	const enter = () => {
		keepToken(token.input.value.trim());
		start();
	};
	document.title = 'Log in – Ringcast console';
	document.body.replaceChildren(el('main', { id: 'main', class: 'login' }, el('h1', {}, 'Ringcast console'),
		el('p', {}, 'Log in with a token of this daemon’s ', el('code', {}, 'admin.tokens'), '. It is kept in this tab until you close it.'),
		problem ? el('p', { class: 'failed', role: 'alert' }, problem) : null,
		form('Log in', enter, token.element, el('p', { class: 'buttons' }, el('button', {}, 'Log in')))));
	token.input.focus();
}
