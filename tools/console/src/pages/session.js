// One session: what it is, who plays, their groups, what its script said, and what is sent in it.
import { ApiError, get, getIfThere, post } from '../api.js';
import { mayChange } from '../caller.js';
import { el, setText } from '../dom.js';
import { Facts } from '../facts.js';
import { choice, field, form, textArea } from '../field.js';
import { bytes, count, duration, moment } from '../format.js';
import { attempt } from '../notice.js';
import { Table } from '../table.js';
import { Tap } from '../tap.js';
import { reserve } from './player.js';
import { playerColumns } from './players.js';
import { endSession, sessionPath } from './sessions.js';

const REFRESH_MS = 2000, MEMBERS_SHOWN = 20;

function factsOf(session) {
	return [
		['State', session.state],
		['Name', session.name || 'unnamed'],
		['Players', `${count(session.player_count)} of ${count(session.players_max)}, ${count(session.reserved_count)} reserved`],
		['Script', session.script || 'none', session.script ? `#/scripts/${encodeURIComponent(session.script)}` : '#/scripts'],
		['Script version', session.script_version || '–'],
		['Memory of the script', bytes(session.script_bytes)],
		['Shard', session.shard],
		['Created', `${moment(session.created_at)}, ${duration(session.age_seconds)} ago`],
		['Messages received', count(session.messages_received)],
		['Deliveries', count(session.deliveries)],
		['Drops', count(session.drops)],
		['Groups', count(session.group_count)],
	];
}

function groupsTable() {
	return new Table({ caption: 'Groups', empty: 'No group has members.', key: (group) => group.id, columns: [
		{ title: 'Group', isNumber: true, text: (group) => group.id },
		{ title: 'Members', isNumber: true, text: (group) => count(group.member_count) },
		{ title: 'Who', isWide: true, text: (group) => `${group.members.slice(0, MEMBERS_SHOWN).join(', ')}${group.member_count > MEMBERS_SHOWN ? ', …' : ''}` },
	] });
}

class Log {
	#lines = el('pre', { tabindex: '0', role: 'region', 'aria-label': 'Lines of the script' });
	#note = el('p', { class: 'note' });
	element = el('section', { 'aria-label': 'Script log' }, el('h2', {}, 'Script log'), this.#note, this.#lines);

	update(log) {
		const lines = log.lines.map((line) => `${moment(line.at)} ${line.level.padEnd(5)} ${line.text}`);
		const isAtEnd = this.#lines.scrollHeight - this.#lines.scrollTop - this.#lines.clientHeight < 8;
		setText(this.#lines, lines.join('\n'));
		this.#lines.hidden = lines.length === 0;
		setText(this.#note, lines.length === 0 ? 'The script has said nothing.' : log.lost_count > 0 ? `${count(log.lost_count)} older lines are gone.` : '');
		if (isAtEnd)
			this.#lines.scrollTop = this.#lines.scrollHeight;
	}
}

function reserveForm(path, refresh) {
	const player = field('Player id', { maxlength: 1023 }), data = field('Player data'), token = el('p', { class: 'note', role: 'status' });
	const submit = () => attempt(async () => {
		const reservation = await reserve(path, player.input.value, data.input.value);
		token.replaceChildren('Token, shown this once: ', el('code', {}, reservation.token));
		await refresh();
		return reservation;
	}, (reservation) => `A place is reserved for ${Math.round(reservation.login_within_ms / 1000)} seconds.`);
	return el('details', {}, el('summary', {}, 'Reserve a place'), form('Reserve a place', submit, player.element, data.element,
		el('p', { class: 'buttons' }, el('button', {}, 'Reserve'))), token);
}

function messageForm(path) {
	const opCode = field('Op code', { type: 'number', min: 0, value: 1 }), payload = textArea('Payload', { rows: 2 });
	const to = choice('To', [['', 'the script'], ['player', 'a player']]), peer = field('Peer id', { type: 'number', min: 0 });
	const submit = () => attempt(() => post(`${path}/messages`, { opcode: Number(opCode.input.value), payload: payload.input.value,
		peer_id: to.input.value ? Number(peer.input.value) : undefined }), (sent) => `Sent, ${bytes(sent.bytes)}.`);
	return el('details', {}, el('summary', {}, 'Send a message'), form('Send a message', submit, to.element, peer.element, opCode.element, payload.element,
		el('p', { class: 'buttons' }, el('button', {}, 'Send'))));
}

function changes(place, path, session, refresh) {
	const end = el('p', { class: 'buttons' }, el('button', { type: 'button', class: 'danger', onclick: () => endSession(session()) }, 'End this session'),
		el('a', { class: 'button', href: `#/playground/${encodeURIComponent(place.parameters.id)}` }, 'Open in the playground'));
	place.put(end, reserveForm(path, refresh), messageForm(path));
}

export async function showSession(place) {
	const path = sessionPath(place.parameters.id), facts = new Facts(), log = new Log(), groups = groupsTable();
	const players = new Table({ caption: 'Players and reservations', columns: playerColumns(place.parameters.id), key: (player) => `${player.peer_id} ${player.player_id} ${player.created_at}`,
		empty: 'Nobody is here.' });
	const properties = el('pre', { tabindex: '0', role: 'region', 'aria-label': 'Properties' }), about = el('section', { hidden: true }, el('h2', {}, 'Properties'), properties);
	let session = null;
	const refresh = async () => {
		const [described, { players: list }, said, grouped] = await Promise.all([get(path, place.signal), get(`${path}/players`, place.signal),
			getIfThere(`${path}/log`, place.signal), getIfThere(`${path}/groups`, place.signal)]);
		session = described;
		place.rename(session.name || session.id);
		facts.update(factsOf(session));
		players.update(list);
		log.update(said ?? { lines: [], lost_count: 0 });
		groups.element.hidden = grouped === null;
		groups.update(grouped?.groups ?? []);
	};
	place.put(el('p', { class: 'note mono' }, place.parameters.id), facts.element);
	if (mayChange())
		changes(place, path, () => session, refresh);
	place.once(async () => {
		const { properties: text, bytes: size } = await get(`${path}/properties`, place.signal);
		about.hidden = size === 0;
		setText(properties, size > new Blob([text]).size ? `${text}…\n(${bytes(size)} in all)` : text);
	});
	place.put(players.element, groups.element, about, log.element);
	if (mayChange())
		place.put(new Tap(place, `${path}/tap`).element);
	place.every(REFRESH_MS, async () => {
		try {
			await refresh();
		} catch (error) {
			if (!(error instanceof ApiError) || error.status !== 404)
				throw error;
			await endOf(path, log, place);
		}
	});
}

// Its log outlives it for a while.
async function endOf(path, log, place) {
	const said = await getIfThere(`${path}/log`, place.signal);
	if (said)
		log.update(said);
	place.fail(new Error('This session has ended.'));
	place.leave();
}
