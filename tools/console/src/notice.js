// One line about what came of the last thing that was asked for; read aloud by those who read aloud.
import { el } from './dom.js';

const place = el('p', { class: 'notice', role: 'status' });

export function noticeElement() {
	return place;
}

let isKept = false;

// Goes to another page, where what is told now still stands.
export function goTo(hash) {
	isKept = location.hash !== hash;
	location.hash = hash;
}

// On the way to another page.
export function clearNotice() {
	if (!isKept)
		tell('');
	isKept = false;
}

export function tell(text) {
	place.className = 'notice';
	place.textContent = text;
}

export function tellError(error) {
	place.className = 'notice failed';
	place.textContent = error.message;
}

// Runs what a button is for, and tells what came of it.
export async function attempt(action, done) {
	try {
		const result = await action();
		tell(typeof done === 'function' ? done(result) : done);
		return result;
	} catch (error) {
		tellError(error);
		return null;
	}
}
