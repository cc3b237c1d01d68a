/*
 * A studio's backend in one file: a player asks to play, and is told where. It finds a session with room or creates one, reserves a place, and answers with
 * what a client connects with. Only the endpoint says that this is not the vendor's service.
 *
 *     POST /play {"player": "alice"}  ->  {"address": "127.0.0.1", "port": 7777, "token": "psess-...", "session": "arn:..."}
 */
const http = require('http');
const {GameLiftClient, SearchGameSessionsCommand, CreateGameSessionCommand, CreatePlayerSessionCommand, DescribeGameSessionsCommand} = require('@aws-sdk/client-gamelift');

const fleet = process.env.FLEET || 'fleet-dev';
const playersMax = Number(process.env.PLAYERS_MAX || 4);
const gamelift = new GameLiftClient({
	endpoint: process.env.ENDPOINT || 'http://127.0.0.1:9081',
	region: process.env.AWS_REGION || 'local',
	credentials: {accessKeyId: process.env.AWS_ACCESS_KEY_ID || 'any', secretAccessKey: process.env.AWS_SECRET_ACCESS_KEY || 'any'},
});

const TRIES = 5, ACTIVATION_MS = 60000, BODY_BYTES_MAX = 4096;

async function findSessions() {
	const found = await gamelift.send(new SearchGameSessionsCommand({
		FleetId: fleet, FilterExpression: 'hasAvailablePlayerSessions=true', SortExpression: 'playerSessionCount DESC', Limit: 5}));
	return found.GameSessions;
}

/* A session is ACTIVE when its script or game server has started it. */
async function createSession() {
	let {GameSession: session} = await gamelift.send(new CreateGameSessionCommand({FleetId: fleet, MaximumPlayerSessionCount: playersMax}));
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
		const {player} = request.method === 'POST' && request.url === '/play' ? await readBody(request) : {};
		if (typeof player !== 'string' || player === '')
			return reply(400, {error: 'POST /play {"player": "a name"}'});
		reply(200, await play(player));
	} catch (error) {
		const isTheirs = error instanceof SyntaxError || error.name === 'InvalidRequestException';
		reply(isTheirs ? 400 : 503, {error: error.message});
	}
}

const server = http.createServer(answer);
server.listen(Number(process.env.PORT || 8080), process.env.HOST || '127.0.0.1', () => console.log(`listening on ${server.address().port}`));
