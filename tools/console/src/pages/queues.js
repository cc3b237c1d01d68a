// Queues of the service, and what their placements wait for.
import { count, duration } from '../format.js';
import { showLists } from '../service_list.js';
import { Table } from '../table.js';

const COLUMNS = [
	{ title: 'Name', text: (queue) => queue.name },
	{ title: 'Placements that wait', isNumber: true, text: (queue) => count(queue.depth) },
	{ title: 'They give up after', isNumber: true, text: (queue) => (queue.timeout_seconds ? duration(queue.timeout_seconds) : '–') },
	{ title: 'Destinations', isWide: true, text: (queue) => queue.destinations.join(', ') },
	{ title: 'What keeps it', isWide: true, text: (queue) => queue.waiting_because ?? 'nothing' },
];

export function showQueues(place) {
	showLists(place, [['queues', new Table({ caption: 'Queues', columns: COLUMNS, key: (queue) => queue.name, empty: 'No queue.' })]]);
}
