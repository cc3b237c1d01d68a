// What happened to fleets, and the events that a webhook did not take.
import { post } from '../api.js';
import { mayChange } from '../caller.js';
import { el } from '../dom.js';
import { count, moment } from '../format.js';
import { attempt } from '../notice.js';
import { showLists } from '../service_list.js';
import { Table } from '../table.js';

const EVENT_COLUMNS = [
	{ title: 'At', text: (event) => moment(event.at * 1000) },
	{ title: 'Fleet', text: (event) => event.fleet },
	{ title: 'Event', text: (event) => event.code },
	{ title: 'Times', isNumber: true, text: (event) => count(event.count) },
	{ title: 'Message', isWide: true, text: (event) => event.message },
];

const LETTER_COLUMNS = [
	{ title: 'Refused', text: (letter) => moment(letter.failed_at * 1000) },
	{ title: 'Webhook', text: (letter) => letter.url },
	{ title: 'Event', text: (letter) => letter.type },
	{ title: 'About', text: (letter) => letter.resource },
	{ title: 'Error', isWide: true, text: (letter) => letter.error },
];

export function showEvents(place) {
	showLists(place, [
		['events', new Table({ caption: 'Events of fleets', columns: EVENT_COLUMNS, key: (event) => `${event.fleet} ${event.code} ${event.at} ${event.message}`, empty: 'Nothing has happened yet.' })],
		['letters', new Table({ caption: 'Dead letters: events that a webhook did not take', columns: LETTER_COLUMNS, key: (letter) => letter.id, empty: 'No dead letter.' })],
	]);
	if (mayChange())
		place.put(el('p', { class: 'buttons' }, el('button', { type: 'button', onclick: () => attempt(() => post('/v1/service/letters/resend'),
			(answer) => `${count(answer.count)} are on their way.`) }, 'Send the dead letters again')));
}
