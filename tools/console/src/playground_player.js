// One player of the playground: a client, what it can say, and what it has heard.
import { RingcastClient } from '../../../proto/clients/js/src/index.js';
import { el, newId, setText } from './dom.js';
import { choice, field, form } from './field.js';
import { bytes } from './format.js';
import { bytesOfInput, payloadText } from './payload.js';
import { opCodeText, senderText } from './targets.js';

const HEARD_MAX = 200;
const TARGETS = [['everyone', 'everyone'], ['server', 'the server'], ['player', 'a player'], ['group', 'a group']];

export class PlaygroundPlayer {
	#client = new RingcastClient();
	#number;
	#heard = el('div', { class: 'heard', tabindex: '0', role: 'log', 'aria-label': 'What it received' });
	#state = el('p', { class: 'note' }, 'connecting');
	#opCode = field('Op code', { type: 'number', value: 1, required: true });
	#to = choice('To', TARGETS);
	#id = field('Its number', { type: 'number', value: 1, disabled: true });
	#payload = field('Payload', { value: 'hello' });
	#format = choice('As', [['text', 'text'], ['hex', 'bytes, hexadecimal']]);
	#group = field('Group', { type: 'number', min: 1, value: 1, required: true });
	element;

	constructor(number) {
		const id = newId('player');
		this.#number = number;
		this.#to.input.addEventListener('change', () => {
			this.#id.input.disabled = !['player', 'group'].includes(this.#to.input.value);
		});
		this.element = el('section', { class: 'player', 'aria-labelledby': id }, el('h2', { id }, `Player ${number}`), this.#state,
			form(`Player ${number} says`, () => this.#try(() => this.#send()), this.#opCode.element, this.#to.element, this.#id.element, this.#payload.element, this.#format.element,
				el('p', { class: 'buttons' }, el('button', {}, 'Send'))),
			form(`Groups of player ${number}`, () => this.#try(() => this.#joinGroup()), this.#group.element, el('p', { class: 'buttons' }, el('button', {}, 'Join'),
				el('button', { type: 'button', onclick: () => this.#try(() => this.#leaveGroup()) }, 'Leave'),
				el('button', { type: 'button', onclick: () => this.#try(() => this.#client.requestMembership(this.#groupNumber())) }, 'Who is in it?'))),
			this.#heard, el('p', { class: 'buttons' }, el('button', { type: 'button', onclick: () => this.end() }, 'Disconnect')));
		this.#listen();
	}

	async connect(url, token) {
		await this.#client.connect(url, token);
	}

	end() {
		if (this.#client.state !== 'idle')
			this.#client.disconnect();
	}

	#listen() {
		this.#client.on('connected', ({ peerId }) => this.#tell('', `connected as peer ${peerId}`));
		this.#client.on('message', (message) => this.#tell('received', `op ${opCodeText(message.opCode)} from ${senderText(message.sender)}`
			+ `${message.targetGroup ? ` by ${message.targetGroup === -1 ? 'everyone' : `group ${message.targetGroup}`}` : ''}: ${payloadText(message.payload)}`));
		this.#client.on('membership', ({ group, players }) => this.#tell('received', `group ${group}: ${players.length > 0 ? players.join(', ') : 'nobody'}`));
		this.#client.on('disconnected', (end) => this.#tell('failed', `the end: ${end.name} (${end.code})${end.reason ? `, ${end.reason}` : ''}`));
	}

	#tell(kind, text) {
		const isAtEnd = this.#heard.scrollHeight - this.#heard.scrollTop - this.#heard.clientHeight < 8;
		this.#heard.append(el('p', { class: kind || null }, text));
		while (this.#heard.childElementCount > HEARD_MAX)
			this.#heard.firstElementChild.remove();
		if (isAtEnd)
			this.#heard.scrollTop = this.#heard.scrollHeight;
		const { state, peerId, messagesSent, messagesReceived, bytesReceived } = this.#client.stats();
		setText(this.#state, `${state}${peerId ? `, peer ${peerId}` : ''}; ${messagesSent} sent, ${messagesReceived} received (${bytes(bytesReceived)})`);
	}

	// What the caller gets wrong is told where it was said.
	#try(action) {
		try {
			action();
		} catch (error) {
			this.#tell('failed', error.message);
		}
	}

	#groupNumber() {
		return Number(this.#group.input.value);
	}

	#send() {
		const opCode = Number(this.#opCode.input.value), id = Number(this.#id.input.value), to = this.#to.input.value;
		const payload = bytesOfInput(this.#payload.input.value, this.#format.input.value);
		const target = { everyone: { targetGroup: -1 }, server: { targetPlayer: -1 }, player: { targetPlayer: id }, group: { targetGroup: id } }[to];
		this.#client.send({ opCode, payload, ...target });
		this.#tell('sent', `sent op ${opCodeText(opCode)} to ${to}${target.targetPlayer === id || target.targetGroup === id ? ` ${id}` : ''}: ${payloadText(payload)}`);
	}

	#joinGroup() {
		this.#client.joinGroup(this.#groupNumber());
		this.#tell('sent', `joins group ${this.#groupNumber()}`);
	}

	#leaveGroup() {
		this.#client.leaveGroup(this.#groupNumber());
		this.#tell('sent', `leaves group ${this.#groupNumber()}`);
	}
}
