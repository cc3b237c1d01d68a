'use strict';
// What backends say, said back as events; and everything that is no event.
let session;

exports.ssExports = {
	init(rtSession) { session = rtSession; },
	onServiceMessage(m) {
		const text = m.getPayloadAsText();
		const tell = (error, ticket) => session.emitEvent('answer', [error && error.name, error && error.message, ticket]);
		if (text === 'callbacks') {
			session.startMatchBackfill({ TicketId: 't-1', Action: 'mine' }, tell);
			session.stopMatchBackfill('t-1', tell);
			session.startMatchBackfill(tell);
			return session.stopMatchBackfill(() => { throw new Error('of the callback'); });
		}
		if (text === 'promises')
			return session.startMatchBackfill().then((ticket) => tell(null, ticket)).then(() => session.stopMatchBackfill('t-2')).catch(tell);
		if (text.startsWith('search '))
			return session.startMatchBackfill({}, () => {}, (ticket, status) => session.emitEvent('ended', [ticket, status]));
		if (text === 'wrong questions') {
			session.startMatchBackfill({ Players: 1n }, tell);
			return session.startMatchBackfill({ Players: 'x'.repeat(60001) }, tell);
		}
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
