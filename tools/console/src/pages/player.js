// One player: numbers, and the door.
import { get, post, remove } from '../api.js';
import { mayChange } from '../caller.js';
import { confirm } from '../dialog.js';
import { el } from '../dom.js';
import { Facts } from '../facts.js';
import { bytes, count, moment } from '../format.js';
import { attempt } from '../notice.js';
import { sessionHref, sessionPath } from './sessions.js';

const REFRESH_MS = 2000;

// Reservations have no peer id yet, and so no page: all of them are 0.
export const playerHref = (sessionId, player) => (player.peer_id ? `${sessionHref(sessionId)}/players/${player.peer_id}` : null);

export function reserve(path, playerId, playerData) {
	return post(`${path}/players`, { player_id: playerId || undefined, player_data: playerData || undefined });
}

async function cancel(path, playerId) {
	const sure = await confirm({ title: 'Cancel this reservation?', text: `The place of ${playerId} is free again, and the token no longer good.`, yes: 'Cancel it' });
	return sure && attempt(() => remove(`${path}?player_id=${encodeURIComponent(playerId)}`), 'The reservation is cancelled.');
}

export async function kick(sessionId, player) {
	const name = player.player_id || `Peer ${player.peer_id}`, path = `${sessionPath(sessionId)}/players`;
	if (player.state === 'reserved')
		return player.player_id ? cancel(path, player.player_id) : null;
	const answer = await confirm({ title: 'Kick this player?', text: `${name} is disconnected with close code 3503.`, yes: 'Kick',
		fields: [{ name: 'reason', label: 'Reason, told to the player', value: 'kicked by the operator' }] });
	return answer && attempt(() => remove(`${path}/${player.peer_id}?reason=${encodeURIComponent(answer.reason)}`), `${name} is on the way out.`);
}

function factsOf(player) {
	return [
		['State', player.state],
		['Peer id', player.peer_id],
		['Path', player.is_fast ? 'UDP and WebSocket' : 'WebSocket'],
		['Address', player.address || '–'],
		['Shard', player.shard],
		['Reserved', moment(player.created_at)],
		['Joined', moment(player.joined_at)],
		['Messages received', `${count(player.messages_received)}, ${bytes(player.bytes_received)}`],
		['Messages sent', `${count(player.messages_sent)}, ${bytes(player.bytes_sent)}`],
		['Drops', count(player.drops)],
		['Queued for it', bytes(player.outq_bytes)],
	];
}

export function showPlayer(place) {
	const { id, peer } = place.parameters, facts = new Facts();
	let player = null;
	place.put(el('p', {}, el('a', { href: sessionHref(id) }, 'Back to the session')), facts.element);
	if (mayChange())
		place.put(el('p', { class: 'buttons' }, el('button', { type: 'button', class: 'danger', onclick: () => player && kick(id, player) }, 'Kick this player')));
	place.every(REFRESH_MS, async () => {
		const { players } = await get(`${sessionPath(id)}/players`, place.signal);
		player = players.find((one) => one.peer_id !== 0 && String(one.peer_id) === peer) ?? null;
		if (!player)
			throw new Error(peer === '0' ? 'A reservation is no player yet.' : 'This player has left.');
		place.rename(player.player_id || `Peer ${player.peer_id}`);
		facts.update(factsOf(player));
	});
}
