'use strict';
// What backends say, said back as events; and everything that is no event.
let session;

exports.ssExports = {
	init(rtSession) { session = rtSession; },
	onServiceMessage(m) {
		const text = m.getPayloadAsText();
		if (text !== 'wrong')
			return session.emitEvent('heard', { opCode: m.opCode, sender: m.sender, reliable: m.reliable, text });
		const { emitEvent } = session;
		emitEvent('two words', {});
		emitEvent(7, {});
		emitEvent('a', '{"half":');
		emitEvent('a', 1n);
		emitEvent('a', 'x'.repeat(60001));
		emitEvent('a', ['y'.repeat(60001)]);
		emitEvent('text', '[1, 2]');
		return emitEvent('nothing');
	},
};
