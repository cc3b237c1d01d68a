'use strict';
// Backends: their messages, and the events for them.
const test = require('node:test');
const assert = require('node:assert');
const { Engine } = require('./engine');

test('a backend is heard, and events go out', async (t) => {
	const engine = new Engine(t);
	engine.open(1, 'service.js');
	const opened = await engine.expect('OPENED');
	assert.strictEqual(opened.callbacks, 1 | (1 << 14));
	engine.write('SERVICE', 1, { opcode: 7, payload: 'wave 3, ü' });
	const event = await engine.expect('EMIT');
	assert.strictEqual(event.name, 'heard');
	assert.deepStrictEqual(JSON.parse(event.json), { opCode: 7, sender: -1, reliable: true, text: 'wave 3, ü' });
	await engine.stop();
});

test('what is no event is said, and nothing else', async (t) => {
	const engine = new Engine(t);
	engine.open(1, 'service.js');
	await engine.expect('OPENED');
	engine.write('SERVICE', 1, { opcode: 0, payload: 'wrong' });
	await engine.expectLog(1, /^emitEvent: 'two words' is no event's name/);
	const text = await engine.expect('EMIT');
	assert.deepStrictEqual([text.name, text.json.toString()], ['text', '[1, 2]']);
	const nothing = await engine.expect('EMIT');
	assert.deepStrictEqual([nothing.name, nothing.json.toString()], ['nothing', 'null']);
	await engine.stop();
});

async function open(t) {
	const engine = new Engine(t);
	engine.open(1, 'service.js');
	await engine.expect('OPENED');
	engine.tell = (payload) => engine.write('SERVICE', 1, { opcode: 7, payload });
	engine.question = async () => {
		const { number, json } = await engine.expect('ASK');
		return { number, asked: JSON.parse(json) };
	};
	engine.reply = (number, answer) => engine.write('ANSWERED', 1, { number, json: JSON.stringify(answer) });
	engine.told = async () => JSON.parse((await engine.expect('EMIT')).json);
	return engine;
}

test('players are asked for, and each callback hears its own answer', async (t) => {
	const engine = await open(t);
	engine.tell('callbacks');
	const questions = [await engine.question(), await engine.question(), await engine.question(), await engine.question()];
	assert.deepStrictEqual(questions.map(({ asked }) => asked), [{ TicketId: 't-1', Action: 'StartMatchBackfill' }, { TicketId: 't-1', Action: 'StopMatchBackfill' },
		{ Action: 'StartMatchBackfill' }, { Action: 'StopMatchBackfill' }]);
	engine.reply(questions[1].number, { Error: 'NotFoundException', Message: 'there is none' });
	assert.deepStrictEqual(await engine.told(), ['NotFoundException', 'there is none', null]);
	engine.reply(questions[0].number, { TicketId: 't-1' });
	assert.deepStrictEqual(await engine.told(), [null, null, 't-1']);
	engine.write('ANSWERED', 1, { number: questions[2].number, json: '{' });
	assert.strictEqual((await engine.told())[0], 'InternalServiceException');
	engine.reply(questions[0].number, { TicketId: 'again' });
	engine.reply(questions[3].number, { TicketId: 't-1' });
	await engine.expectLog(1, /the callback of a backfill: Error: of the callback/);
	assert.ok(!engine.frames.some(({ kind }) => kind === 'EMIT'), 'an answer is heard once');
	await engine.stop();
});

test('without a callback it is a promise', async (t) => {
	const engine = await open(t);
	engine.tell('promises');
	engine.reply((await engine.question()).number, { TicketId: 't-2' });
	assert.deepStrictEqual(await engine.told(), [null, null, 't-2']);
	engine.reply((await engine.question()).number, { Error: 'event_rate', Message: 'dropped' });
	assert.deepStrictEqual(await engine.told(), ['event_rate', 'dropped', null]);
	await engine.stop();
});

test('what cannot be asked is answered all the same', async (t) => {
	const engine = await open(t);
	engine.tell('wrong questions');
	assert.deepStrictEqual(await engine.told(), ['InvalidRequestException', 'it cannot become JSON', null]);
	assert.match((await engine.told())[1], /^JSON of 6\d+ bytes, more than 60000$/);
	assert.ok(!engine.frames.some(({ kind }) => kind === 'ASK'));
	await engine.stop();
});

test('the ends of the latest searches are waited for, not of all whose end nobody tells', async (t) => {
	const engine = await open(t);
	const search = async (ticket) => {
		engine.tell(`search ${ticket}`);
		engine.reply((await engine.question()).number, { TicketId: ticket });
	};
	for (let i = 0; i < 16; i++)
		await search(`t-${i}`);
	await search('t-1'); // which is the latest now, and no other
	await search('t-16');
	for (const ticket of ['t-0', 't-1', 't-1', 't-2', 't-16'])
		engine.reply(0, { TicketId: ticket, Status: 'TIMED_OUT' });
	for (const ticket of ['t-1', 't-2', 't-16'])
		assert.deepStrictEqual(await engine.told(), [ticket, 'TIMED_OUT']);
	await engine.stop();
	assert.ok(!engine.frames.some(({ kind }) => kind === 'EMIT'), 'an end is heard once');
});
