// All sessions: search, create, end.
import { get, post, remove } from '../api.js';
import { mayChange } from '../caller.js';
import { confirm } from '../dialog.js';
import { el, setText } from '../dom.js';
import { choice, field, form, textArea } from '../field.js';
import { count, duration, shortId } from '../format.js';
import { attempt, goTo } from '../notice.js';
import { Table } from '../table.js';

const REFRESH_MS = 2000, PAGE_SESSIONS = 200;

export const sessionPath = (id) => `/v1/sessions/${encodeURIComponent(id)}`;
export const sessionHref = (id) => `#/sessions/${encodeURIComponent(id)}`;

export async function endSession(session) {
	const sure = await confirm({ title: 'End this session?', yes: 'End it',
		text: `${session.name || session.id} ends, and its ${session.player_count} players are disconnected.` });
	return sure && attempt(() => remove(sessionPath(session.id)), 'The session ends.');
}

function columns() {
	const all = [
		{ title: 'Name', text: (session) => session.name || 'unnamed', href: (session) => sessionHref(session.id) },
		{ title: 'Id', text: (session) => shortId(session.id) },
		{ title: 'State', text: (session) => session.state },
		{ title: 'Players', isNumber: true, text: (session) => `${count(session.player_count)} of ${count(session.players_max)}` },
		{ title: 'Script', text: (session) => (session.script ? `${session.script} ${session.script_version}` : '–') },
		{ title: 'Shard', isNumber: true, text: (session) => session.shard },
		{ title: 'Deliveries', isNumber: true, text: (session) => count(session.deliveries) },
		{ title: 'Drops', isNumber: true, text: (session) => count(session.drops) },
		{ title: 'Age', isNumber: true, text: (session) => duration(session.age_seconds) },
	];
	if (mayChange())
		all.push({ title: 'Change', text: () => 'End', act: endSession, label: (session) => `End ${session.name || session.id}` });
	return all;
}

async function createForm(place) {
	const { scripts } = await get('/v1/scripts', place.signal);
	const name = field('Name', { maxlength: 127 }), players = field('Players at most', { type: 'number', min: 1, placeholder: '32' });
	const script = choice('Script', [['', 'none'], ...scripts.map((one) => [one.name, one.name])]);
	const properties = textArea('Properties (text or JSON)', { rows: 2 });
	const submit = () => attempt(() => post('/v1/sessions', { name: name.input.value || undefined, players_max: Number(players.input.value) || undefined,
		script: script.input.value || undefined, properties: properties.input.value || undefined }), (session) => {
		goTo(sessionHref(session.id));
		return 'The session was created.';
	});
	return el('details', {}, el('summary', {}, 'Create a session'), form('Create a session', submit, name.element, players.element, script.element,
		properties.element, el('p', { class: 'buttons' }, el('button', {}, 'Create'))));
}

function matches(session, text) {
	return [session.id, session.name, session.script].some((value) => value.toLowerCase().includes(text));
}

export async function showSessions(place) {
	const search = field('Search by name, id or script', { type: 'search' }), total = el('p', { class: 'note' });
	const table = new Table({ caption: 'Sessions', columns: columns(), key: (session) => session.id, empty: 'No session.' });
	let known = [], all = 0;
	const show = () => {
		const text = search.input.value.trim().toLowerCase(), shown = known.filter((session) => matches(session, text));
		table.update(shown.slice(0, PAGE_SESSIONS));
		setText(total, `${count(Math.min(shown.length, PAGE_SESSIONS))} of ${count(all)} shown${all > known.length ? `; searched are the first ${count(known.length)}` : ''}.`);
	};
	search.input.addEventListener('input', show);
	place.put(form('Search', show, search.element));
	if (mayChange())
		await place.once(async () => place.put(await createForm(place)));
	place.put(total, table.element);
	place.every(REFRESH_MS, async () => {
		({ sessions: known, total: all } = await get('/v1/sessions?limit=1000', place.signal));
		show();
	});
}
