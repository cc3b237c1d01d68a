/*
 * A studio's backend in one file: a player asks to play, and is told where. It finds a session with room or creates one, reserves a place, and answers with
 * what a client connects with. Only the endpoint says that this is not the vendor's service.
 *
 *     POST /play {"player": "alice"}  ->  {"address": "127.0.0.1", "port": 7777, "token": "psess-...", "session": "arn:..."}
 *
 * And it says something to the players of a session that runs, through the session's script (the example game's NEWS), which the vendor's API cannot:
 *
 *     POST /news {"session": "arn:...", "text": "a round begins"}  ->  {"state": "sent"}
 */
const crypto = require('crypto');
const http = require('http');
const {GameLiftClient, SearchGameSessionsCommand, CreateGameSessionCommand, CreatePlayerSessionCommand, DescribeGameSessionsCommand} = require('@aws-sdk/client-gamelift');

const fleet = process.env.FLEET || 'fleet-dev';
const playersMax = Number(process.env.PLAYERS_MAX || 4);
const gamelift = new GameLiftClient({
	endpoint: process.env.ENDPOINT || 'http://127.0.0.1:9081',
	region: process.env.AWS_REGION || 'local',
	credentials: {accessKeyId: process.env.AWS_ACCESS_KEY_ID || 'any', secretAccessKey: process.env.AWS_SECRET_ACCESS_KEY || 'any'},
});

const admin = process.env.ADMIN || 'http://127.0.0.1:9080'; // not part of the vendor's API: see docs/admin-api.md
const adminToken = process.env.ADMIN_TOKEN;

const ANNOUNCE = 12; // docs/examples/README.md
const TRIES = 5, ACTIVATION_MS = 60000, BODY_BYTES_MAX = 4096;

async function findSessions() {
	const found = await gamelift.send(new SearchGameSessionsCommand({
		FleetId: fleet, FilterExpression: 'hasAvailablePlayerSessions=true', SortExpression: 'playerSessionCount DESC', Limit: 5}));
	return found.GameSessions;
}

/* A session is ACTIVE when its script or game server has started it. */
async function createSession() {
	let {GameSession: session} = await gamelift.send(new CreateGameSessionCommand({
		FleetId: fleet, MaximumPlayerSessionCount: playersMax, Name: `play-${crypto.randomUUID()}`})); // by this name the admin API finds it
	for (const until = Date.now() + ACTIVATION_MS; session.Status === 'ACTIVATING' && Date.now() < until;) {
		await new Promise((resolve) => setTimeout(resolve, 200));
		[session] = (await gamelift.send(new DescribeGameSessionsCommand({GameSessionId: session.GameSessionId}))).GameSessions;
	}
	if (session.Status !== 'ACTIVE')
		throw new Error(`the session is ${session.Status}`);
	return session;
}

/* null: somebody else was faster, or the session is over. */
async function reserve(session, player) {
	try {
		return (await gamelift.send(new CreatePlayerSessionCommand({GameSessionId: session.GameSessionId, PlayerId: player}))).PlayerSession;
	} catch (error) {
		if (['GameSessionFullException', 'InvalidGameSessionStatusException', 'NotFoundException'].includes(error.name))
			return null;
		throw error;
	}
}

/* One at a time, or two players who come together would find no session and create one each. */
let last = Promise.resolve();
function play(player) {
	const turn = last.then(async () => {
		for (let i = 0; i < TRIES; i++) {
			for (const session of [...await findSessions(), null]) {
				const place = await reserve(session ?? await createSession(), player);
				if (place)
					return {address: place.DnsName || place.IpAddress, port: place.Port, token: place.PlayerSessionId, session: place.GameSessionId};
			}
		}
		throw new Error('every session was full');
	});
	last = turn.catch(() => {});
	return turn;
}

async function askAdmin(method, path, body) {
	const headers = {'Content-Type': 'application/json', ...adminToken && {Authorization: `Bearer ${adminToken}`}};
	const response = await fetch(admin + path, {method, headers, body: body && JSON.stringify(body)});
	const answer = await response.json();
	if (!response.ok)
		throw Object.assign(new Error(answer.detail), {status: response.status});
	return answer;
}

async function announce(arn, text) {
	const [session] = (await gamelift.send(new DescribeGameSessionsCommand({GameSessionId: arn}))).GameSessions;
	const {sessions: [found]} = await askAdmin('GET', `/v1/sessions?name=${encodeURIComponent(session.Name)}`);
	if (!found)
		throw Object.assign(new Error('the session is over'), {status: 404});
	const {state} = await askAdmin('POST', `/v1/sessions/${found.id}/messages`, {opcode: ANNOUNCE, payload: text});
	return {state};
}

async function readBody(request) {
	let text = '';
	for await (const piece of request)
		if ((text += piece).length > BODY_BYTES_MAX)
			throw new SyntaxError('the body is too large');
	return JSON.parse(text);
}

async function answer(request, response) {
	const reply = (status, body) => response.writeHead(status, {'Content-Type': 'application/json'}).end(JSON.stringify(body) + '\n');
	try {
		const {player, session, text} = request.method === 'POST' ? await readBody(request) : {};
		if (request.url === '/play' && typeof player === 'string' && player !== '')
			return reply(200, await play(player));
		if (request.url === '/news' && typeof session === 'string' && typeof text === 'string')
			return reply(200, await announce(session, text));
		reply(400, {error: 'POST /play {"player": "a name"}, or POST /news {"session": "as /play gave it", "text": "to say"}'});
	} catch (error) {
		const isTheirs = error instanceof SyntaxError || error.name === 'InvalidRequestException';
		reply(error.name === 'NotFoundException' ? 404 : error.status ?? (isTheirs ? 400 : 503), {error: error.message});
	}
}

const server = http.createServer(answer);
server.listen(Number(process.env.PORT || 8080), process.env.HOST || '127.0.0.1', () => console.log(`listening on ${server.address().port}`));
