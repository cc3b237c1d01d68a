// Who changed what, through the admin API (this console among it) and the service's.
import { get } from '../api.js';
import { el, setText } from '../dom.js';
import { count, moment } from '../format.js';
import { Table } from '../table.js';

const REFRESH_MS = 3000, SHOWN_MAX = 500;

const COLUMNS = [
	{ title: 'At', text: (entry) => moment(entry.at) },
	{ title: 'Who', text: (entry) => [entry.who || 'anybody', entry.role && `(${entry.role})`].filter(Boolean).join(' ') },
	{ title: 'API', text: (entry) => entry.surface },
	{ title: 'What', text: (entry) => entry.what },
	{ title: 'About', isWide: true, text: (entry) => entry.object || '–' },
	{ title: 'Answer', text: (entry) => entry.answer },
	{ title: 'From', text: (entry) => entry.address || '–' },
];

export function showAudit(place) {
	const table = new Table({ caption: 'Changes, the newest first', columns: COLUMNS, key: (entry) => entry.number, empty: 'Nothing was changed yet.' }), note = el('p', { class: 'note' });
	place.put(note, table.element);
	place.every(REFRESH_MS, async () => {
		const { entries, total } = await get(`/v1/audit?limit=${SHOWN_MAX}`, place.signal);
		table.update(entries);
		setText(note, `${count(entries.length)} of ${count(total)} since the start; all of them are in the log.`);
	});
}
