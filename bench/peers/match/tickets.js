// The crowd, and what is to hold for a match: the five rules of rules.json, written a second time.
'use strict';
const MODES = ['ranked', 'casual', 'chaos'], MAPS = ['ice', 'sea', 'sand', 'moss', 'moon', 'mine'], REGIONS = ['eu-west', 'us-east', 'asia'];
const SIZE = 10, PEERS = 150, FAIR = 20, PING = 120;

const mean = (numbers) => numbers.reduce((sum, number) => sum + number, 0) / numbers.length;

// Numbers below a bound, the same for a seed (xorshift).
function dice(seed) {
  let state = seed >>> 0 || 1;
  return (bound) => {
    state ^= state << 13; state >>>= 0; state ^= state >>> 17; state ^= state << 5; state >>>= 0;
    return state % bound;
  };
}

// Players of one, who come evenly within so many seconds; skill about 1000 of 0..2000, one of three modes, two of six maps (or twice the same).
function crowd(count, seconds, seed) {
  const below = dice(seed);
  return Array.from({ length: count }, (_, i) => ({
    id: `p${i}`, at: seconds * i / count, skill: below(500) + below(500) + below(500) + below(500), mode: MODES[below(3)], maps: [MAPS[below(6)], MAPS[below(6)]],
    latencies: Object.fromEntries(REGIONS.map((region) => [region, 10 + below(200)])),
  }));
}

// As StartMatchmaking has it.
const line = (player) => JSON.stringify({ at: player.at, players: [{ PlayerId: player.id, LatencyInMs: player.latencies,
  PlayerAttributes: { skill: { N: player.skill }, mode: { S: player.mode }, maps: { SL: player.maps } } }] });

// Names of the rules that a match breaks.
function broken(teams) {
  const all = teams.flat(), average = mean(all.map((player) => player.skill)), out = [];
  if (teams.length !== 2 || teams.some((team) => team.length !== 5)) out.push('Teams');
  if (new Set(all.map((player) => player.mode)).size !== 1) out.push('Mode');
  if (all.some((player) => Math.abs(player.skill - average) > PEERS)) out.push('Peers');
  if (teams.some((team) => Math.abs(mean(team.map((player) => player.skill)) - average) > FAIR)) out.push('Fair');
  if (!MAPS.some((map) => all.every((player) => player.maps.includes(map)))) out.push('Maps');
  if (!REGIONS.some((region) => all.every((player) => player.latencies[region] <= PING))) out.push('Ping');
  return out;
}

module.exports = { MODES, MAPS, REGIONS, SIZE, PEERS, PING, crowd, line, broken, mean, holds: (teams) => broken(teams).length === 0 };
