// What an operator asks of the daemon as a whole.
import { post, remove } from '../api.js';
import { confirm } from '../dialog.js';
import { el } from '../dom.js';
import { attempt } from '../notice.js';

async function drain() {
	const sure = await confirm({ title: 'Take no new players?', text: 'New sessions, reservations and logins are refused until this is taken back. Who plays goes on.', yes: 'Drain' });
	return sure && attempt(() => post('/v1/drain', {}), 'No new players are taken.');
}

function reloadText({ changed, needs_restart: waits }) {
	return `Changed: ${changed.join(', ') || 'nothing'}.${waits.length > 0 ? ` Waits for a restart: ${waits.join(', ')}.` : ''}`;
}

export function operationButtons() {
	return el('p', { class: 'buttons' },
		el('button', { type: 'button', onclick: () => attempt(() => post('/v1/reload'), reloadText) }, 'Reload the configuration'),
		el('button', { type: 'button', onclick: drain }, 'Drain'),
		el('button', { type: 'button', onclick: () => attempt(() => remove('/v1/drain'), 'New players are taken again.') }, 'Take players again'));
}
