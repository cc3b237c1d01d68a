// Who has logged in. What a reader would be refused is not offered to one.
import { get } from './api.js';

const caller = { role: 'reader', name: '' };

export async function learnCaller() {
	Object.assign(caller, await get('/v1/caller'));
	return caller;
}

export function callerText() {
	return caller.role === 'open' ? 'no login needed' : `${caller.name} (${caller.role})`;
}

export function isOpen() {
	return caller.role === 'open';
}

export function mayChange() {
	return caller.role !== 'reader';
}
