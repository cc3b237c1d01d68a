'use strict';

// The documentation calls the list of players an array, and every script treats it as a Map from peer id to player: it is both. Iterating
// gives [peerId, player] as a Map does; the methods of arrays that a Map lacks work on the players.
class Players extends Map {
	get length() { return this.size; }
	toArray() { return Array.from(this.values()); }
}

const ARRAY_METHODS = ['map', 'filter', 'find', 'findIndex', 'some', 'every', 'reduce', 'indexOf', 'includes', 'slice', 'at', 'join',
	'concat', 'flatMap'];
for (const name of ARRAY_METHODS) {
	const value = function (...args) { return this.toArray()[name](...args); };
	Object.defineProperty(Players.prototype, name, { value, configurable: true, writable: true });
}

module.exports = { Players };
