// Matchmaking tickets, and why they wait.
import { get } from '../api.js';
import { el } from '../dom.js';
import { Facts } from '../facts.js';
import { count, duration } from '../format.js';
import { tellError } from '../notice.js';
import { showLists } from '../service_list.js';
import { Table } from '../table.js';

function explanation(out, ticket) {
	const facts = new Facts(), held = (rules, what) => (rules ?? []).map((one) => `${one.rule} (${count(one[what])})`).join(', ') || 'none';
	facts.update([
		['State', ticket.state],
		['Configuration', ticket.configuration],
		['Waited', duration(ticket.waitedSeconds ?? 0)],
		['Next expansion', ticket.nextExpansionSeconds === undefined ? 'none' : `in ${duration(ticket.nextExpansionSeconds)}`],
		['Others waiting', `${count(ticket.othersWaiting)}, ${count(ticket.othersThatFit)} fit`],
		['Players', `${count(ticket.playersThatFit)} fit, ${count(ticket.playersNeeded)} needed`],
		['Held back by rules', held(ticket.heldBackBy, 'others')],
		['Lineups refused by rules', held(ticket.lineupsRefusedBy, 'lineups')],
	]);
	out.hidden = false;
	out.replaceChildren(el('h2', { tabindex: '-1' }, `Ticket ${ticket.ticket}`), el('p', {}, ticket.answer ?? ''), facts.element);
	out.firstChild.focus();
}

export function showTickets(place) {
	const out = el('section', { hidden: true, 'aria-label': 'Why it waits' });
	const explain = async (row) => {
		try {
			explanation(out, await get(`/v1/service/tickets/${encodeURIComponent(row.id)}`));
		} catch (error) {
			tellError(error);
		}
	};
	const columns = [
		{ title: 'Ticket', text: (row) => row.id },
		{ title: 'Configuration', text: (row) => row.configuration },
		{ title: 'State', text: (row) => row.state },
		{ title: 'Players', isNumber: true, text: (row) => count(row.players) },
		{ title: 'Waited', isNumber: true, text: (row) => (row.waited_seconds === undefined ? '–' : duration(row.waited_seconds)) },
		{ title: 'Why it waits', isWide: true, text: (row) => row.waiting_because ?? (row.is_explained === false ? 'not looked into: Explain says it' : '–') },
		{ title: 'More', text: () => 'Explain', act: explain, label: (row) => `Explain ${row.id}` },
	];
	showLists(place, [['tickets', new Table({ caption: 'Tickets', columns, key: (row) => row.id, empty: 'No ticket waits.' })]], (rows) => rows);
	place.put(out);
}
