// Lists of the service, page by page, and the words for one that is off.
import { getIfThere } from './api.js';
import { el } from './dom.js';

const PAGES_MAX = 20, REFRESH_MS = 3000;

// All rows of a list, or null where the service is off.
async function allOf(name, signal) {
	const rows = [];
	for (let page = 0, after = ''; page < PAGES_MAX; page++) {
		const answer = await getIfThere(`/v1/service/${name}${after && `?after=${encodeURIComponent(after)}`}`, signal);
		if (answer === null)
			return null;
		rows.push(...answer[name]);
		if (!answer.next)
			break;
		after = answer.next;
	}
	return rows;
}

// tables: [[name of the list, table]]. sorted: what is done to the rows before they are shown.
export function showLists(place, tables, sorted = (rows) => rows) {
	const off = el('p', { class: 'empty', hidden: true }, 'The service is off: service.address says where it listens.');
	place.put(off, tables.map(([, table]) => table.element));
	place.every(REFRESH_MS, async () => {
		for (const [name, table] of tables) {
			const rows = await allOf(name, place.signal);
			off.hidden = rows !== null;
			table.element.hidden = rows === null;
			table.update(sorted(rows ?? []));
		}
	});
}
