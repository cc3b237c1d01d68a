// Why connections ended.
import { getIfThere, getText } from '../api.js';
import { el } from '../dom.js';
import { count, moment } from '../format.js';
import { parseMetrics, sumBy } from '../metrics.js';
import { Table } from '../table.js';
import { sessionHref } from './sessions.js';

const REFRESH_MS = 3000;

function countsOf(metrics) {
	return [...sumBy(metrics, 'ringcast_closes_total', 'reason')].filter(([, value]) => value > 0).map(([reason, value]) => ({ reason, value }))
		.sort((a, b) => b.value - a.value);
}

function recentTable() {
	return new Table({ caption: 'The last ones', key: (end) => end.number ?? `${end.at} ${end.session_id} ${end.peer_id}`, empty: 'Nobody has left yet.', columns: [
		{ title: 'At', text: (end) => moment(end.at) },
		{ title: 'Reason', text: (end) => end.reason },
		{ title: 'Player', text: (end) => end.player_id || (end.peer_id ? `peer ${end.peer_id}` : '–') },
		{ title: 'Session', text: (end) => end.session_id || '–', href: (end) => (end.session_id ? sessionHref(end.session_id) : '#/sessions') },
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
		const [metrics, ends] = await Promise.all([getText('/metrics', place.signal), getIfThere('/v1/disconnects', place.signal)]);
		counts.update(countsOf(parseMetrics(metrics)));
		recent.element.hidden = ends === null;
		recent.update(ends?.recent ?? []);
	});
}
