// Why connections ended.
import { get } from '../api.js';
import { el } from '../dom.js';
import { count, moment } from '../format.js';
import { Table } from '../table.js';
import { sessionHref } from './sessions.js';

const REFRESH_MS = 3000;

function recentTable() {
	return new Table({ caption: 'The last ones', key: (end) => `${end.shard} ${end.number}`, empty: 'Nobody has left yet.', columns: [
		{ title: 'At', text: (end) => moment(end.at) },
		{ title: 'Reason', text: (end) => `${end.reason}${end.is_by_api ? ', asked for' : ''}` },
		{ title: 'Close code', isNumber: true, text: (end) => end.close_code || '–' },
		{ title: 'Player', text: (end) => end.player_id || (end.peer_id ? `peer ${end.peer_id}` : '–') },
		{ title: 'Session', text: (end) => end.session_id || '–', href: (end) => (end.session_id ? sessionHref(end.session_id) : null) },
		{ title: 'Address', text: (end) => end.address || '–' },
	] });
}

export function showDisconnects(place) {
	const counts = new Table({ caption: 'Connections that ended, by reason', key: (row) => row.reason, empty: 'No connection has ended yet.', columns: [
		{ title: 'Reason', text: (row) => row.reason },
		{ title: 'Connections', isNumber: true, text: (row) => count(row.value) },
	] });
	const recent = recentTable();
	place.put(el('p', { class: 'note' }, 'Since the daemon was started.'), counts.element, recent.element);
	place.every(REFRESH_MS, async () => {
		const ends = await get('/v1/disconnects?limit=200', place.signal);
		counts.update(Object.entries(ends.counts).map(([reason, value]) => ({ reason, value })).filter(({ value }) => value > 0).sort((a, b) => b.value - a.value));
		recent.update(ends.recent);
	});
}
