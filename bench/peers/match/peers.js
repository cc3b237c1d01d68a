// Other matchmakers, each with one call: round(waiting, now) takes those who wait, oldest first, and returns matches: { teams: [five, five] }.
// They are asked for as much of the five rules as their own means allow; where they know no teams, teams are made for them by evenTeams, in their favour.
'use strict';
const { MODES, MAPS, REGIONS, SIZE, PEERS, PING, holds } = require('./tickets');

// The evenest way to share ten players between two teams of five: all 126, since the others make no teams.
function evenTeams(players) {
  const total = players.reduce((sum, player) => sum + player.skill, 0);
  let best = null, least = Infinity;
  for (let bits = 0; bits < 512; bits++) { // the last player is always in the other team
    let count = 0, sum = 0;
    for (let i = 0; i < 9; i++) if (bits >> i & 1) { count++; sum += players[i].skill; }
    if (count === 5 && Math.abs(2 * sum - total) < least) { least = Math.abs(2 * sum - total); best = bits; }
  }
  return [players.filter((_, i) => i < 9 && best >> i & 1), players.filter((_, i) => i === 9 || !(best >> i & 1))];
}

// npm gamemaker as it is installed. It cuts its queue into groups of ten and asks a function of ours about each; the function knows all five rules. Its own
// option to sort the queue is not taken over by its constructor, so the queue is given to it in an order: as they came, or by mode and skill.
function gamemaker(isSorted) {
  const MatchMaker = require('gamemaker');
  return (waiting) => {
    const matches = [];
    const take = (group) => matches.push({ teams: evenTeams(group.map((entry) => entry.player)) });
    const fits = (group) => holds(evenTeams(group.map((entry) => entry.player)));
    const maker = new MatchMaker(take, (player) => player.id, { minMatchSize: SIZE, maxMatchSize: SIZE, matchPlayersFunction: fits });
    const order = isSorted ? [...waiting].sort((a, b) => (a.mode < b.mode ? -1 : a.mode > b.mode ? 1 : a.skill - b.skill)) : waiting;
    maker.queue = order.map((player) => ({ player, addedAt: player.at }));
    maker.fetchQueue();
    return matches;
  };
}

// A model of Open Match's "teamshooter" example (examples/scale/scenarios/teamshooter in its repository): a profile per region and mode; its match function
// proposes every run of ten neighbours in skill who are near enough, its evaluator takes proposals by least variance and skips those with a player already
// taken. Profiles per map are added here, as a studio would; the spread allowed is the most that never breaks the rule Peers.
function openMatch(waiting) {
  const proposals = [], spread = PEERS * SIZE / (SIZE - 1);
  for (const mode of MODES) for (const region of REGIONS) for (const map of MAPS) {
    const fits = (player) => player.mode === mode && player.latencies[region] <= PING && player.maps.includes(map);
    const pool = waiting.filter(fits).sort((a, b) => a.skill - b.skill);
    for (let i = 0; i + SIZE <= pool.length; i++) {
      if (pool[i + SIZE - 1].skill - pool[i].skill > spread) continue;
      const players = pool.slice(i, i + SIZE), average = players.reduce((sum, player) => sum + player.skill, 0) / SIZE;
      proposals.push({ players, quality: -players.reduce((sum, player) => sum + (player.skill - average) ** 2, 0) });
    }
  }
  proposals.sort((a, b) => b.quality - a.quality);
  const used = new Set();
  return proposals.filter(({ players }) => {
    if (players.some((player) => used.has(player))) return false;
    for (const player of players) used.add(player);
    return true;
  }).map(({ players }) => ({ teams: evenTeams(players) }));
}

// A model of Nakama's default matchmaker (server/matchmaker_process.go in its repository) with rev_precision: each ticket in turn searches for those whom its
// query wants (same mode, skill within the window, one of its maps, one of its regions near: a hit for each of them counts as score), best score first, then
// oldest; hits are put into the first combination with room whose members they all want and are wanted by; the first that has ten is the match. A query is
// about two players, so what all ten have in common and even teams cannot be said. Its searches go to a text index; here a list by mode and skill
// stands for it. Equal minimum and maximum: a ticket searches once and is then found by others only.
function nakama() {
  const hasSearched = new Set();
  const nearBoth = (a, b) => REGIONS.filter((region) => a.latencies[region] <= PING && b.latencies[region] <= PING).length;
  const wants = (a, b) => a.mode === b.mode && Math.abs(a.skill - b.skill) <= PEERS && a.maps.some((map) => b.maps.includes(map)) && nearBoth(a, b) > 0;
  const score = (a, b) => a.maps.filter((map) => b.maps.includes(map)).length + nearBoth(a, b);
  const near = (list, from) => { // the first of a list by skill who is not below
    let low = 0, high = list.length;
    while (low < high) { const middle = (low + high) >> 1; if (list[middle].skill < from) low = middle + 1; else high = middle; }
    return low;
  };
  return (waiting) => {
    const used = new Set(), matches = [], index = {};
    for (const mode of MODES) index[mode] = waiting.filter((player) => player.mode === mode).sort((a, b) => a.skill - b.skill);
    for (const active of waiting) {
      if (used.has(active) || hasSearched.has(active)) continue;
      hasSearched.add(active);
      const list = index[active.mode], hits = [], combos = [];
      for (let i = near(list, active.skill - PEERS); i < list.length && list[i].skill <= active.skill + PEERS; i++)
        if (list[i] !== active && !used.has(list[i]) && wants(active, list[i])) hits.push({ player: list[i], score: score(active, list[i]) });
      hits.sort((a, b) => b.score - a.score || a.player.at - b.player.at);
      for (const { player } of hits) {
        let combo = combos.find((others) => others.length + 2 <= SIZE && others.every((other) => wants(player, other)));
        if (!combo) combos.push(combo = []);
        combo.push(player);
        if (combo.length + 1 < SIZE) continue;
        const players = [...combo, active];
        for (const taken of players) used.add(taken);
        matches.push({ teams: evenTeams(players) });
        break;
      }
    }
    return matches;
  };
}

module.exports = {
  'gamemaker, as they came': () => gamemaker(false), 'gamemaker, sorted': () => gamemaker(true),
  'Open Match teamshooter (model)': () => openMatch, 'Nakama default (model)': nakama,
};
