'use strict';
// One session: a worker waits here, warm, until it gets a script to run. Frames of the engine come in batches through a port; what the
// script does goes out through the outbox. process.exit, an exception that nobody catches, too much memory: each ends this worker and
// nothing else.
const path = require('path');
const v8 = require('v8');
const { workerData } = require('worker_threads');
const frames = require('./frame');
const { LEVELS, makeLogger, threshold, format, captureStream } = require('./logger');
const { CALLBACKS, standInForServiceFiles, load, examine, describe } = require('./load');
const { GameMessage } = require('./message');
const { Outbox } = require('./outbox');
const { Pieces } = require('./pieces');
const { Players } = require('./players');
const { Questions } = require('./questions');
const { makeSession } = require('./session');

const { ANSWER, END, FLAG_MORE, FLAG_RELIABLE, HEAD_BYTES, KIND } = frames;
const SAMPLE_INTERVAL_MS = 1000;
const COMPLAINT_INTERVAL_MS = 1000;
const HEARTBEAT_INTERVAL_MS = 1000;
const LEVEL = Object.fromEntries(LEVELS.map((name, number) => [name, number]));

const { port, taken, creditBytes } = workerData;
delete workerData.port;
delete workerData.taken;

const outbox = new Outbox(port, taken, creditBytes);
const players = new Players();
const people = new Map(); // peer id -> player, those who are being asked about too
const asked = new Map(); // ticket -> { name, peer }: promises that the engine still waits for; it says so when it has given up
const questions = new Questions(callbackFailed); // of the script's, to the service
const complaints = new Map(); // what -> { since, count }
const undefinedSaid = new Set();
let script = null;
let facts = null;
const batches = []; // { buffer, at, owed }: frames of the engine, the first one taken up to at; credit that is owed at its end
const pieces = new Pieces();
let sayParts = () => {}; // (low, high, what onSnapshot returned)
let isStarting = false;
let isOpen = false;
let turnsOwed = 0; // events that came up while the script was starting
let isEnded = false;
let sampledAt = 0;
let flushStreams = () => {}; // of a last line without an end

// The end

function end(how, text) {
	if (isEnded)
		return;
	flushStreams();
	isEnded = true;
	outbox.text(KIND.END, how, text);
	outbox.flush();
	port.postMessage('ended');
}

function where(error) {
	return describe(error, facts === null ? '/' : facts.folder, facts === null ? 'script' : facts.main);
}

function fatal(error, what) {
	outbox.log(LEVEL.fatal, `${what}: ${format([error])}`);
	end(END.FAILED, `${what}: ${where(error)}`);
	process.exit(1);
}

// As a program of its own would have it: a handler of the script's own counts, else the session is over.
function uncaught(error, origin) {
	if (process.listenerCount('uncaughtException') > 1)
		return;
	fatal(error, origin === 'unhandledRejection' ? 'unhandled promise rejection' : 'uncaught exception');
}

function onExit(code) {
	if (facts !== null)
		end(code === 0 ? END.FINISHED : END.FAILED, `script ended with process.exit(${code})`);
	outbox.flush();
}

// Handlers of the script's own run first, so that their last words come before the end.
function stayLast(event, listener) {
	if (event !== 'exit' || listener === onExit)
		return;
	queueMicrotask(() => {
		process.removeListener('exit', onExit);
		process.on('exit', onExit);
	});
}

process.on('uncaughtException', uncaught);
process.on('exit', onExit);
process.on('newListener', stayLast);

// Calls into the script

function callbackFailed(name, error) {
	outbox.log(LEVEL.error, `${name}: ${format([error])}`, true);
}

function isThenable(value) {
	return value !== null && typeof value === 'object' && typeof value.then === 'function';
}

// A callback without an answer. What it rejects with later counts as its failure too.
function notify(name, ...args) {
	if (typeof script[name] !== 'function')
		return;
	try {
		const result = script[name](...args);
		if (isThenable(result))
			result.then(undefined, (error) => callbackFailed(name, error));
	} catch (error) {
		callbackFailed(name, error);
	}
}

function verdict(name, value) {
	if (value === undefined && !undefinedSaid.has(name)) {
		undefinedSaid.add(name);
		outbox.log(LEVEL.warn, `${name} returned undefined, which counts as false (said once)`);
	}
	return value ? ANSWER.ALLOW : ANSWER.DENY;
}

// peer: of a login, which is forgotten when it is refused.
function answer(low, high, value, peer) {
	outbox.answer(low, high, value);
	settled(value, peer);
}

function settled(value, peer) {
	if (peer !== undefined && value !== ANSWER.ALLOW && !players.has(peer))
		people.delete(peer);
}

