// Lines over time, in SVG. Every line is named with its last value below, so that nothing is told by colour alone.
import { el, newId, setText, svg } from './dom.js';

const WIDTH = 600, HEIGHT = 160, TOP = 18, BOTTOM = 8;
export const LINES_MAX = 6;

export class Chart {
	#format;
	#plot = svg('g');
	#top = el('p', { class: 'scale', 'aria-hidden': 'true' });
	#legend = el('ul', { class: 'legend' });
	#svg;
	#title;

	constructor(title, format) {
		const id = newId('chart');
		this.#format = format;
		this.#title = title;
		this.#svg = svg('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: 'img', preserveAspectRatio: 'none' },
			svg('line', { x1: 0, x2: WIDTH, y1: HEIGHT - BOTTOM, y2: HEIGHT - BOTTOM, class: 'axis' }),
			svg('line', { x1: 0, x2: WIDTH, y1: TOP, y2: TOP, class: 'axis' }), this.#plot);
		this.element = el('section', { class: 'chart', 'aria-labelledby': id }, el('h2', { id }, title), this.#top, this.#svg, this.#legend);
	}

	// lines: [{ name, values }], values from oldest to newest; room: how many there may be.
	update(lines, room) {
		const shown = lines.slice(0, LINES_MAX), top = Math.max(...shown.flatMap(({ values }) => values), 0);
		this.#plot.replaceChildren(...shown.map(({ values }, i) => svg('polyline', { points: pointsOf(values, room, top || 1), class: `line line-${i}` })));
		setText(this.#top, top > 0 ? this.#format(top) : '');
		const texts = shown.map(({ name, values }) => `${name}: ${this.#format(values.at(-1) ?? 0)}`);
		this.#svg.setAttribute('aria-label', `${this.#title}. ${texts.join(', ')}`);
		this.#legend.replaceChildren(...texts.map((text, i) => el('li', {}, svg('svg', { viewBox: '0 0 12 12', class: 'mark', 'aria-hidden': 'true' },
			svg('line', { x1: 0, x2: 12, y1: 6, y2: 6, class: `line line-${i}` })), text)));
	}
}

function pointsOf(values, room, top) {
	const step = WIDTH / (room - 1), first = room - values.length, height = HEIGHT - TOP - BOTTOM;
	return values.map((value, i) => `${((first + i) * step).toFixed(1)},${(TOP + height * (1 - value / top)).toFixed(1)}`).join(' ');
}
