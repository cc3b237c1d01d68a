// A backend on the unmodified AWS SDK: gamelift.mjs json|cbor URL. Prints what a player needs, as JSON, and waits for a line before it goes on.
import { createRequire } from 'node:module';
import readline from 'node:readline';
import assert from 'node:assert/strict';

const require = createRequire(process.env.GAMELIFT_SDK + '/package.json');
const sdk = require('@aws-sdk/client-gamelift');

const [wire, endpoint] = process.argv.slice(2);
const options = { endpoint, region: 'local', credentials: { accessKeyId: 'any', secretAccessKey: 'any' }, maxAttempts: 2 };
if (wire === 'cbor') options.protocol = require('@aws-sdk/core/protocols').AwsSmithyRpcV2CborProtocol;
const client = new sdk.GameLiftClient(options);
const call = (name, input) => client.send(new sdk[`${name}Command`](input));

async function fault(name, input) {
  try {
    await call(name, input);
  } catch (error) {
    assert.ok(error instanceof sdk.GameLiftServiceException, `${name}: ${error}`);
    assert.ok(error.message.length > 0 && error.message !== 'UnknownError', name);
    return error.name;
  }
  throw new Error(`${name} was not refused`);
}

async function configure() {
  const { FleetAttributes: fleet } = await call('CreateFleet', { Name: 'f', Tags: [{ Key: 'k', Value: 'v' }] });
  assert.ok(fleet.CreationTime instanceof Date && Math.abs(fleet.CreationTime - new Date()) < 3600e3);
  const { Alias: alias } = await call('CreateAlias', { Name: 'a', RoutingStrategy: { Type: 'SIMPLE', FleetId: fleet.FleetId } });
  assert.equal((await call('ResolveAlias', { AliasId: alias.AliasId })).FleetId, fleet.FleetId);
  assert.deepEqual((await call('ListTagsForResource', { ResourceARN: fleet.FleetArn })).Tags, [{ Key: 'k', Value: 'v' }]);
  return { fleet, alias };
}

async function create(alias) {
  const input = { AliasId: alias.AliasId, MaximumPlayerSessionCount: 2, Name: 'räum', GameProperties: [{ Key: 'mode', Value: 'ctf' }], IdempotencyToken: `t-${wire}` };
  const { GameSession: session } = await call('CreateGameSession', input);
  assert.equal((await call('CreateGameSession', input)).GameSession.GameSessionId, session.GameSessionId);
  assert.equal(await fault('CreateGameSession', { ...input, Name: 'other' }), 'IdempotentParameterMismatchException');
  assert.equal(session.Name, 'räum');
  assert.deepEqual(session.GameProperties, [{ Key: 'mode', Value: 'ctf' }]);
  return session;
}

async function page(fleet) {
  const ids = new Set();
  for (let i = 0; i < 7; i++)
    ids.add((await call('CreateGameSession', { FleetId: fleet.FleetId, MaximumPlayerSessionCount: 1 })).GameSession.GameSessionId);
  const seen = [];
  for await (const part of sdk.paginateDescribeGameSessions({ client, pageSize: 2 }, { FleetId: fleet.FleetId }))
    seen.push(...part.GameSessions.map((session) => session.GameSessionId));
  assert.equal(new Set(seen).size, seen.length);
  for (const id of ids) assert.ok(seen.includes(id));
  const found = [];
  for await (const part of sdk.paginateSearchGameSessions({ client, pageSize: 3 },
    { FleetId: fleet.FleetId, FilterExpression: 'maximumSessions = 1', SortExpression: 'creationTimeMillis DESC' }))
    found.push(...part.GameSessions.map((session) => session.GameSessionId));
  assert.deepEqual(new Set(found), ids);
}

async function refuse(session) {
  const about = { GameSessionId: session.GameSessionId };
  assert.equal(await fault('CreatePlayerSession', { ...about, PlayerId: 'late' }), 'GameSessionFullException');
  assert.equal(await fault('DescribeAlias', { AliasId: 'alias-none' }), 'NotFoundException');
  assert.equal(await fault('CreatePlayerSession', { ...about, PlayerId: '' }), 'InvalidRequestException');
  await call('UpdateGameSession', { ...about, MaximumPlayerSessionCount: 3, PlayerSessionCreationPolicy: 'DENY_ALL' });
  assert.equal(await fault('CreatePlayerSession', { ...about, PlayerId: 'late' }), 'InvalidGameSessionStatusException');
  assert.equal(await fault('CreateVpcPeeringConnection', { FleetId: 'fleet-1', PeerVpcAwsAccountId: '1', PeerVpcId: 'v' }), 'UnsupportedRegionException');
}

async function status(session) {
  return (await call('DescribeGameSessions', { GameSessionId: session.GameSessionId })).GameSessions[0].Status;
}

const { fleet, alias } = await configure();
const session = await create(alias);
const { PlayerSessions: players } = await call('CreatePlayerSessions',
  { GameSessionId: session.GameSessionId, PlayerIds: ['alice', 'bob'], PlayerDataMap: { bob: 'team=red' } });
assert.equal(players[1].PlayerData, 'team=red');
assert.ok(players[0].CreationTime instanceof Date);
await page(fleet);
await refuse(session);
console.log(JSON.stringify({ ip: session.IpAddress, port: session.Port, tokens: players.map((player) => player.PlayerSessionId) }));

for await (const line of readline.createInterface({ input: process.stdin })) {
  assert.equal(line, 'played');
  break;
}
const shown = await call('DescribePlayerSessions', { GameSessionId: session.GameSessionId });
assert.deepEqual(shown.PlayerSessions.map((player) => player.Status), ['ACTIVE', 'ACTIVE']);
await call('TerminateGameSession', { GameSessionId: session.GameSessionId, TerminationMode: 'FORCE_TERMINATE' });
while (await status(session) !== 'TERMINATED') await new Promise((resolve) => setTimeout(resolve, 20));
process.exit(0);