// An answer that takes time. The engine decides when it has waited long enough; what comes after that changes nothing, and is said.
// valueOf: what the promise's value says, which is written in the same turn as all that valueOf writes.
function askLater(name, low, high, promise, peer, valueOf = (value) => verdict(name, value)) {
	const ticket = BigInt(high) << 32n | BigInt(low);
	asked.set(ticket, { name, peer });
	const late = (value) => {
		if (asked.delete(ticket))
			return answer(low, high, value, peer);
		outbox.answer(low, high, value); // counted there
		return complain(name, 'its answer came after scripts.answer_timeout, when scripts.on_error had decided, or after the player had left');
	};
	promise.then((value) => late(valueOf(value)), (error) => {
		callbackFailed(name, error);
		late(ANSWER.FAILED);
	});
}

function missed({ ticket, answer: value }) {
	const question = asked.get(ticket);
	asked.delete(ticket);
	if (question !== undefined)
		settled(value, question.peer);
}

function ask(name, low, high, ...args) {
	return askAbout(undefined, name, low, high, ...args);
}

function askAbout(peer, name, low, high, ...args) {
	const { size, postCount } = outbox;
	if (typeof script[name] !== 'function')
		return answer(low, high, ANSWER.ALLOW, peer);
	try {
		const result = script[name](...args);
		if (isThenable(result))
			return askLater(name, low, high, result, peer);
		const value = verdict(name, result);
		outbox.answerBefore(size, postCount, low, high, value);
		settled(value, peer);
	} catch (error) {
		callbackFailed(name, error);
		outbox.answerBefore(size, postCount, low, high, ANSWER.FAILED);
		settled(ANSWER.FAILED, peer);
	}
	return undefined;
}

// What is sent to a player whose login is not decided waits in the engine, which decides.
function askConnect(low, high, frame) {
	const player = { peerId: frame.peer, playerSessionId: frame.player_session_id };
	people.set(frame.peer, { playerId: frame.player_id, playerData: frame.player_data });
	askAbout(frame.peer, 'onPlayerConnect', low, high, { player, ...player, payload: frame.payload });
}

// A part that is none fails the whole of it: the engine lets go of those that it has.
function takeSnapshot(low, high, given) {
	try {
		sayParts(low, high, given);
		return ANSWER.ALLOW;
	} catch (error) {
		callbackFailed('onSnapshot', error);
		return ANSWER.FAILED;
	}
}

// The parts of a snapshot go before its answer, with nothing between them, and both behind all that the script has said before it was asked: that is what the snapshot knows of.
// With a promise: behind all that it has said before the promise's value is taken.
function askSnapshot(low, high, group, peer) {
	outbox.flush(); // so that there is room for what it says before a part of that is posted
	const { size, postCount } = outbox;
	const take = (given) => takeSnapshot(low, high, given);
	let value = ANSWER.FAILED, from = size;
	try {
		const result = script.onSnapshot(group, peer);
		if (isThenable(result))
			return askLater('onSnapshot', low, high, result, undefined, take);
		from = outbox.size;
		value = take(result);
	} catch (error) {
		from = outbox.size;
		callbackFailed('onSnapshot', error);
	}
	outbox.answer(low, high, value);
	return outbox.moveBefore(size, postCount, from);
}

// One is asked at a time: a promise that never settles is forgotten with the next question.
function askHealth(low, high) {
	for (const [ticket, { name }] of asked)
		if (name === 'onHealthCheck')
			asked.delete(ticket);
	ask('onHealthCheck', low, high);
}

// The start

function gameSessionOf({ id, name, properties, matchmaker_data: matchmakerData, players_max }) {
	let given = {};
	try {
		const parsed = JSON.parse(properties);
		given = parsed !== null && typeof parsed === 'object' ? parsed : {};
	} catch {
		given = {}; // properties need not be JSON; the script gets them as they are, below
	}
	const isOfService = Array.isArray(given.GameProperties); // from CreateGameSession: its members as they were given
	const flat = isOfService ? given.GameProperties : Array.isArray(given.gameProperties) ? given.gameProperties :
		Object.entries(given).map(([key, value]) => ({ key, value: typeof value === 'string' ? value : JSON.stringify(value) }));
	const gameProperties = flat.filter((one) => one !== null && typeof one === 'object') // what else they hold is no property
		.map(({ key, Key = key, value, Value = value }) => ({ key: Key, value: Value, Key, Value }));
	const both = { gameSessionId: id, name, maximumPlayerSessionCount: players_max, gameProperties,
		gameSessionData: isOfService ? String(given.GameSessionData ?? '') : properties,
		matchmakerData, status: 'ACTIVATING' }; // until this callback is through: nobody can know yet that it will be
	return Object.fromEntries(Object.entries(both).flatMap(([key, value]) => [[key, value], [key[0].toUpperCase() + key.slice(1), value]]));
}

