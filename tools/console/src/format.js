// Numbers and moments as people read them.
const NUMBER = new Intl.NumberFormat('en-GB', { maximumFractionDigits: 1 });
const WHOLE = new Intl.NumberFormat('en-GB', { maximumFractionDigits: 0 });

export function count(value) {
	return WHOLE.format(value ?? 0);
}

// Short: 12, 3.4 k, 5.6 M.
export function amount(value) {
	for (const [size, unit] of [[1e9, 'G'], [1e6, 'M'], [1e4, 'k']])
		if (Math.abs(value) >= size)
			return `${NUMBER.format(value / (unit === 'k' ? 1e3 : size))} ${unit}`;
	return NUMBER.format(value);
}

export function bytes(value) {
	for (const [size, unit] of [[2 ** 30, 'GiB'], [2 ** 20, 'MiB'], [2 ** 10, 'KiB']])
		if (value >= size)
			return `${NUMBER.format(value / size)} ${unit}`;
	return `${WHOLE.format(value ?? 0)} B`;
}

export function duration(seconds) {
	if (seconds < 1e-3)
		return `${NUMBER.format(seconds * 1e6)} µs`;
	if (seconds < 1)
		return `${NUMBER.format(seconds * 1e3)} ms`;
	if (seconds < 120)
		return `${WHOLE.format(seconds)} s`;
	if (seconds < 7200)
		return `${WHOLE.format(seconds / 60)} min`;
	return seconds < 172800 ? `${WHOLE.format(seconds / 3600)} h` : `${WHOLE.format(seconds / 86400)} days`;
}

const two = (value) => String(value).padStart(2, '0');

function clock(date) {
	return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

// Of today the time only. Takes what Date takes; nothing for null.
export function moment(text) {
	if (!text)
		return '–';
	const date = new Date(text);
	if (date.toDateString() === new Date().toDateString())
		return clock(date);
	return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${clock(date)}`;
}

// An id's tail tells it apart from its neighbours; the whole of it is where there is room.
export function shortId(id) {
	return id.length > 16 ? `…${id.slice(-8)}` : id;
}
