// How it goes: a few numbers, and lines over the last minutes.
import { get } from '../api.js';
import { mayChange } from '../caller.js';
import { Chart } from '../chart.js';
import { el } from '../dom.js';
import { Facts } from '../facts.js';
import { amount, bytes, count, duration } from '../format.js';
import { LOOKS_MAX, LOOK_INTERVAL_MS, levels, look, means, quantiles, rates, ratesBy } from '../history.js';
import { sum } from '../metrics.js';
import { operationButtons } from './operations.js';

const perSecond = (value) => `${amount(value)}/s`;

function factsOf(info, samples) {
	return [
		['State', info.draining ? 'draining' : 'takes players'],
		['Version', `${info.version}${info.dev ? ', dev mode' : ''}`],
		['Shards', `${info.shards}, ${info.io}`],
		['Sessions', count(sum(samples, 'ringcast_sessions'))],
		['Players', count(sum(samples, 'ringcast_players'))],
		['Game port', `${info.tcp_port}, TLS ${info.tls.mode}`],
		['Memory', bytes(sum(samples, 'process_resident_memory_bytes'))],
		['Slowest shard', `ticked ${duration(Math.max(0, ...(samples.get('ringcast_stall_seconds') ?? []).map(({ value }) => value)))} ago`],
	];
}

export function showOverview(place) {
	const facts = new Facts();
	const deliveries = new Chart('Deliveries', perSecond), players = new Chart('Players and sessions', count);
	const drops = new Chart('Drops by reason', perSecond), ticks = new Chart('Tick time', duration);
	const quiet = el('p', { class: 'empty' }, 'Nothing was dropped in this time.');
	drops.element.append(quiet);
	place.put(facts.element, el('div', { class: 'charts' }, deliveries.element, players.element, drops.element, ticks.element));
	if (mayChange())
		place.put(operationButtons());
	place.every(LOOK_INTERVAL_MS, async () => {
		const [info, samples] = await Promise.all([get('/v1/info', place.signal), look(place.signal)]);
		const dropped = ratesBy('ringcast_drops_total', 'reason');
		facts.update(factsOf(info, samples));
		deliveries.update([{ name: 'reliable', values: rates('ringcast_deliveries_reliable_total') },
			{ name: 'fast', values: rates('ringcast_deliveries_fast_total') }], LOOKS_MAX);
		players.update([{ name: 'players', values: levels('ringcast_players') }, { name: 'sessions', values: levels('ringcast_sessions') }], LOOKS_MAX);
		drops.update(dropped, LOOKS_MAX);
		quiet.hidden = dropped.length > 0;
		ticks.update([{ name: 'mean', values: means('ringcast_tick_seconds') },
			{ name: '99 % below', values: quantiles('ringcast_tick_seconds', 0.99) }], LOOKS_MAX);
	});
}