function complain(what, text) {
	const now = Date.now();
	const last = complaints.get(what) || { since: 0, count: 0 };
	complaints.set(what, last);
	if (now - last.since < COMPLAINT_INTERVAL_MS)
		return void last.count++;
	outbox.text(KIND.LOG, LEVEL.warn, `${what}: ${text}${last.count > 0 ? ` (${last.count} more like it left out)` : ''}`);
	last.since = now;
	last.count = 0;
}

function prepareProcess(args, memoryBytes) {
	process.argv = [process.argv[0], path.join(facts.folder, facts.main), ...args];
	const kill = process.kill.bind(process);
	process.kill = (pid, signal) => (pid !== process.pid ? kill(pid, signal) : signal === 0 || process.exit(1));
	const flushes = [captureStream(process.stdout, (line) => outbox.log(LEVEL.info, line)),
		captureStream(process.stderr, (line) => outbox.log(LEVEL.warn, line))];
	flushStreams = () => flushes.forEach((flush) => flush());
	facts.memory_bytes = memoryBytes;
}

async function startScript(open) {
	const isMore = (open.flags & FLAG_MORE) !== 0;
	facts = isMore ? { ...open, ...await pieces.whole } : open;
	pieces.isWhole = true; // none is taken any more
	const args = facts.arguments.split(/\s+/).filter((arg) => arg !== '');
	prepareProcess(args, Number(open.memory_bytes));
	const logger = makeLogger((level, text) => outbox.log(level, text), threshold(args));
	standInForServiceFiles();
	if (process.execArgv.includes('--enable-source-maps'))
		process.setSourceMapsEnabled(true); // Node 18 does not pass it on to workers
	script = await load(open.folder, open.main);
	const { callbacks, configuration, warnings } = examine(script, open.main);
	warnings.forEach((warning) => outbox.log(LEVEL.warn, warning));
	const { session, saySnapshot } = makeSession({ facts, outbox, logger, players, people, questions, complain, end: () => end(END.FINISHED, '') });
	sayParts = saySnapshot;
	await script.init(session);
	if (typeof script.onProcessStarted === 'function' && (await script.onProcessStarted(args)) === false)
		throw Object.assign(new Error(`${open.main}: onProcessStarted returned false`), { isAboutExports: true });
	if (typeof script.onStartGameSession === 'function')
		await script.onStartGameSession(gameSessionOf(facts));
	outbox.opened(callbacks.reduce((bits, name) => bits | (1 << CALLBACKS.indexOf(name)), 0), configuration);
}

// Events

function messageAt(buffer, at, end, flags) {
	return new GameMessage(buffer.readInt32LE(at), buffer.readInt32LE(at + 4), Buffer.from(buffer.buffer, at + 16, end - at - 16),
		(flags & FLAG_RELIABLE) !== 0, buffer.readInt32LE(at + 8), buffer.readInt32LE(at + 12));
}

function join(frame) {
	const player = { peerId: frame.peer, playerSessionId: frame.player_session_id };
	people.set(frame.peer, { playerId: frame.player_id, playerData: frame.player_data });
	players.set(frame.peer, player);
	notify('onPlayerAccepted', player);
}

function leave(frame) {
	notify('onPlayerDisconnect', frame.peer);
	players.delete(frame.peer);
	people.delete(frame.peer);
}

// at: the body; the ticket of a question is its first 64 bits.
function handle(buffer, kind, flags, offset, at, end) {
	switch (kind) {
	case KIND.MESSAGE:
		return notify('onMessage', messageAt(buffer, at, end, flags));
	case KIND.SERVICE:
		return notify('onServiceMessage', new GameMessage(buffer.readInt32LE(at), -1, Buffer.from(buffer.buffer, at + 4, end - at - 4), true, -1, 0));
	case KIND.ANSWERED:
		return questions.answer(buffer.readUInt32LE(at), buffer.toString('utf8', at + 4, end));
	case KIND.TO_PLAYER:
		return ask('onSendToPlayer', buffer.readUInt32LE(at), buffer.readUInt32LE(at + 4), messageAt(buffer, at + 8, end, flags));
	case KIND.TO_GROUP:
		return ask('onSendToGroup', buffer.readUInt32LE(at), buffer.readUInt32LE(at + 4), messageAt(buffer, at + 8, end, flags));
	case KIND.TICK:
		return notify('onTick', Number(buffer.readBigUInt64LE(at)) / 1e6);
	case KIND.JOIN:
	case KIND.LEAVE:
		return ask(kind === KIND.JOIN ? 'onPlayerJoinGroup' : 'onPlayerLeaveGroup', buffer.readUInt32LE(at), buffer.readUInt32LE(at + 4),
			buffer.readInt32LE(at + 8), buffer.readInt32LE(at + 12));
	case KIND.SNAPSHOT:
		return askSnapshot(buffer.readUInt32LE(at), buffer.readUInt32LE(at + 4), buffer.readInt32LE(at + 8), buffer.readInt32LE(at + 12));
	case KIND.HEALTH:
		return askHealth(buffer.readUInt32LE(at), buffer.readUInt32LE(at + 4));
	case KIND.MISSED:
		return missed(frames.decode(buffer, offset));
	case KIND.CONNECT:
		return askConnect(buffer.readUInt32LE(at), buffer.readUInt32LE(at + 4), frames.decode(buffer, offset));
	case KIND.ACCEPTED:
		return join(frames.decode(buffer, offset));
	case KIND.DISCONNECTED:
		return leave(frames.decode(buffer, offset));
	case KIND.DROPPED:
		return notify('onPlayerDropped', frames.decode(buffer, offset).peer);
	case KIND.RESUMED:
		return notify('onPlayerResumed', frames.decode(buffer, offset).peer);
	case KIND.TERMINATE:
		return notify('onProcessTerminate');
	case KIND.PIECE:
		return undefined; // taken when it came
	case KIND.CLOSE:
		isEnded = true; // the engine knows
		return process.exit(0);
	default:
		return fatal(new Error(`frame ${kind} is not for a session`), 'sidecar');
	}
}

