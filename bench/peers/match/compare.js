// The same tickets through Ringcast's matchmaker and the others, judged by the same rules: node compare.js [--json] MICRO-MATCH-ROUNDS
//   pool: everybody waits from the start, one round. stream: they come within a minute, a round a second, for two minutes.
'use strict';
const { spawnSync } = require('child_process');
const path = require('path');
const peers = require('./peers');
const { crowd, line, broken, mean } = require('./tickets');

const POOLS = [100, 300, 1000, 3000, 10000], OURS_ALONE = [30000, 100000], STREAM = 6000, SECONDS = 60, ROUNDS = 120, SEED = 7;
const SLOW_MS = 20000; // a peer that took longer is not asked about a bigger pool
const asJson = process.argv.includes('--json'), program = process.argv[2 + asJson];

// What came of it: matches that keep all five rules, those that do not and why; of the former how even the teams are and how long players waited.
function judge(matches) {
  const good = matches.filter(({ teams }) => broken(teams).length === 0), reasons = {};
  for (const { teams } of matches) for (const rule of broken(teams)) reasons[rule] = (reasons[rule] || 0) + 1;
  const skill = (team) => mean(team.map((player) => player.skill));
  const waits = good.flatMap(({ teams, at }) => teams.flat().map((player) => at - player.at)).sort((a, b) => a - b);
  const gap = good.length ? mean(good.map(({ teams: [one, two] }) => Math.abs(skill(one) - skill(two)))) : null;
  const wait = [0.5, 0.9].map((part) => waits[Math.floor(part * waits.length)] ?? null);
  return { keep: good.length, broken: matches.length - good.length, reasons, gap, wait };
}

function runOurs(players, rounds) {
  const byId = new Map(players.map((player) => [player.id, player]));
  const options = { input: players.map(line).join('\n'), maxBuffer: 1 << 30, encoding: 'utf8' };
  const said = spawnSync(program, [path.join(__dirname, 'rules.json'), String(rounds)], options);
  if (said.status !== 0) throw new Error(said.stderr || String(said.error));
  const lines = said.stdout.trim().split('\n').map((text) => JSON.parse(text)), end = lines.pop();
  const seen = lines.flatMap(({ teams }) => teams.flat());
  if (new Set(seen).size !== seen.length) throw new Error('a player is in two matches');
  return { cpuMs: end.cpuMs, matches: lines.map(({ at, teams }) => ({ at, teams: teams.map((team) => team.map((id) => byId.get(id))) })) };
}

function runPeer(peer, players, rounds) {
  const round = peer(), matches = [];
  let waiting = [], come = 0, cpuUs = 0;
  for (let now = 0; now < rounds; now++) {
    while (come < players.length && players[come].at <= now) waiting.push(players[come++]);
    const began = process.cpuUsage();
    const found = round(waiting);
    const used = process.cpuUsage(began);
    cpuUs += used.user + used.system;
    for (const match of found) matches.push({ ...match, at: now });
    const taken = new Set(found.flatMap(({ teams }) => teams.flat()));
    waiting = waiting.filter((player) => !taken.has(player));
  }
  return { cpuMs: cpuUs / 1e3, matches };
}

function report(input, tickets, name, { cpuMs, matches }) {
  const found = judge(matches), number = (value, digits) => (value === null ? '-' : value.toFixed(digits));
  if (asJson) return console.log(JSON.stringify({ input, tickets, matchmaker: name, cpuMs, ...found }));
  const why = Object.entries(found.reasons).map(([rule, count]) => `${rule} ${count}`).join(', ');
  const columns = [[input, -6], [tickets, 7], [` ${name}`, -32], [cpuMs.toFixed(1), 8], [(cpuMs * 1e3 / tickets).toFixed(1), 9], [found.keep, 6],
    [found.broken, 6], [number(found.gap, 1), 6], [number(found.wait[0], 1), 5], [number(found.wait[1], 1), 5], [` ${why}`, 0]];
  console.log(columns.map(([text, width]) => (width < 0 ? String(text).padEnd(-width) : String(text).padStart(width))).join(' ').trimEnd());
}

if (!program) { console.error('usage: node compare.js [--json] MICRO-MATCH-ROUNDS'); process.exit(2); }
if (!asJson) console.log('input  tickets  matchmaker                         CPU ms us/ticket   keep broken    gap   50%   90%  rules broken, by matches');
const tooSlow = new Set();
for (const count of [...POOLS, ...OURS_ALONE]) {
  const players = crowd(count, 0, SEED);
  report('pool', count, 'Ringcast', runOurs(players, 1));
  for (const [name, peer] of POOLS.includes(count) ? Object.entries(peers) : []) {
    if (tooSlow.has(name)) continue;
    const result = runPeer(peer, players, 1);
    if (result.cpuMs > SLOW_MS) tooSlow.add(name);
    report('pool', count, name, result);
  }
}
const players = crowd(STREAM, SECONDS, SEED);
report('stream', STREAM, 'Ringcast', runOurs(players, ROUNDS));
for (const [name, peer] of Object.entries(peers)) report('stream', STREAM, name, runPeer(peer, players, ROUNDS));
