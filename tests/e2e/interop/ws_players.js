// Two players on npm ws, which shares no code with us: they log in, speak to each other in every way the stream has, and leave.
//   node ws_players.js URL TOKEN TOKEN [CA-FILE [wrong]]     wrong: the connection must be refused for its certificate
// Prints one JSON line; exits 0 when everything was as it must be.
'use strict';
const assert = require('node:assert');
const fs = require('node:fs');
const WebSocket = require('ws');
const { COMMAND, decode, encode, field, fields, packedVarints } = require('./realtime.js');

const [url, firstToken, secondToken, caFile, wrong] = process.argv.slice(2);
const SERVER = -1, EVERYONE = -1, GROUP = 3;
setTimeout(() => { console.error('no end within 60 s'); process.exit(1); }, 60000).unref();

class Player {
  constructor(token) {
    this.token = token;
    this.inbox = [];
    this.waiting = [];
    this.socket = new WebSocket(url, caFile ? { ca: fs.readFileSync(caFile), family: 4 } : {});
    this.socket.on('message', (data, isBinary) => {
      assert(isBinary, 'a text message');
      const packet = decode(data);
      const wait = this.waiting.shift();
      if (wait) wait(packet); else this.inbox.push(packet);
    });
    this.closed = new Promise((resolve) => this.socket.on('close', (code) => resolve(code)));
    this.opened = new Promise((resolve, reject) => { this.socket.on('open', resolve); this.socket.on('error', reject); });
  }

  next() {
    return this.inbox.length ? Promise.resolve(this.inbox.shift()) : new Promise((resolve) => this.waiting.push(resolve));
  }

  send(packet) {
    this.socket.send(encode({ sender: this.peerId, reliable: 1, ...packet }));
  }

  async login() {
    await this.opened;
    const login = Buffer.concat([field(1, Buffer.from(this.token)), field(2, 2)]);
    this.send({ opCode: 0, targetPlayer: SERVER, targetGroup: EVERYONE, command: COMMAND.login, body: login });
    const packet = await this.next();
    assert.strictEqual(packet.opCode, -1);
    const result = fields(packet.commands.get(COMMAND.loginResult));
    assert.strictEqual(result.get(1), 1, 'refused');
    assert.strictEqual(result.get(3), packet.targetPlayer, 'the peer id is in both places');
    this.peerId = packet.targetPlayer;
    return result;
  }

  async expect(opCode, sender, payload) {
    const packet = await this.next();
    assert.deepStrictEqual([packet.opCode, packet.sender, packet.payload.toString('latin1')], [opCode, sender, payload.toString('latin1')]);
    assert.strictEqual(packet.sequence, 0, 'a sequence number on the stream');
  }
}

async function memberships(asker) {
  asker.send({ opCode: -12, targetPlayer: SERVER, command: COMMAND.requestMembership, body: field(1, GROUP) });
  for (;;) {
    const packet = await asker.next();
    if (packet.opCode !== -13) continue;
    const update = fields(packet.commands.get(COMMAND.membership));
    assert.strictEqual(update.get(1), GROUP);
    const members = packedVarints(update.get(2) || Buffer.alloc(0));
    if (members.length === 2) return members;
  }
}

async function play() {
  const alice = new Player(firstToken), bob = new Player(secondToken);
  const result = await alice.login();
  await bob.login();
  const large = Buffer.alloc(4096, 'x');
  alice.send({ opCode: 7, targetPlayer: bob.peerId, payload: Buffer.from('to bob') });
  await bob.expect(7, alice.peerId, Buffer.from('to bob'));
  bob.send({ opCode: 8, targetGroup: EVERYONE, payload: large });
  await alice.expect(8, bob.peerId, large);
  await bob.expect(8, bob.peerId, large);
  for (const player of [alice, bob]) player.send({ opCode: -10, targetPlayer: SERVER, command: COMMAND.joinGroup, body: field(1, GROUP) });
  const members = await memberships(bob);
  assert.deepStrictEqual([...members].sort(), [alice.peerId, bob.peerId].sort());
  bob.socket.ping();
  await new Promise((resolve) => bob.socket.once('pong', resolve));
  for (const player of [alice, bob]) player.socket.close(1000);
  assert.strictEqual(await alice.closed, 1000);
  assert.strictEqual(await bob.closed, 1000);
  console.log(JSON.stringify({ fastPort: result.get(4) || 0, caCert: (result.get(5) || '').toString(), hasToken: result.has(6) }));
}

async function expectRefusal() {
  const player = new Player(firstToken);
  const error = await player.opened.then(() => null, (problem) => problem);
  assert(error, 'connected to a server that it must not trust');
  console.log(JSON.stringify({ code: error.code || error.message }));
}

(wrong ? expectRefusal() : play()).catch((error) => { console.error(error); process.exit(1); });