// Every event is a turn of its own (setImmediate): Node settles promises and next ticks between two of them, and reports what they throw,
// as it would if each event came from a socket of its own.
function takeBatch(bytes) {
	const buffer = Buffer.from(bytes);
	const batch = { buffer, at: 0, owed: buffer.length };
	batches.push(batch);
	outbox.session = buffer.readUInt32LE(8);
	outbox.isBatching = !isStarting;
	for (let offset = 0, end; offset < buffer.length; offset = end) {
		end = offset + HEAD_BYTES + buffer.readUInt32LE(offset);
		if (buffer[offset + 4] === KIND.PIECE)
			takePiece(batch, offset, end);
		else if (buffer[offset + 4] === KIND.CLOSE && facts === null)
			leaveUnstarted();
		setImmediate(takeEvent);
	}
}

// Nothing of the script has run, and nobody waits for it any more.
function leaveUnstarted() {
	isEnded = true;
	process.exit(0);
}

// Taken as it comes: what the session begins with may lie behind events that wait for its beginning. Its turn as an event is empty.
function takePiece(batch, offset, end) {
	try {
		pieces.add(batch.buffer, offset, end);
	} catch (error) {
		fatal(error, 'sidecar');
	}
	batch.owed -= end - offset; // no part of the window
}

function takeEvent() {
	if (isStarting)
		return void turnsOwed++;
	const { buffer, at: offset } = batches[0];
	const end = offset + HEAD_BYTES + buffer.readUInt32LE(offset);
	batches[0].at = end;
	if (buffer[offset + 4] === KIND.OPEN)
		return start(frames.decode(buffer, offset));
	handle(buffer, buffer[offset + 4], buffer[offset + 5], offset, offset + HEAD_BYTES, end);
	return finishEvent();
}

function finishEvent() {
	const { buffer, at, owed } = batches[0];
	if (at < buffer.length)
		return;
	batches.shift();
	outbox.credit(owed);
	sampleSometimes();
	if (batches.length > 0)
		return;
	outbox.isBatching = false;
	outbox.flush();
}

// However long it awaits, a start is alive as long as the thread turns; an endless loop is not. Up to here the main thread spoke for us.
function start(open) {
	const heartbeat = setInterval(() => outbox.beat(), HEARTBEAT_INTERVAL_MS);
	isStarting = true;
	outbox.isBatching = false;
	port.postMessage('up');
	startScript(open).then(() => {
		clearInterval(heartbeat);
		isStarting = false;
		isOpen = true;
		outbox.isBatching = true;
		finishEvent();
		for (; turnsOwed > 0; turnsOwed--)
			setImmediate(takeEvent);
	}, (error) => fatal(error, 'the script cannot start'));
}

// The heap has its limit from the worker's resourceLimits; memory of Buffers lies outside it and is looked at here.
function sample() {
	const heap = v8.getHeapStatistics();
	const outside = heap.external_memory + heap.malloced_memory;
	outbox.memory(heap.total_physical_size + outside);
	if (facts.memory_bytes > 0 && outside > facts.memory_bytes) {
		end(END.OUT_OF_MEMORY, `script has ${Math.round(outside / 1048576)} MB of buffers, more than its memory limit`);
		process.exit(1);
	}
}

function sampleSometimes() {
	const now = Date.now();
	if (!isOpen || now - sampledAt < SAMPLE_INTERVAL_MS)
		return;
	sampledAt = now;
	sample();
}

port.on('message', takeBatch);
