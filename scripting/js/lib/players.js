'use strict';

// The documentation calls the list of players an array, and every script treats it as a Map from peer id to player: it is both. Iterating gives
// [peerId, player] as a Map does; the methods of arrays that a Map lacks work on the players.
class Players extends Map {
	get length() { return this.size; }
	toArray() { return Array.from(this.values()); }
}

for (const name of ['map', 'filter', 'find', 'findIndex', 'some', 'every', 'reduce', 'indexOf', 'includes', 'slice', 'at', 'join', 'concat', 'flatMap'])
	Object.defineProperty(Players.prototype, name, { value(...args) { return this.toArray()[name](...args); }, configurable: true, writable: true });

module.exports = { Players };
