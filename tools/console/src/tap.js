// What is sent in a session, as it is sent: started by hand, bounded in time and number, the newest on top.
import { el, setText } from './dom.js';
import { field, form } from './field.js';
import { bytes, count } from './format.js';
import { readBytes, readLines, wholeBlocks } from './lines.js';
import { tell, tellError } from './notice.js';
import { bytesOfBase64, payloadText } from './payload.js';
import { Table } from './table.js';
import { opCodeText, senderText, targetText } from './targets.js';

const SHOWN_MAX = 200, KEPT_MAX = 2000, SHOW_INTERVAL_MS = 250;

const ENDS = { session: 'the session has ended', seconds: 'the time is over', messages_max: 'so many were asked for' };

const COLUMNS = [
	{ title: 'At', isNumber: true, text: ({ seconds }) => `${seconds.toFixed(3)} s` },
	{ title: 'From', text: ({ message }) => senderText(message.from) },
	{ title: 'To', text: ({ message }) => targetText(message.target_player, message.target_group) },
	{ title: 'Op code', text: ({ message }) => opCodeText(message.opcode) },
	{ title: 'Intent', text: ({ message }) => message.intent },
	{ title: 'What became of it', text: ({ message }) => (message.drop ? `dropped: ${message.drop}` : message.verdict ?? '–') },
	{ title: 'Size', isNumber: true, text: ({ message }) => bytes(message.bytes) },
	{ title: 'Payload', isWide: true, text: ({ payload }) => payload },
];

export class Tap {
	#place;
	#path;
	#stop = null;	// of the one that runs
	#saving = null; // likewise, into a file
	#messages = [];
	#firstNs = 0;
	#number = 0;
	#end = '';
	#leftOut = 0;
	#table = new Table({ caption: 'Messages', columns: COLUMNS, key: ({ number }) => number, empty: 'No message yet.' });
	#state = el('p', { class: 'note' }, 'Not running.');
	#seconds = field('Seconds', { type: 'number', min: 1, max: 3600, value: 60 });
	#most = field('Messages at most', { type: 'number', min: 1, value: 1000 });
	#opCode = field('Only op code', { type: 'number', placeholder: 'all' });
	#button = el('button', {}, 'Start the tap');
	#saveButton = el('button', { type: 'button', onclick: () => this.#download() }, 'Save as pcapng');
	element;

	constructor(place, path) {
		this.#place = place;
		this.#path = path;
		this.#opCode.input.addEventListener('input', () => this.#show());
		this.element = el('section', { 'aria-label': 'Message tap' }, el('h2', {}, 'Message tap'),
			el('p', { class: 'note' }, 'Shows what players and the script send, payloads included; so it is for operators only, and each tap is in the audit trail.'),
			form('Message tap', () => this.#toggle(), this.#seconds.element, this.#most.element, this.#opCode.element, el('p', { class: 'buttons' }, this.#button,
				this.#saveButton)), this.#state, this.#table.element);
		place.onLeave(() => [this.#stop, this.#saving].forEach((one) => one?.abort()));
	}

	#query() {
		return `seconds=${this.#seconds.input.value || 60}&messages_max=${this.#most.input.value || 1000}`;
	}

	async #toggle() {
		if (this.#stop) {
			this.#stop.abort();
			return;
		}
		const stop = this.#stop = new AbortController();
		this.#messages = [];
		this.#end = '';
		this.#leftOut = 0;
		setText(this.#button, 'Stop the tap');
		const timer = setInterval(() => this.#show(), SHOW_INTERVAL_MS);
		try {
			await readLines(`${this.#path}?${this.#query()}`, stop.signal, (message) => this.#take(message));
		} catch (error) {
			if (!stop.signal.aborted)
				tellError(error);
		}
		clearInterval(timer);
		this.#stop = null;
		setText(this.#button, 'Start the tap');
		this.#show();
	}

	#take(message) {
		this.#leftOut += message.left_out ?? 0;
		if (message.end !== undefined) {
			this.#end = ENDS[message.end] ?? message.end;
			return;
		}
		this.#firstNs = this.#messages.length === 0 ? message.at_ns : this.#firstNs;
		this.#messages.unshift({ number: ++this.#number, message, seconds: (message.at_ns - this.#firstNs) / 1e9,
			payload: payloadText(bytesOfBase64(message.payload_base64 ?? '')) });
		this.#messages.length = Math.min(this.#messages.length, KEPT_MAX);
	}

	#show() {
		const only = this.#opCode.input.value;
		const shown = this.#messages.filter(({ message }) => only === '' || message.opcode === Number(only)).slice(0, SHOWN_MAX);
		this.#table.update(shown);
		const lost = this.#leftOut > 0 ? ` ${count(this.#leftOut)} came too fast and were left out.` : '', end = this.#end && `, ${this.#end}`;
		setText(this.#state, `${this.#stop ? 'Running' : 'Not running'}${end}: ${count(this.#messages.length)} messages, the newest ${count(shown.length)} shown.${lost}`);
	}

	// A second press ends it; what has come is saved.
	async #download() {
		if (this.#saving) {
			this.#saving.abort();
			return;
		}
		const saving = this.#saving = new AbortController();
		setText(this.#saveButton, 'Stop and save');
		tell('The tap runs for as long as is said, or until it is stopped; then the file is saved.');
		try {
			const bytes = wholeBlocks(await readBytes(`${this.#path}?${this.#query()}&format=pcapng`, saving.signal));
			if (!this.#place.hasLeft)
				saveFile(bytes);
		} catch (error) {
			tellError(error);
		}
		this.#saving = null;
		setText(this.#saveButton, 'Save as pcapng');
	}
}

function saveFile(bytes) {
	if (bytes.length === 0) {
		tell('Nothing had come yet: there is no file.');
		return;
	}
	const address = URL.createObjectURL(new Blob([bytes], { type: 'application/x-pcapng' }));
	el('a', { href: address, download: 'session.pcapng' }).click();
	setTimeout(() => URL.revokeObjectURL(address), 10000);
	tell('The file was saved.');
}
