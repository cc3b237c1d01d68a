// Several players in one tab, by the JavaScript client, in a session of this daemon.
import { get, post } from '../api.js';
import { mayChange } from '../caller.js';
import { el } from '../dom.js';
import { choice, field, form } from '../field.js';
import { shortId } from '../format.js';
import { attempt } from '../notice.js';
import { PlaygroundPlayer } from '../playground_player.js';
import { reserve } from './player.js';
import { sessionHref, sessionPath } from './sessions.js';

const PLAYERS_MAX = 16, AT_START = 2;

// The game's port of the host by which this page was reached; encrypted where the page is, or where the game takes nothing else.
function gameUrl(info) {
	const isSecure = location.protocol === 'https:' || info.tls.mode === 'required';
	return `${isSecure ? 'wss' : 'ws'}://${location.hostname}:${info.tcp_port}/websocket`;
}

function sessionOption({ id, name, player_count: players }) {
	return el('option', { value: id }, `${name || 'unnamed'}, ${players} players, ${shortId(id)}`);
}

class Playground {
	#place;
	#session = null;
	#players = [];
	#where = el('p', { class: 'note', role: 'status' }, 'No session yet.');
	#list = el('div', { class: 'players' });
	#sessions = choice('Session', []);
	#name = field('Or a new one, by name', { maxlength: 127, value: 'playground' });
	#script = choice('Script of the new one', []);
	#add = el('button', { type: 'button', hidden: true, onclick: () => attempt(() => this.#join(), 'One more player.') }, 'Add a player');

	constructor(place) {
		this.#place = place;
		place.onLeave(() => this.#players.forEach((player) => player.end()));
		place.put(el('p', { class: 'note' }, 'Each player here is a client of its own. A browser has no UDP: fast messages go by the WebSocket.'),
			form('Choose a session', () => attempt(() => this.#enter(this.#sessions.input.value), 'In the session.'), this.#sessions.element,
				el('p', { class: 'buttons' }, el('button', {}, 'Play in it'))),
			form('Create a session', () => attempt(() => this.#create(), 'In a new session.'), this.#name.element, this.#script.element,
				el('p', { class: 'buttons' }, el('button', {}, 'Create and play'))),
			this.#where, el('p', { class: 'buttons' }, this.#add), this.#list);
	}

	async start() {
		const [{ sessions }, { scripts }] = await Promise.all([get('/v1/sessions?limit=200', this.#place.signal), get('/v1/scripts', this.#place.signal)]);
		this.#sessions.input.append(...sessions.map(sessionOption));
		this.#script.input.append(el('option', { value: '' }, 'none'), ...scripts.map((one) => el('option', { value: one.name }, one.name)));
		if (this.#place.parameters.id)
			await attempt(() => this.#enter(this.#place.parameters.id), 'In the session.');
	}

	async #create() {
		const session = await post('/v1/sessions', { name: this.#name.input.value || undefined, script: this.#script.input.value || undefined });
		await this.#enter(session.id);
	}

	async #enter(id) {
		const session = await get(sessionPath(id), this.#place.signal);
		this.#players.forEach((player) => player.end());
		this.#players = [];
		this.#list.replaceChildren();
		this.#session = session;
		if (![...this.#sessions.input.options].some(({ value }) => value === id))
			this.#sessions.input.prepend(sessionOption(session));
		this.#sessions.input.value = id;
		this.#where.replaceChildren('In ', el('a', { href: sessionHref(id) }, session.name || id), '.');
		this.#add.hidden = false;
		for (let i = 0; i < AT_START; i++)
			await this.#join();
	}

	async #join() {
		if (this.#players.length >= PLAYERS_MAX)
			throw new Error(`${PLAYERS_MAX} players are enough for one tab.`);
		const info = await get('/v1/info', this.#place.signal), number = this.#players.length + 1;
		const { token } = await reserve(sessionPath(this.#session.id), `playground-${number}-${crypto.getRandomValues(new Uint32Array(1))[0].toString(36)}`, '');
		if (this.#place.hasLeft)
			return;
		const player = new PlaygroundPlayer(number);
		this.#players.push(player);
		this.#list.append(player.element);
		await player.connect(gameUrl(info), token);
	}
}

export async function showPlayground(place) {
	if (mayChange())
		await place.once(() => new Playground(place).start());
	else
		place.put(el('p', {}, 'A reader may look on only: players need reservations, and those an operator’s token.'));
}
